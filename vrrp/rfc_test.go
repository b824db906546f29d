// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

// One test per sentence of RFC 9568 §6.4 and §7.1, in the RFC's order. What the
// codec checks of §7.1 is in advert_test.go; the same names, the same order.

const (
	skew100 = 609375 * time.Microsecond // priority 100 at 1 s
	down100 = 3*second + skew100
)

// §6.4.1: "If the Priority associated with the Virtual Router is 255 (i.e., the
// router owns the IPvX address): send an ADVERTISEMENT … transition to Active."
func TestRFC_6_4_1_OwnerStartsAsActive(t *testing.T) {
	g := newRig(t, prio(OwnerPriority))
	g.want(Start{}, Transition{Initialize, Active, Owner}, Send{255}, Own{true})
	g.want(Owned{Held}, Announce{})
	g.state(Active)
}

// §6.4.1: "Set the Adver_Timer to Advertisement_Interval."
func TestRFC_6_4_1_OwnerSetsAdverTimer(t *testing.T) {
	g := newRig(t, prio(OwnerPriority))
	g.step(Start{})
	g.until(10*time.Millisecond, Send{255}) // the first one, repeated
	g.until(990*time.Millisecond, Send{255})
	g.until(second, Send{255})
}

// §6.4.1: "else: set Active_Adver_Interval to Advertisement_Interval; set the
// Active_Down_Timer to Active_Down_Interval; transition to the Backup state."
func TestRFC_6_4_1_OthersStartAsBackup(t *testing.T) {
	g := newRig(t)
	g.want(Start{}, Transition{Initialize, Backup, Started})
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// §6.4.1: nothing but Startup is acted on in Initialize.
func TestRFC_6_4_1_AdvertsAreIgnored(t *testing.T) {
	g := newRig(t)
	g.want(heardAt(200, higher, 2*second)) // nor compared
	for _, priority := range []uint8{1, 100, 255, 0} {
		g.want(heard(priority, higher))
	}
	g.quiet(time.Hour)
	g.state(Initialize)
}

// §6.4.1: our own interval, also when another was learned before.
func TestRFC_6_4_1_StartForgetsTheLearnedInterval(t *testing.T) {
	g := newRig(t)
	g.step(Start{})
	g.step(heardAt(200, higher, 100*time.Millisecond))
	g.step(Stop{})
	g.step(Start{})
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// §6.4.2: "If a Shutdown event is received: cancel the Active_Down_Timer;
// transition to the Initialize state." No advert is sent.
func TestRFC_6_4_2_Shutdown(t *testing.T) {
	g := backup(t, 200)
	g.want(Stop{}, Transition{Backup, Initialize, Stopped})
	g.quiet(time.Hour)
}

// §6.4.2: "If the Active_Down_Timer fires: send an ADVERTISEMENT; … broadcast a
// gratuitous ARP message …; set the Adver_Timer to Advertisement_Interval;
// transition to the Active state."
func TestRFC_6_4_2_ActiveDownTimerFires(t *testing.T) {
	g := backup(t, 200, func(p *Params) { p.Announce = p.Announce[:1] })
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
	g.want(Owned{Held}, Announce{})
	g.until(10*time.Millisecond, Send{100}) // the first one, repeated
	g.until(990*time.Millisecond, Send{100})
}

// §6.4.2: "If the Priority in the ADVERTISEMENT is 0: set the Active_Down_Timer
// to Skew_Time."
func TestRFC_6_4_2_PriorityZero(t *testing.T) {
	g := backup(t, 200)
	g.quiet(second)
	g.want(heard(0, higher))
	g.until(skew100, Transition{Backup, Active, ActiveStopped}, Send{100}, Own{true})
}

// §6.4.2: Skew_Time is of our priority and the learned interval.
func TestRFC_6_4_2_PriorityZeroUsesLearnedInterval(t *testing.T) {
	g := newRig(t)
	g.step(Start{})
	g.step(heardAt(200, higher, 100*time.Millisecond))
	g.step(heardAt(0, higher, 100*time.Millisecond))
	g.until(skew100/10, Transition{Backup, Active, ActiveStopped}, Send{100}, Own{true})
}

// §6.4.2: the interval in it is not learned.
func TestRFC_6_4_2_PriorityZeroTeachesNoInterval(t *testing.T) {
	g := backup(t, 200)
	g.step(heardAt(0, higher, 10*second))
	g.until(skew100, Transition{Backup, Active, ActiveStopped}, Send{100}, Own{true})
}

// §6.4.2: the timer is set to Skew_Time once, not for ever (mistake 3 of many
// implementations): the next Active's adverts set all of it.
func TestRFC_6_4_2_AdvertAfterPriorityZero(t *testing.T) {
	g := backup(t, 200)
	g.step(heard(0, higher))
	g.want(heard(200, lower))
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// §6.4.2: "else, if Preempt_Mode is False, or if the Priority in the
// ADVERTISEMENT is greater than or equal to the local Priority: set
// Active_Adver_Interval to Max Advertise Interval …; recompute the Skew_Time and
// Active_Down_Interval; set the Active_Down_Timer to Active_Down_Interval."
func TestRFC_6_4_2_AcceptedAdvertRestartsTheTimer(t *testing.T) {
	for _, tt := range []struct {
		name     string
		priority uint8
		from     netip.Addr
		change   func(*Params)
	}{
		{"higher priority", 101, lower, func(*Params) {}},
		{"equal priority of a lower address: addresses are not compared", 100, lower, func(*Params) {}},
		{"equal priority of a higher address", 100, higher, func(*Params) {}},
		{"lower priority without preemption", 1, lower, noPreempt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, tt.change)
			g.step(Start{})
			g.quiet(3 * second)
			g.want(heard(tt.priority, tt.from))
			g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
		})
	}
}

// §6.4.2: the interval is learned, whatever our own is (keeping to our own would
// be mistake 4 of many implementations, dropping the advert mistake 5).
func TestRFC_6_4_2_IntervalIsLearned(t *testing.T) {
	g := newRig(t)
	g.step(Start{})
	g.want(heardAt(200, higher, 100*time.Millisecond), Notice{IntervalDiffers})
	g.until(down100/10, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
	g.step(Owned{Held})
	g.pass(500 * time.Millisecond)
	g.until(500*time.Millisecond, Send{100}) // as Active: our own interval
}

// §6.4.2: "else (Preempt_Mode is True and lower Priority): discard the
// ADVERTISEMENT." The timer goes on, and fires at the old deadline.
func TestRFC_6_4_2_LowerPriorityIsDiscarded(t *testing.T) {
	g := newRig(t)
	g.step(Start{})
	g.quiet(3 * second)
	g.want(heard(99, higher))
	g.until(skew100, Transition{Backup, Active, ActiveLower}, Send{100}, Own{true})
}

// §6.4.2: a discarded advert's interval is not learned.
func TestRFC_6_4_2_DiscardedIntervalIsNotLearned(t *testing.T) {
	g := newRig(t)
	g.step(Start{})
	g.quiet(second)
	g.step(heardAt(99, higher, 10*second))
	g.until(down100-second, Transition{Backup, Active, ActiveLower}, Send{100}, Own{true})
}

// §6.4.3: "If a Shutdown event is received: cancel the Adver_Timer; send an
// ADVERTISEMENT with Priority = 0; transition to the Initialize state."
func TestRFC_6_4_3_Shutdown(t *testing.T) {
	g := active(t)
	g.want(Stop{}, Send{0}, Transition{Active, Initialize, Stopped})
	g.farewells()
	g.until(second+releaseMargin-2*farewellGap, Own{false})
	g.quiet(time.Hour)
}

// §6.4.3: an owner's Shutdown sends priority 0 too, not 255.
func TestRFC_6_4_3_OwnerShutdown(t *testing.T) {
	g := active(t, prio(OwnerPriority))
	g.want(Stop{}, Send{0}, Transition{Active, Initialize, Stopped})
}

// §6.4.3: "If the Adver_Timer fires: send an ADVERTISEMENT; reset the Adver_Timer
// to Advertisement_Interval."
func TestRFC_6_4_3_AdverTimerFires(t *testing.T) {
	g := active(t)
	for range 5 {
		g.until(second, Send{100})
	}
}

// §6.4.3: a late advert does not make the next one later.
func TestRFC_6_4_3_LatenessDoesNotAddUp(t *testing.T) {
	g := active(t)
	g.now = g.now.Add(second + 300*time.Millisecond)
	g.want(Tick{}, Send{100})
	g.until(700*time.Millisecond, Send{100})
	g.now = g.now.Add(2500 * time.Millisecond) // more than one is past: not sent after
	g.want(Tick{}, Send{100})
	g.until(second, Send{100})
	g.now = g.now.Add(2 * second) // exactly one more: it is not due now again
	g.want(Tick{}, Send{100})
	g.until(second, Send{100})
}

// §6.4.3: "If the Priority in the ADVERTISEMENT is 0: send an ADVERTISEMENT;
// reset the Adver_Timer to Advertisement_Interval."
func TestRFC_6_4_3_PriorityZero(t *testing.T) {
	g := active(t, noAnnouncements)
	g.quiet(600 * time.Millisecond)
	g.want(heard(0, higher), Send{100})
	g.until(second, Send{100})
}

// §6.4.3: "else, if the Priority in the ADVERTISEMENT is greater than the local
// Priority, or equal and the primary address of the sender is greater than the
// local primary address: cancel the Adver_Timer; set Active_Adver_Interval …;
// set the Active_Down_Timer to Active_Down_Interval; transition to Backup."
func TestRFC_6_4_3_WinningAdvert(t *testing.T) {
	for _, tt := range []struct {
		name     string
		priority uint8
		from     netip.Addr
		why      Reason
	}{
		{"higher priority of a lower address", 101, lower, HigherPriority},
		{"equal priority of a higher address", 100, higher, HigherAddress},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := active(t)
			g.want(heardAt(tt.priority, tt.from, 100*time.Millisecond),
				Notice{IntervalDiffers}, Send{100}, Transition{Active, Backup, tt.why}) // the Send is ours: see yield
			g.letsGo()
			g.until(down100/10-50*time.Millisecond-100*time.Microsecond,
				Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
		})
	}
}

// §6.4.3: the local Priority is the effective one.
func TestRFC_6_4_3_WinsOverALoweredPriority(t *testing.T) {
	g := active(t)
	g.step(Priority{1})
	g.want(heard(50, lower), Send{1}, Transition{Active, Backup, HigherPriority})
}

// §6.4.3: "else (a new Active has a lower priority or address): discard the
// ADVERTISEMENT; send an ADVERTISEMENT immediately." The Adver_Timer is not reset.
func TestRFC_6_4_3_LosingAdvert(t *testing.T) {
	for _, tt := range []struct {
		name     string
		priority uint8
		from     netip.Addr
	}{
		{"lower priority of a higher address", 99, higher},
		{"equal priority of a lower address, compared as a number", 100, lower},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := active(t, noAnnouncements)
			g.quiet(400 * time.Millisecond)
			g.want(heard(tt.priority, tt.from), Send{100})
			g.state(Active)
			g.until(600*time.Millisecond, Send{100})
		})
	}
}

// §6.4.3, with §6.1: Preempt_Mode is not looked at by an Active.
func TestRFC_6_4_3_PreemptModeIsNotLookedAt(t *testing.T) {
	g := active(t, noPreempt, noAnnouncements)
	g.want(heard(99, higher), Send{100})
	g.step(heard(101, higher))
	g.state(Backup)
}

// §6.1: "The router that owns the addresses always preempts, independent of
// Preempt_Mode."
func TestRFC_6_1_OwnerAlwaysPreempts(t *testing.T) {
	g := active(t, prio(OwnerPriority), noPreempt, pureRFC)
	g.step(heard(255, higher)) // a second owner: elected by address (erratum 8298)
	g.state(Backup)
	g.pass(second)
	for range 2 {
		g.want(heard(254, higher))
		g.quiet(second)
	}
	g.want(heard(254, higher))
	g.until(second/256, Transition{Backup, Active, ActiveLower}, Send{255}, Own{true})
}

// §6.1: the timers.
func TestRFC_6_1_Timers(t *testing.T) {
	for _, tt := range []struct {
		priority       uint8
		interval, skew time.Duration
	}{
		{100, second, 609375 * time.Microsecond},
		{254, second, 7812500 * time.Nanosecond},
		{253, second, 11718750 * time.Nanosecond},
		{1, second, 996093750 * time.Nanosecond},
		{255, second, 3906250 * time.Nanosecond},
		{100, MinInterval, 6093750 * time.Nanosecond}, // whole centiseconds would make it 0
		{200, MaxInterval, 8957812500 * time.Nanosecond},
	} {
		if got := SkewTime(tt.priority, tt.interval); got != tt.skew {
			t.Errorf("Skew_Time(%d, %v) = %v, want %v", tt.priority, tt.interval, got, tt.skew)
		}
		if got := ActiveDownInterval(tt.priority, tt.interval); got != 3*tt.interval+tt.skew {
			t.Errorf("Active_Down_Interval(%d, %v) = %v, want %v", tt.priority, tt.interval, got, 3*tt.interval+tt.skew)
		}
	}
}

// §7.1: "It MUST verify that the IPvX Addr Count is not 0", and that Max
// Advertise Interval is not 0 (errata 8299, 8301). "If any one of the above
// checks fails, the receiver MUST discard the packet": nothing changes, the
// timer least of all.
func TestRFC_7_1_RefusedByTheRouter(t *testing.T) {
	noAddress, noInterval := heard(254, higher), heardAt(254, higher, 0)
	noAddress.Advert.Addresses = nil
	both := noInterval
	both.Advert.Addresses = nil
	for _, tt := range []struct {
		name   string
		in     Received
		reject Reject
	}{
		{"count 0", noAddress, RejectCountZero},
		{"interval 0", noInterval, RejectIntervalZero},
		{"both: the count is checked first", both, RejectCountZero},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := backup(t, 200)
			g.quiet(second)
			g.want(tt.in, Refused{tt.reject})
			if got := g.router.Status().Counters; got.Rejected[tt.reject] != 1 || got.AdvertsReceived != 1 {
				t.Errorf("counters %+v", got)
			}
			g.until(down100-second, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
			g.want(tt.in, Refused{tt.reject}) // as Active: no step down
		})
	}
}

// §7.1: "If Max Advertise Interval is not the same: the receiver … SHOULD log",
// and MUST NOT drop it for that.
func TestRFC_7_1_IntervalDiffers(t *testing.T) {
	g := backup(t, 200)
	for range 2 { // with ours, not with what was learned
		g.want(heardAt(200, higher, 2*second), Notice{IntervalDiffers})
	}
	g.until(2*down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// §7.1: "the receiver MAY verify that the addresses match … SHOULD log", and the
// advert is not dropped: that would make two Actives. §5.2.9: their order says
// nothing.
func TestRFC_7_1_AddressesDiffer(t *testing.T) {
	second := netip.MustParseAddr("192.0.2.101")
	two := func(p *Params) { p.Addresses = []netip.Addr{vip, second} }
	for _, tt := range []struct {
		name   string
		heard  []netip.Addr
		differ bool
	}{
		{"the same", []netip.Addr{vip, second}, false},
		{"another order", []netip.Addr{second, vip}, false},
		{"one less", []netip.Addr{vip}, true},
		{"one more", []netip.Addr{vip, second, higher}, true},
		{"one twice", []netip.Addr{vip, second, vip}, true},
		{"one other", []netip.Addr{vip, higher}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := backup(t, 200, two)
			g.pass(time.Second)
			in := heard(200, higher)
			in.Advert.Addresses = tt.heard
			var want []Effect
			if tt.differ {
				want = []Effect{Notice{AddressesDiffer}}
			}
			g.want(in, want...)
			g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
		})
	}
}
