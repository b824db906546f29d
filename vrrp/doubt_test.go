// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func probing(p *Params) { p.Probe = true }

// probingBackup follows an Active of that priority, and asks its host.
func probingBackup(t *testing.T, followed uint8, change ...func(*Params)) *rig {
	return backup(t, followed, append(change, probing)...)
}

// doubting lets time go by in which nothing happens but doubt, and returns when that
// was, after the last advert.
func (g *rig) doubting(d time.Duration) (at []time.Duration) {
	g.t.Helper()
	for end := g.now.Add(d); ; {
		next := g.router.Deadline()
		if next.IsZero() || next.After(end) {
			g.now = end
			return at
		}
		g.now = next
		for _, fx := range g.step(Tick{}) {
			if fx != (Doubt{}) {
				g.t.Fatalf("%+v", fx)
			}
			at = append(at, g.now.Sub(g.router.followed.heard))
		}
	}
}

// Whom a router follows is told when it changes, and when it is nobody any more.
func TestFollow(t *testing.T) {
	g := newRig(t, probing)
	g.want(Start{}, Transition{Initialize, Backup, Started})
	g.want(heard(200, higher), Follow{higher})
	g.want(heard(200, higher))
	g.want(heard(201, lower), Follow{lower})
	g.want(Stop{}, Transition{Backup, Initialize, Stopped}, Follow{})
	g.want(heard(200, higher))

	g = active(t, probing)
	g.want(heard(200, higher), Send{100}, Transition{Active, Backup, HigherPriority}, Follow{higher})
	g.want(heard(0, higher))
	g.letsGo()
	g.until(skew100-settle, Transition{Backup, Active, ActiveStopped}, Send{100}, Own{true}, Follow{})
}

// Without Probe nobody is followed in this sense, nor doubted, nor lost.
func TestNoProbe(t *testing.T) {
	g := backup(t, 200)
	g.quiet(second)
	g.want(HostLost{higher})
	g.until(down100-second, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// A reload says whether hosts are asked. What was concluded from asking is forgotten.
func TestProbeIsReconfigured(t *testing.T) {
	g := backup(t, 200)
	g.want(Reconfigure{params(probing)}, Follow{higher})
	if diff := cmp.Diff([]time.Duration{1040 * ms, 2040 * ms}, g.doubting(2500*ms)); diff != "" {
		t.Errorf("doubts (-want +got):\n%s", diff)
	}
	g.want(HostLost{higher})
	g.want(Reconfigure{params(probing)})
	if got := g.router.Status().TakeOver; !got.Equal(g.now.Add(skew100)) {
		t.Errorf("the loss is forgotten, takeover at %v", got)
	}
	g.want(Reconfigure{params()}, Follow{})
	g.until(down100-2500*ms, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// A group's members are asked for each by itself, and followed no more when they
// leave together, or take over.
func TestGroupFollows(t *testing.T) {
	b := newBand(t, probing)
	b.step(0, Start{})
	b.want(0, heard(200, higher), "0:follow(192.0.2.12)")
	b.until(1040*ms, "0:doubt")
	b.want(1, heard6(200, higher6), "1:follow(fe80::12)")
	b.until(1000*ms, "0:doubt")
	b.until(40*ms, "1:doubt")
	b.until(1000*ms, "1:doubt")
	b.until(down100-2040*ms, "0:backup→active(active-down) 0:send(100) 0:own 0:follow() 1:backup→active(active-down) 1:send(100) 1:own 1:follow()")
	b.step(1, Owned{Held})
	b.pass(20 * ms)
	b.want(0, heard(200, higher), "0:send(100) 0:active→backup(higher-priority) 0:follow(192.0.2.12) 1:send(0) 1:active→backup(group-left)")
	b.want(1, heard6(200, higher6), "1:follow(fe80::12)")
	b.want(0, Block{LinkDown}, "0:disown 0:backup→initialize(link-down) 0:follow() 1:backup→initialize(group-member) 1:follow()")
}

// The first advert that does not come is doubt, and the second; the third would be too
// late to ask for. So it is where asking takes longer than to wait.
func TestDoubt(t *testing.T) {
	for _, tt := range []struct {
		name     string
		interval time.Duration
		want     []time.Duration
		change   func(*Params)
	}{
		{"1 s", second, []time.Duration{1040 * ms, 2040 * ms}, probing},
		{"200 ms", 200 * ms, []time.Duration{220 * ms}, probing},
		{"110 ms", 110 * ms, []time.Duration{121 * ms}, probing},
		{"100 ms", 100 * ms, nil, probing},
		{"10 ms", 10 * ms, nil, probing},
		{"40.95 s", MaxInterval, []time.Duration{MaxInterval + 40*ms, 2*MaxInterval + 40*ms}, probing},
		// A Backup that waits for longer does not doubt for ever.
		{"start delay", second, []time.Duration{1040 * ms, 2040 * ms}, func(p *Params) { p.StartDelay = time.Hour }},
		// It is the Active's interval that counts.
		{"our own is longer", 200 * ms, []time.Duration{220 * ms}, every(2 * second)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, tt.change, probing)
			g.step(Start{})
			g.step(heardAt(200, higher, tt.interval))
			got := g.doubting(ActiveDownInterval(100, tt.interval) - 1)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// An advert in time is no reason for doubt, and after a doubt all begins anew.
func TestDoubtBeginsAnew(t *testing.T) {
	g := probingBackup(t, 200)
	for range 5 {
		if at := g.doubting(1040*ms - 1); at != nil {
			t.Fatalf("doubt at %v", at)
		}
		g.want(heard(200, higher))
	}
	g.until(1040*ms, Doubt{})
	g.want(heard(200, higher))
	g.until(1040*ms, Doubt{})
	g.until(second, Doubt{})
	g.want(heard(200, higher))
	g.until(1040*ms, Doubt{})
}

// A late Tick is one doubt, and none if it is too late.
func TestLateDoubt(t *testing.T) {
	g := probingBackup(t, 200)
	g.now = g.now.Add(2100 * ms)
	g.want(Tick{}, Doubt{})
	g.until(down100-2100*ms, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true}, Follow{})

	g = probingBackup(t, 200)
	g.now = g.now.Add(down100)
	g.want(Tick{}, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true}, Follow{})

	b := newBand(t, probing)
	b.step(0, Start{})
	b.want(0, heard(200, higher), "0:follow(192.0.2.12)")
	b.now = b.now.Add(down100) // the other member's timer is not out
	b.want(1, heard6(200, higher6), "1:follow(fe80::12)")
	b.want(0, Tick{}, "")
}

// Nobody is doubted whom nobody follows, or who gives up or has resigned: Skew_Time is
// no longer than to ask.
func TestNoDoubt(t *testing.T) {
	g := newRig(t, probing)
	g.step(Start{})
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})

	g = probingBackup(t, 200)
	g.pass(900 * ms)
	g.want(heard(0, higher))
	g.until(skew100, Transition{Backup, Active, ActiveStopped}, Send{100}, Own{true}, Follow{})
}

// The Active's host does not answer: Skew_Time is enough, whatever else is waited
// for.
func TestHostLost(t *testing.T) {
	for name, change := range map[string]func(*Params){
		"":            func(*Params) {},
		"no preempt":  noPreempt,
		"start delay": func(p *Params) { p.StartDelay = time.Minute },
		"rfc":         pureRFC,
	} {
		t.Run(name, func(t *testing.T) {
			g := probingBackup(t, 200, change)
			g.doubting(1200 * ms)
			g.want(HostLost{higher})
			g.quiet(skew100 / 2)
			g.want(HostLost{higher}) // said twice, it does not take longer
			g.until(skew100-skew100/2, Transition{Backup, Active, ActiveHostLost}, Send{100}, Own{true}, Follow{})
			g.want(HostLost{higher}) // an Active follows nobody
		})
	}
}

// It makes the timer shorter, never longer.
func TestHostLostAtTheEnd(t *testing.T) {
	g := probingBackup(t, 200)
	g.doubting(down100 - ms)
	g.want(HostLost{higher})
	g.until(ms, Transition{Backup, Active, ActiveHostLost}, Send{100}, Own{true}, Follow{})
}

// Any advert says that it was wrong, also one that is discarded; and so does an answer.
func TestHostLostIsTakenBack(t *testing.T) {
	g := probingBackup(t, 200)
	g.doubting(second)
	g.want(HostLost{higher})
	g.want(heard(200, higher))
	g.doubting(down100 - 1)
	g.until(1, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true}, Follow{})

	g = newRig(t, probing)
	g.step(Start{})
	g.quiet(second)
	g.want(heard(50, higher), Follow{higher})
	g.want(HostLost{higher})
	g.want(heard(50, higher))
	g.doubting(down100 - second - 1)
	g.until(1, Transition{Backup, Active, ActiveLower}, Send{100}, Own{true}, Follow{})

	g = probingBackup(t, 200)
	g.doubting(1240 * ms)
	g.want(HostLost{higher})
	g.quiet(skew100 - 1)
	g.want(HostBack{higher})
	g.doubting(down100 - 1240*ms - skew100)
	g.until(1, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true}, Follow{})
	g.want(HostBack{higher}) // too late
}

// A host that nobody follows may be lost, or be back.
func TestHostLostOfAnother(t *testing.T) {
	for _, source := range []netip.Addr{lower, {}} {
		g := probingBackup(t, 200)
		g.doubting(second)
		g.want(HostLost{source})
		g.doubting(down100 - second - 1)
		g.until(1, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true}, Follow{})
	}
	g := probingBackup(t, 200)
	g.doubting(1240 * ms)
	g.want(HostLost{higher})
	g.want(HostBack{lower})
	g.until(skew100, Transition{Backup, Active, ActiveHostLost}, Send{100}, Own{true}, Follow{})

	g = newRig(t, probing)
	g.step(Start{})
	g.want(HostLost{}) // nobody is followed, and nobody is lost
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// Our own priority falls meanwhile: the host is still lost.
func TestHostLostAndOurPriorityFalls(t *testing.T) {
	g := newRig(t, probing)
	g.step(Start{})
	g.quiet(second)
	g.want(heard(50, higher), Follow{higher})
	g.want(HostLost{higher})
	g.want(Priority{40})
	g.until(SkewTime(40, second), Transition{Backup, Active, ActiveHostLost}, Send{40}, Own{true}, Follow{})
}

// Who has resigned is needed when the next Active's host is lost.
func TestHostLostOfTheSuccessor(t *testing.T) {
	g := active(t, probing)
	g.step(Resign{})
	g.farewells()
	g.want(heard(50, higher), Follow{higher})
	g.letsGo()
	g.want(heard(50, higher))
	g.want(HostLost{higher})
	g.until(skew100, Transition{Backup, Active, ActiveHostLost}, Send{100}, Own{true}, Follow{})
}

// A group loses the host when every family has.
func TestGroupHostLost(t *testing.T) {
	b := newBand(t, probing)
	b.step(0, Start{})
	b.step(0, heard(200, higher))
	b.step(1, heard6(200, higher6))
	b.pass(1240 * ms)
	b.want(0, HostLost{higher}, "")
	b.until(800*ms, "1:doubt") // the other family may be deaf, and is asked again
	b.want(1, HostLost{higher6}, "")
	b.until(skew100, "0:backup→active(active-host-lost) 0:send(100) 0:own 0:follow() 1:backup→active(active-host-lost) 1:send(100) 1:own 1:follow()")
}
