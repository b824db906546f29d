// SPDX-License-Identifier: Apache-2.0

package vrrp

import "testing"

// passes returns a router that took over from a predecessor that gave up: higher.
func passes(t *testing.T, change ...func(*Params)) *rig {
	g := backup(t, 200, append(change, noAnnouncements, draining10s)...)
	g.want(heard(0, higher))
	g.until(skew100, Transition{Backup, Active, ActiveStopped}, Send{100}, Pass{higher}, Own{true})
	g.want(Owned{Held}, []Effect(nil)...)
	return g
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

// Clients whose reset was lost shall hear here, and soon, that their connections have
// ended.
func TestPassesUntilTheLastReport(t *testing.T) {
	g := passes(t)
	g.want(report(higher), Pass{higher})
	g.want(lastReport(higher), Pass{})
	g.want(lastReport(higher))
	g.want(report(higher), Pass{higher}) // it drains again
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
		{"the last one of somebody else", lastReport(lower)},
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
	g.want(Drained{}, Report{lower, true}, Own{false})
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
