// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"testing"
	"time"
)

// A Backup of priority 100 follows an Active of 200, whose check then fails.

func TestResignation(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Params)
	}{
		{"with preemption", func(*Params) {}},
		{"whatever preempt says", noPreempt},
		{"whatever preempt_delay says", func(p *Params) { p.PreemptDelay = time.Minute }},
		{"whatever start_delay says", func(p *Params) { p.StartDelay = time.Minute }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := backup(t, 200, tt.change)
			g.quiet(second)
			g.want(heard(1, higher))
			g.until(skew100, Transition{Backup, Active, ActiveResigned}, Send{100}, Own{true})
		})
	}
}

// The Active repeats its lowered advert: the timer is not set anew by it.
func TestResignationIsNotPutOff(t *testing.T) {
	for _, change := range []func(*Params){func(*Params) {}, noPreempt} {
		g := backup(t, 200, change)
		g.quiet(second)
		g.want(heard(1, higher))
		g.quiet(skew100 / 2)
		g.want(heard(1, higher))
		g.until(skew100-skew100/2, Transition{Backup, Active, ActiveResigned}, Send{100}, Own{true})
	}
}

func TestNoResignation(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(*testing.T) *rig
	}{
		{"lowered, but not below ours", func(t *testing.T) *rig {
			g := backup(t, 200)
			g.pass(second)
			g.step(heard(100, higher))
			return g
		}},
		{"low from the first: that is preemption, with the RFC's timing", func(t *testing.T) *rig {
			g := newRig(t)
			g.step(Start{})
			g.step(heard(1, higher))
			return g
		}},
		{"lowered by somebody whom we do not follow", func(t *testing.T) *rig {
			g := backup(t, 200)
			g.pass(second)
			g.step(heard(200, higher))
			g.step(heard(1, lower))
			return g
		}},
		{"handover: rfc", func(t *testing.T) *rig {
			g := backup(t, 200, pureRFC)
			g.pass(second)
			g.step(heard(200, higher))
			g.step(heard(1, higher))
			return g
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := tt.make(t)
			g.quiet(down100 - 1)
			if fx := g.pass(1); len(fx) == 0 {
				t.Error("no takeover after Active_Down_Interval")
			}
		})
	}
}

// "For ever", says the RFC, without preemption.
func TestHandoverRFCWithoutPreemption(t *testing.T) {
	g := backup(t, 200, pureRFC, noPreempt)
	for range 100 {
		g.quiet(second)
		g.want(heard(1, higher))
	}
	g.state(Backup)
}

// Both nodes' checks have failed; ours recovers first. The Active's adverts say
// the same as before, but now they say a resignation.
func TestResignationIsALevel(t *testing.T) {
	g := backup(t, 200)
	g.want(Priority{1})
	g.quiet(second)
	g.want(heard(1, higher))
	g.quiet(second)
	g.want(heard(1, higher))
	g.quiet(second / 2)
	g.want(Priority{100})
	g.until(skew100, Transition{Backup, Active, ActiveResigned}, Send{100}, Own{true})
}

// Both checks fail within one skew: nothing moves.
func TestResignationIsTakenBackWhenOurPriorityFalls(t *testing.T) {
	for _, ours := range []uint8{1, 2} { // below the Active's, and the same
		g := backup(t, 200)
		g.quiet(second)
		g.want(heard(2, higher))
		g.quiet(skew100 - 1)
		g.want(Priority{ours})
		for range 10 {
			g.quiet(second)
			g.want(heard(2, higher))
		}
		g.state(Backup)
	}
}

// The timer then is as if the last advert had been accepted, and not longer.
func TestTakenBackResignationStillTimesOut(t *testing.T) {
	g := backup(t, 200)
	g.quiet(second)
	g.want(heard(2, higher))
	g.quiet(skew100 / 2)
	g.want(Priority{2})
	g.until(ActiveDownInterval(2, second)-skew100/2, Transition{Backup, Active, ActiveDown}, Send{2}, Own{true})
}

// The Active recovers within the skew.
func TestResignationIsTakenBackWhenTheActiveRecovers(t *testing.T) {
	g := backup(t, 200)
	g.quiet(second)
	g.want(heard(1, higher))
	g.quiet(skew100 / 2)
	g.want(heard(200, higher))
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// An Active that took over while everybody was ill, recovered, and falls ill
// again: less than it was since, not less than when it took over (ADR 2).
func TestResignationAfterARecovery(t *testing.T) {
	g := newRig(t, noPreempt)
	g.step(Start{})
	for _, priority := range []uint8{1, 200, 1} {
		g.pass(second)
		g.want(heard(priority, higher))
	}
	g.until(skew100, Transition{Backup, Active, ActiveResigned}, Send{100}, Own{true})
}

// A changed priority changes a running timer by its skew.
func TestPriorityChangesTheSkew(t *testing.T) {
	g := backup(t, 200)
	g.quiet(second)
	g.want(Priority{1})
	g.until(ActiveDownInterval(1, second)-second, Transition{Backup, Active, ActiveDown}, Send{1}, Own{true})
}

// An Active tells at once that its priority has changed, and once more.
func TestActiveAdvertisesAChangedPriority(t *testing.T) {
	g := active(t)
	g.quiet(second / 2)
	g.want(Priority{1}, Send{1})
	g.until(10*time.Millisecond, Send{1})
	g.until(990*time.Millisecond, Send{1})
	g.want(Priority{1})
	g.want(Priority{100}, Send{100})
}

// An owner's priority does not change.
func TestOwnerKeepsItsPriority(t *testing.T) {
	g := active(t, prio(OwnerPriority))
	g.want(Priority{1})
	g.until(second, Send{255})
}

func TestPreemptDelay(t *testing.T) {
	g := newRig(t, func(p *Params) { p.PreemptDelay = 10 * second })
	g.step(Start{})
	g.quiet(second)
	for range 10 { // the delay starts with the first advert of lower priority
		g.want(heard(50, higher))
		g.quiet(second)
	}
	g.want(heard(50, higher))
	g.until(down100-second, Transition{Backup, Active, ActiveLower}, Send{100}, Own{true})
}

// The delay starts again when somebody better was there in between.
func TestPreemptDelayStartsAgain(t *testing.T) {
	g := newRig(t, func(p *Params) { p.PreemptDelay = 10 * second })
	g.step(Start{})
	for range 2 {
		for range 9 {
			g.want(heard(50, higher))
			g.quiet(second)
		}
		g.want(heard(100, lower))
	}
	g.state(Backup)
}

// PreemptDelay is no delay when nobody is heard.
func TestPreemptDelayWithoutAnActive(t *testing.T) {
	g := newRig(t, func(p *Params) { p.PreemptDelay = time.Minute })
	g.step(Start{})
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

func TestStartDelay(t *testing.T) {
	g := newRig(t, func(p *Params) { p.StartDelay = time.Minute })
	g.step(Start{})
	g.until(time.Minute, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// An Active that stops is no silence.
func TestStartDelayDoesNotHoldBackFromAnActiveThatStops(t *testing.T) {
	g := newRig(t, func(p *Params) { p.StartDelay = time.Minute })
	g.step(Start{})
	g.want(heard(0, higher))
	g.until(skew100, Transition{Backup, Active, ActiveStopped}, Send{100}, Own{true})
}

// Repeated priority 0, forged or not, does not put the takeover off.
func TestPriorityZeroIsNotPutOff(t *testing.T) {
	g := backup(t, 200)
	g.want(heard(0, higher))
	g.quiet(skew100 / 2)
	g.want(heard(0, higher))
	g.until(skew100-skew100/2, Transition{Backup, Active, ActiveStopped}, Send{100}, Own{true})
}

// What is left of the timer is less than Skew_Time.
func TestResignationDoesNotPutTheTakeoverOff(t *testing.T) {
	g := backup(t, 200)
	g.quiet(3500 * time.Millisecond)
	g.want(heard(1, higher))
	g.until(down100-3500*time.Millisecond, Transition{Backup, Active, ActiveResigned}, Send{100}, Own{true})
}

// Who wins over an Active is followed from its first advert.
func TestResignationOfTheWinner(t *testing.T) {
	g := active(t)
	g.step(heard(200, higher))
	g.pass(second)
	g.want(heard(1, higher))
	g.until(skew100, Transition{Backup, Active, ActiveResigned}, Send{100}, Own{true})
}

// Who starts again knows nobody's past.
func TestNoResignationBeforeTheStart(t *testing.T) {
	g := backup(t, 200)
	g.step(Stop{})
	g.step(Start{})
	g.quiet(second)
	g.want(heard(1, higher))
	g.until(down100-second, Transition{Backup, Active, ActiveLower}, Send{100}, Own{true})
}

// A taken back resignation's interval counts as learned.
func TestTakenBackResignationTeachesItsInterval(t *testing.T) {
	g := backup(t, 200)
	g.quiet(second)
	g.want(heardAt(2, higher, 2*second), Notice{IntervalDiffers})
	g.want(Priority{2})
	g.until(ActiveDownInterval(2, 2*second), Transition{Backup, Active, ActiveDown}, Send{2}, Own{true})
}

// An Active that has stopped is not back because our priority falls.
func TestPriorityZeroIsNotTakenBack(t *testing.T) {
	g := backup(t, 200)
	g.quiet(second)
	g.want(heard(0, higher))
	g.want(Priority{90})
	g.until(SkewTime(90, second), Transition{Backup, Active, ActiveStopped}, Send{90}, Own{true})
}

// The delay starts when the Active is lower than we are now.
func TestPreemptDelayIsOfTheEffectivePriority(t *testing.T) {
	g := newRig(t, func(p *Params) { p.PreemptDelay = 10 * second })
	g.step(Start{})
	for _, ours := range []uint8{50, 100} {
		g.step(Priority{ours})
		for range 9 {
			g.want(heard(60, higher))
			g.quiet(second)
		}
	}
	g.want(heard(60, higher))
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// And it starts again with the router.
func TestPreemptDelayStartsAgainWithTheRouter(t *testing.T) {
	g := newRig(t, func(p *Params) { p.PreemptDelay = 10 * second })
	for range 2 {
		g.step(Start{})
		for range 9 {
			g.want(heard(50, higher))
			g.quiet(second)
		}
		g.want(heard(50, higher))
		g.step(Stop{})
	}
	g.state(Initialize)
}
