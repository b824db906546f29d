// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"testing"
	"time"
)

const open = second + releaseMargin // how long somebody may take over

// resigned returns a router of priority 100 that has resigned, and follows a successor
// of that priority. Its addresses have gone.
func resigned(t *testing.T, successor uint8, change ...func(*Params)) *rig {
	g := active(t, change...)
	g.want(Resign{}, Send{0}, Transition{Active, Backup, Resigned})
	g.farewells()
	g.want(heard(successor, higher))
	g.letsGo()
	return g
}

func TestResign(t *testing.T) {
	g := resigned(t, 50)
	if s := g.router.Status(); !s.Resigned || s.Successor != higher {
		t.Errorf("resigned %v, successor %v", s.Resigned, s.Successor)
	}
	for range 100 { // of lower priority, and let be
		g.quiet(second)
		g.want(heard(50, higher))
	}
	g.state(Backup)
}

// What ends the patience with the successor.
func TestResignedIsBack(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   Input
		wait time.Duration
		why  Reason
	}{
		{"it gives up", heard(0, higher), skew100, ActiveStopped},
		{"it falls silent", Tick{}, down100, ActiveDown},
		{"it lowers its priority", heard(1, higher), skew100, ActiveResigned},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := resigned(t, 50)
			g.want(heard(50, higher))
			g.want(tt.do)
			g.until(tt.wait, Transition{Backup, Active, tt.why}, Send{100}, Own{true})
			if g.router.Status().Resigned {
				t.Error("an Active has resigned")
			}
		})
	}
}

// Who gave up is not let be when it comes again.
func TestResignationEndsWithTheSuccessor(t *testing.T) {
	g := resigned(t, 50)
	g.want(heard(0, higher))
	g.want(heard(40, lower)) // the next one is no successor of ours
	g.until(skew100, Transition{Backup, Active, ActiveStopped}, Send{100}, Own{true})
}

func TestReclaim(t *testing.T) {
	g := resigned(t, 50)
	g.want(heard(50, higher))
	g.want(Reclaim{})
	g.quiet(second)
	g.want(heard(50, higher))
	g.until(down100-second, Transition{Backup, Active, ActiveLower}, Send{100}, Own{true})
}

// preempt_delay counts from the taking back on.
func TestReclaimWaitsForPreemptDelay(t *testing.T) {
	g := resigned(t, 50, func(p *Params) { p.PreemptDelay = 10 * second })
	for range 20 {
		g.want(heard(50, higher))
		g.quiet(second)
	}
	g.want(Reclaim{})
	for range 10 {
		g.want(heard(50, higher))
		g.quiet(second)
	}
	g.want(heard(50, higher))
	g.state(Backup)
}

// Nobody takes over: it is the best there is, and its addresses have never been away.
func TestResignInVain(t *testing.T) {
	g := active(t)
	g.step(Resign{})
	g.farewells()
	if s := g.router.Status(); s.Successor.IsValid() || !s.Resigned {
		t.Errorf("%+v", s)
	}
	g.until(open-2*farewellGap, Transition{Backup, Active, NobodyTookOver}, Send{100}, Own{true})
	g.want(Owned{Held}, Announce{})
	if g.router.Status().Resigned {
		t.Error("an Active has resigned")
	}
}

// Adverts so frequent that silence is sooner known than the wait is over.
func TestResignInVainAtTheShortestInterval(t *testing.T) {
	g := active(t, every(MinInterval))
	g.step(Resign{})
	g.farewells()
	wait := ActiveDownInterval(100, MinInterval) - 2*farewellGap
	g.until(wait, Transition{Backup, Active, NobodyTookOver}, Send{100}, Own{true})
}

// start_delay is about a start.
func TestResignInVainDespiteStartDelay(t *testing.T) {
	g := newRig(t, func(p *Params) { p.StartDelay = time.Minute })
	g.step(Start{})
	g.step(heard(0, higher))
	g.pass(2 * second)
	g.state(Active)
	g.step(Resign{})
	g.pass(open)
	g.state(Active)
}

// The second farewell of somebody else is no reason to take over: it was not Active.
func TestForeignFarewellWhileResigning(t *testing.T) {
	g := active(t)
	g.step(Resign{})
	g.farewells()
	g.want(heard(0, higher))
	g.until(open-2*farewellGap, Transition{Backup, Active, NobodyTookOver}, Send{100}, Own{true})
}

// Nothing to give up.
func TestResignOfNothing(t *testing.T) {
	for name, make := range map[string]func(*testing.T) *rig{
		"initialize": func(t *testing.T) *rig { return newRig(t) },
		"backup":     func(t *testing.T) *rig { return backup(t, 50) },
		"an owner":   func(t *testing.T) *rig { return active(t, prio(OwnerPriority)) },
	} {
		t.Run(name, func(t *testing.T) {
			g := make(t)
			g.want(Resign{})
			if g.router.Status().Resigned {
				t.Error("has resigned")
			}
		})
	}
}

// Twice is once: the second one gives nobody more time.
func TestResignTwice(t *testing.T) {
	g := active(t)
	g.step(Resign{})
	g.farewells()
	g.quiet(second / 2)
	g.want(Resign{})
	g.until(open-2*farewellGap-second/2, Transition{Backup, Active, NobodyTookOver}, Send{100}, Own{true})
}

// Maintenance in between does not bring it back, a start of vipd does.
func TestResignedIsRemembered(t *testing.T) {
	g := resigned(t, 50)
	g.step(Block{Maintenance})
	g.step(Unblock{Maintenance})
	if !g.router.Status().Resigned {
		t.Error("forgotten in maintenance")
	}
	g.step(Stop{})
	g.step(Start{})
	if g.router.Status().Resigned {
		t.Error("remembered after a stop")
	}
}

// A reason not to run that comes before anybody took over: the addresses go all the same.
func TestBlockedWhileResigning(t *testing.T) {
	g := active(t)
	g.step(Resign{})
	g.farewells()
	g.want(Block{Maintenance}, Transition{Backup, Initialize, Maintenance})
	g.until(open-2*farewellGap, Own{false})
}

// Who leaves again has no successor yet.
func TestSuccessorOfTheLastTime(t *testing.T) {
	g := resigned(t, 50)
	g.step(heard(0, higher))
	g.pass(second)
	g.state(Active)
	g.step(Stop{})
	if s := g.router.Status(); s.Successor.IsValid() {
		t.Errorf("successor %v", s.Successor)
	}
	g = active(t)
	g.step(heard(200, higher)) // preempted
	if s := g.router.Status(); s.Successor != higher {
		t.Errorf("successor %v", s.Successor)
	}
}

const bothResign = "0:send(0) 0:active→backup(resigned) 1:send(0) 1:active→backup(resigned)"

func TestGroupResigns(t *testing.T) {
	b := activeBand(t)
	b.want(0, Resign{}, bothResign)
	b.pass(2 * farewellGap)
	b.want(0, heard(50, higher), "")
	b.want(1, heard6(50, higher6), "")
	b.pass(settle)
	for range 10 {
		b.step(0, heard(50, higher))
		b.step(1, heard6(50, higher6))
		b.pass(second)
	}
	b.want(0, Reclaim{}, "")
	if b.four.resigned || b.six.resigned {
		t.Error("not taken back")
	}
}

func TestGroupResignsInVain(t *testing.T) {
	b := activeBand(t)
	b.step(0, Resign{})
	b.pass(2 * farewellGap)
	b.until(open-2*farewellGap, "0:backup→active(nobody-took-over) 0:send(100) 0:own "+
		"1:backup→active(nobody-took-over) 1:send(100) 1:own")
}

// One member's adverts of the successor are lost: the group has a successor.
func TestGroupResignsAndHearsHalf(t *testing.T) {
	for member, in := range []Input{heard(50, higher), heard6(50, higher6)} {
		b := activeBand(t)
		b.step(0, Resign{})
		b.pass(2 * farewellGap)
		b.step(member, in)
		for range 5 {
			b.pass(second)
			b.step(member, in)
		}
		if b.four.state != Backup || b.four.owns() || b.six.owns() {
			t.Errorf("member %d hears: %v, owns %v and %v", member, b.four.state, b.four.owns(), b.six.owns())
		}
	}
}

// The one with the longer interval says how long the group waits.
func TestGroupOfTwoIntervalsResigns(t *testing.T) {
	b := newBand(t)
	b.six.params.Interval = 2 * second
	b.step(0, Start{})
	b.pass(20 * second)
	b.want(0, Resign{}, bothResign)
	b.pass(2 * farewellGap)
	b.until(2*second+releaseMargin-2*farewellGap, "0:backup→active(nobody-took-over) 0:send(100) 0:own "+
		"1:backup→active(nobody-took-over) 1:send(100) 1:own")
}

// A group that is letting go already has nothing to give up, and goes on with it.
func TestGroupResignsWhileReleasing(t *testing.T) {
	b := activeBand(t)
	b.step(0, Stop{})
	b.pass(2 * farewellGap)
	b.want(0, Resign{}, "")
	b.until(open-2*farewellGap, "0:disown 1:disown")
}
