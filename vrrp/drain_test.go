// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

const drainTime = 10 * time.Second

func draining10s(p *Params) { p.Drain = drainTime }

// report is what the draining router at that address says to us.
func report(from netip.Addr) Received {
	in := heard(0, from)
	in.Destination, in.Advert.Report = own, true
	return in
}

// drains returns a router that has resigned and drains, with its first reports behind
// it. Its successor is higher.
func drains(t *testing.T, change ...func(*Params)) *rig {
	g := active(t, append(change, draining10s)...)
	g.want(Resign{}, Send{0}, Transition{Active, Backup, Resigned})
	g.farewells()
	g.want(heard(50, higher), Pass{higher})
	g.want(Tick{}, Report{To: higher})
	g.until(hush, Silence{})
	g.until(settle-hush, Drain{})
	if s := g.router.Status(); s.Phase != Draining || !s.Owns || s.DrainEnds != g.now.Add(drainTime) {
		t.Fatalf("%v, owns %v, until %v", s.Phase, s.Owns, s.DrainEnds)
	}
	return g
}

// passes returns a router that took over from a predecessor that gave up: higher.
func passes(t *testing.T, change ...func(*Params)) *rig {
	g := backup(t, 200, append(change, noAnnouncements, draining10s)...)
	g.want(heard(0, higher))
	g.until(skew100, Transition{Backup, Active, ActiveStopped}, Send{100}, Pass{higher}, Own{true})
	g.want(Owned{Held}, []Effect(nil)...)
	return g
}

func TestDrainsUntilNoConnectionIsLeft(t *testing.T) {
	g := drains(t)
	g.until(reportEvery-settle, Report{To: higher})
	g.want(heard(50, higher))
	g.until(reportEvery, Pass{}, Report{To: higher})
	g.want(Drained{}, Own{false})
	g.quiet(down100 - reportEvery - 1)
	g.want(Drained{}) // the answer to an older question
}

func TestDrainsUntilTheTimeIsOver(t *testing.T) {
	g := drains(t)
	end := g.router.Status().DrainEnds
	for g.now.Before(end) {
		g.want(heard(50, higher))
		for _, effect := range g.pass(min(second, end.Sub(g.now)-1)) {
			if effect != (Report{To: higher}) && effect != (Pass{}) {
				t.Fatalf("%+v", effect)
			}
		}
		if end.Sub(g.now) == 1 {
			break
		}
	}
	g.until(1, Own{false})
}

func TestDrainsAfter(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before Input
		leave  Input
		drains bool
	}{
		{"maintenance", nil, Block{Maintenance}, true},
		{"the return of a better node", nil, heard(200, higher), true},
		{"the return of a better node, while a check fails here", Priority{50}, heard(100, higher), false},
		{"a check that fails for good", nil, Block{CheckFailed}, false},
		{"a stop", nil, Stop{}, false},
		{"a stop of one that resigns", Resign{}, Stop{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := active(t, draining10s)
			if tt.before != nil {
				g.step(tt.before)
				g.pass(repeatAfter)
			}
			g.step(tt.leave)
			g.step(heard(200, higher))
			if g.pass(settle); (g.router.Status().Phase == Draining) != tt.drains {
				t.Errorf("phase %q", g.router.Status().Phase)
			}
		})
	}
}

// Of several that took over, the one that wins hears the reports.
func TestReportsToWhoWins(t *testing.T) {
	for _, tt := range []struct {
		name  string
		heard []Received
	}{
		{"the lower priority first", []Received{heard(50, higher), heard(90, lower)}},
		{"the higher priority first", []Received{heard(90, lower), heard(50, higher)}},
		{"the lower address last", []Received{heard(50, lower.Prev()), heard(50, lower), heard(50, lower.Prev())}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := active(t, draining10s)
			g.step(Resign{})
			for _, in := range tt.heard {
				g.step(in)
			}
			if to := g.router.Status().Successor; to != lower {
				t.Errorf("to %v", to)
			}
		})
	}
}

// Nobody took over, so there is nobody to serve new connections.
func TestDoesNotDrainWithoutASuccessor(t *testing.T) {
	g := active(t, draining10s)
	g.step(Block{Maintenance})
	g.farewells()
	g.until(open-2*farewellGap, Own{false})
}

func TestDoesNotDrainUnlessConfigured(t *testing.T) {
	g := resigned(t, 50)
	if g.router.Status().Owns {
		t.Error("it drains")
	}
	b := backup(t, 200, noAnnouncements)
	b.step(heard(0, higher))
	b.until(skew100, Transition{Backup, Active, ActiveStopped}, Send{100}, Own{true})
}

func TestDrainEndsWith(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   Input
		want []Effect
	}{
		{"a stop", Stop{}, []Effect{Pass{}, Own{false}, Transition{Backup, Initialize, Stopped}}},
		{"addresses that can't be kept", Owned{Failed}, []Effect{Pass{}, Own{false}}},
		{"an interface that has gone", Block{InterfaceMissing}, []Effect{Pass{}, Own{false}, Transition{Backup, Initialize, InterfaceMissing}}},
		{"a lease that ran out", Owned{Expired}, []Effect{Pass{}, Own{false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := drains(t)
			g.want(tt.in, tt.want...)
			if g.router.Status().Owns {
				t.Error("it owns its addresses")
			}
		})
	}
}

func TestDrainGoesOnDespite(t *testing.T) {
	for _, in := range []Input{Block{Maintenance}, Block{CheckFailed}, Block{LinkDown}, Owned{Held}, Owned{Added}, Reclaim{}} {
		g := drains(t)
		g.step(in)
		if g.router.Status().Phase != Draining {
			t.Errorf("%T%+v ends it", in, in)
		}
	}
}

// It is Active again, and its connections are where they were.
func TestTakesOverWhileDraining(t *testing.T) {
	g := drains(t, noAnnouncements)
	g.want(heard(0, higher))
	fx := g.pass(skew100)
	if len(fx) != 5 || fx[0] != (Report{To: higher}) || fx[3] != (Pass{higher}) || fx[4] != (Own{true}) {
		t.Fatalf("%+v", fx)
	}
	if s := g.router.Status(); s.Phase != Settled || !s.DrainEnds.IsZero() {
		t.Errorf("%v until %v", s.Phase, s.DrainEnds)
	}
	g.until(repeatAfter, Send{100})
}

func TestReloadOfDrain(t *testing.T) {
	for _, tt := range []struct {
		name string
		is   time.Duration
		ends time.Duration
	}{
		{"longer", 2 * drainTime, 2 * drainTime},
		{"off", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := drains(t)
			from := g.now
			g.step(Reconfigure{Params: params(func(p *Params) { p.Drain = tt.is })})
			if got := g.router.Status().DrainEnds.Sub(from); got != tt.ends {
				t.Errorf("it ends after %v, want %v", got, tt.ends)
			}
		})
	}
	g := passes(t)
	g.step(Reconfigure{Params: params(noAnnouncements)})
	g.want(Tick{}, Pass{})
	g.want(report(higher))
}

// The other node drains longer, too.
func TestReloadOfDrainWhilePassing(t *testing.T) {
	g := passes(t)
	g.step(Reconfigure{Params: params(noAnnouncements, func(p *Params) { p.Drain = 2 * drainTime })})
	end := g.now.Add(2*drainTime + passMargin)
	for g.now.Before(end.Add(-second)) {
		g.want(report(higher), Pass{higher})
		g.pass(reportEvery)
	}
	g.pass(2 * second)
	g.want(report(higher)) // too late

	paused := passes(t)
	paused.pass(firstReport)
	paused.step(Reconfigure{Params: params(noAnnouncements)})
	paused.want(report(higher))

	ahead := drains(t)
	ahead.step(Reconfigure{Params: params(func(p *Params) { p.Drain = 2 * drainTime })})
	ahead.pass(turnTime)
	ahead.want(report(higher))
}

func TestPassesWhileItIsReported(t *testing.T) {
	g := passes(t)
	if to := g.router.Status().PassesTo; to != higher {
		t.Fatalf("passes to %v", to)
	}
	for range 4 {
		g.pass(reportEvery - 1)
		g.want(report(higher), Pass{higher})
	}
	fx := g.pass(reportPatience)
	if last := fx[len(fx)-1]; last != (Pass{}) || g.router.Status().PassesTo.IsValid() {
		t.Errorf("after the last report: %+v", fx)
	}
	g.want(report(higher), Pass{higher}) // those before it were lost
}

// Nobody drains: clients shall hear soon that their connections have ended.
func TestPassingEndsWithoutAReport(t *testing.T) {
	g := passes(t)
	g.pass(firstReport - 1)
	g.until(1, Pass{})
}

// One packet may be lost.
func TestFirstReportIsLost(t *testing.T) {
	g := passes(t)
	for _, effect := range g.pass(reportEvery + reportEvery/2) {
		if effect == (Pass{}) {
			t.Fatal("it has not waited for the second one")
		}
	}
	g.want(report(higher), Pass{higher})
}

// A forger can't make it last.
func TestPassingIsLimited(t *testing.T) {
	g := passes(t)
	end := g.now.Add(drainTime + passMargin)
	for g.now.Before(end) {
		g.pass(reportEvery)
		g.step(report(higher))
	}
	if g.router.Status().PassesTo.IsValid() {
		t.Error("it still passes")
	}
	g.want(report(higher))
}

func TestPassesToNobodyAfter(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   []Input
	}{
		{"silence", nil},
		{"the loss of its host", []Input{HostLost{Source: higher}}},
		{"a check that failed there", []Input{heard(1, higher)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := backup(t, 200, draining10s)
			for _, in := range tt.do {
				g.step(in)
			}
			for _, effect := range g.pass(5 * second) {
				if _, passes := effect.(Pass); passes {
					t.Errorf("%+v", effect)
				}
			}
			g.state(Active)
		})
	}
}

// The return of the better node: this one.
func TestPassesAfterPreemption(t *testing.T) {
	g := backup(t, 50, draining10s)
	for g.router.State() == Backup {
		g.pass(second)
		g.step(heard(50, higher))
	}
	if to := g.router.Status().PassesTo; to != higher {
		t.Errorf("passes to %v", to)
	}
}

// A report is for whom it is meant, and from whom it is expected: else it is no type
// that we know.
func TestReportsThatAreNone(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   Received
	}{
		{"from somebody else", report(lower)},
		{"to another address", func() Received { in := report(higher); in.Destination = lower; return in }()},
		{"to all", func() Received { in := report(higher); in.Destination = GroupIPv4; return in }()},
	} {
		t.Run(tt.name, func(t *testing.T) { passes(t).want(tt.in, Refused{RejectType}) })
	}
	backup(t, 200, draining10s).want(report(higher), Refused{RejectType})
	unicast := heard(0, higher)
	unicast.Destination = own
	passes(t).want(unicast, Refused{RejectDestination})
}

// Priority 0 by multicast is another router's farewell, as ever.
func TestFarewellIsNoReport(t *testing.T) {
	passes(t).want(heard(0, higher), Send{100})
}

// A draining router is not overtaken by its reports when it is Active again.
func TestReportOvertakesNothing(t *testing.T) {
	g := passes(t)
	g.pass(second)
	g.want(report(higher), Pass{higher})
	g.step(heard(200, higher))
	g.state(Backup)
}

// Three routers: the one that drains goes on passing, and lives as long as the one
// before it.
func TestChain(t *testing.T) {
	g := passes(t)
	g.want(report(higher), Pass{higher})
	g.step(Resign{})
	g.farewells()
	g.step(heard(90, lower))
	g.pass(settle)
	g.want(Drained{})
	g.want(report(higher), Pass{higher})
	g.want(heard(90, lower))
	fx := g.pass(reportPatience)
	if fx[len(fx)-1] != (Pass{}) {
		t.Errorf("%+v", fx)
	}
	g.want(Drained{}, Own{false})
}

// To the one that we pass to, the addresses have gone back: what it does not know comes
// to us, and must not go round. Hosts take a moment to find it.
func TestPassesNothingBack(t *testing.T) {
	g := passes(t)
	g.pass(second) // what it sent before it gave up is not taken for its return
	g.want(report(higher), Pass{higher})
	g.step(Resign{})
	g.farewells()
	g.want(heard(90, higher))
	g.pass(turnTime / 2)
	g.want(report(higher), Pass{higher}) // forged
	g.want(heard(90, higher))
	if g.pass(turnTime / 2); g.router.Status().PassesTo.IsValid() {
		t.Error("it passes segments back")
	}
	g.want(report(higher))
}

// Hosts and switches may still send us what is the next Active's, but not for long. What
// it reports is nothing that we wait for.
func TestPassesAhead(t *testing.T) {
	g := drains(t)
	g.want(heard(50, higher))
	if to := g.router.Status().PassesTo; to != higher {
		t.Errorf("passes to %v", to)
	}
	g.want(Drained{}) // what is passed on to the next Active needs our addresses, too
	g.pass(turnTime / 2)
	g.want(report(higher), Pass{higher}) // forged
	if fx := g.pass(turnTime/2 - settle); fx[0] != (Pass{}) || g.router.Status().PassesTo.IsValid() {
		t.Errorf("still passes: %+v", fx)
	}
	g.want(report(higher))
}

// Who does not drain resets what it does not know, as ever.
func TestPassesNothingAhead(t *testing.T) {
	for name, leave := range map[string]Input{"a stop": Stop{}, "a check": Block{CheckFailed}} {
		g := active(t, draining10s)
		g.step(leave)
		g.step(heard(50, higher))
		if to := g.router.Status().PassesTo; to.IsValid() {
			t.Errorf("%s: passes to %v", name, to)
		}
	}
}

func TestResumesPassing(t *testing.T) {
	g := newRig(t, draining10s, noAnnouncements)
	g.want(Passed{To: higher})
	g.want(Resume{Age: second}, Transition{Initialize, Active, Resumed}, Own{true})
	g.want(report(higher), Pass{higher})
	g.until(resumeListen, Send{100})

	late := newRig(t, draining10s)
	late.step(Passed{To: higher})
	late.want(Resume{Age: down100}, Pass{}, Own{false}, Transition{Initialize, Backup, Started})

	off := newRig(t)
	off.step(Passed{To: higher})
	if off.router.Status().PassesTo.IsValid() {
		t.Error("it passes without being told to")
	}
}

func TestEncodeReport(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Params)
		form   Checksum
	}{
		{"multicast", func(*Params) {}, ChecksumPseudoHeader},
		{"unicast", func(p *Params) { p.Peers = []netip.Addr{lower, higher} }, ChecksumPseudoHeader},
		{"with the checksum of the peers", func(p *Params) { p.Checksum = ChecksumFixedRFC9568 }, ChecksumRFC9568},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, tt.change)
			sent := 0
			g.router.EncodeReport(higher, nil, func(destination netip.Addr, packet []byte) {
				sent++
				a, reject := Parse(packet, Meta{Source: own, Destination: destination, TTL: TTL}, nil)
				if reject != Accepted || destination != higher || !a.Report || a.Checksum != tt.form {
					t.Errorf("to %v: %v %+v", destination, reject, a)
				}
			})
			if sent != 1 {
				t.Errorf("%d packets", sent)
			}
		})
	}
}

func TestGroupDrainsTogether(t *testing.T) {
	for _, tt := range []struct {
		name   string
		member int
		leave  Input
		drains bool
	}{
		{"resigned", 0, Resign{}, true},
		{"maintenance of one", 0, Block{Maintenance}, true},
		{"a better node in one family", 1, heard6(200, higher6), true},
		{"a check", 0, Block{CheckFailed}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := activeBand(t, draining10s)
			b.step(tt.member, tt.leave)
			b.step(0, heard(200, higher))
			b.step(1, heard6(200, higher6))
			b.pass(settle + settlePerAddress)
			for _, m := range []*Router{b.four, b.six} {
				if got := m.Status().Phase == Draining; got != tt.drains {
					t.Errorf("%v: %q", m.source, m.Status().Phase)
				}
			}
		})
	}
}

// What fails in one member, fails in the group.
func TestGroupThatFailsDoesNotDrain(t *testing.T) {
	b := activeBand(t, draining10s)
	b.step(1, Priority{50})
	b.pass(repeatAfter)
	b.step(0, heard(90, higher))
	b.step(1, heard6(90, higher6))
	b.pass(settle + settlePerAddress)
	if b.four.Status().Owns || b.six.Status().Owns {
		t.Error("it drains")
	}
}
