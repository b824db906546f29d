// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import "time"

// stage is a settled LAN on which everything runs, for one experiment.
type stage struct {
	*world
	active *node
	next   *node // of the others, the one with the highest priority
	others part

	interval  time.Duration // the Active's, which the others have learned
	slack     time.Duration // what delays, lateness and drift add to a time
	elections int           // until now
	gaps      int
}

// probes are the experiments. Each ends with the LAN as it was, or nearly.
func probes() []func(*stage) {
	return []func(*stage){
		(*stage).cleanStop, (*stage).cleanStop, (*stage).resignation, (*stage).failingCheck, (*stage).failingChecks, (*stage).failingNewcomer,
		(*stage).hostGone, (*stage).hostGone, (*stage).cablePulled, (*stage).silentCut,
		(*stage).suddenDeath, (*stage).suddenDeath, (*stage).failingAdd, (*stage).healedSplit, (*stage).deafFamily,
		(*stage).lostAdverts, (*stage).crashAndResume, (*stage).handOver, (*stage).resumedInVain, (*stage).killedWhileReleasing,
		(*stage).twoCrashes, (*stage).reconfiguredResuming, (*stage).reconfiguredReleasing,
		(*stage).lateBackup, (*stage).lateActive, (*stage).lateLoop, (*stage).lateWorker, (*stage).pausedActive,
	}
}

// probe makes one experiment. It reports whether all is well.
func (w *world) probe() bool {
	s := w.newStage()
	if s == nil {
		return w.err == nil
	}
	w.run(w.upTo(s.interval)) // anywhere between two adverts
	w.lan.tamper = nil
	pick(w, probes()...)(s)
	w.lan.tamper = nil
	w.calm(0)
	return w.err == nil && w.revive()
}

// newStage sets the stage; nil if there is nobody to take over.
func (w *world) newStage() *stage {
	all := part(w.nodes).eligible()
	s := &stage{world: w, active: all.active(), elections: w.elections, gaps: w.gaps}
	s.others = all.without(s.active)
	if s.active == nil || len(s.others) == 0 {
		return nil
	}
	s.next = s.others.best()
	s.interval = s.active.spec.interval
	s.slack = 2*w.slowest + 4*time.Millisecond + s.interval*3/1000
	return s
}

// skew is a node's Skew_Time behind the Active.
func (s *stage) skew(n *node) time.Duration { return skewTime(n.priority(), s.interval) }

// succeeded waits for a new Active.
func (s *stage) succeeded(within time.Duration, why string) {
	took, ok := s.await(within+s.slack, func() bool { return s.others.anyActive() })
	if !ok {
		s.fail("%s: no new Active within %v", why, took)
	}
}

// letsGo waits until the old Active has let its addresses go, which it does soon
// after it has heard the new one.
func (s *stage) letsGo(why string) {
	const settle = 51 * time.Millisecond
	if _, ok := s.await(settle+s.active.adding+s.slack, func() bool { return !s.active.holds() }); !ok {
		s.fail("%s: %s still holds the addresses", why, s.active.name)
	}
}

// clearWinner reports whether one of the others is so much ahead that nobody else
// takes over.
func (s *stage) clearWinner() bool {
	for _, n := range s.others {
		if n != s.next && s.skew(n)-s.skew(s.next) < 2*s.slack {
			return false
		}
	}
	return true
}

// expect counts the elections since the stage was set, or since the last time.
func (s *stage) expect(elections int, why string) {
	if got := s.world.elections - s.elections; s.err == nil && got != elections {
		s.fail("%s: %d elections, not %d", why, got, elections)
	}
	s.elections = s.world.elections
}

// noGap: at each moment since the stage was set somebody held the addresses.
func (s *stage) noGap(why string) {
	if s.err == nil && s.world.gaps != s.gaps {
		s.fail("%s: nobody held the addresses", why)
	}
	s.gaps = s.world.gaps
}
