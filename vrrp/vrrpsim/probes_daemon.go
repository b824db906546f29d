// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import "time"

// Experiments: the daemon or its machine is killed, late or paused.

const (
	resumable    = 500 * time.Millisecond // the shortest interval at which a node resumes
	handedOver   = 200 * time.Millisecond // and after a hand-off
	resumeMargin = 250 * time.Millisecond // before three intervals are over
	resumeListen = 50 * time.Millisecond  // before the first advert
)

// crashAndResume: the Active's daemon is killed. If it is back in time nobody else
// moves, and the addresses stay; if not, it starts from the beginning.
func (s *stage) crashAndResume() {
	age, ok := s.active.age()
	left := 3*s.interval - resumeMargin - age - s.slack
	if s.active.spec.rfc || s.interval < resumable || !ok || left <= 0 {
		return
	}
	s.active.crash()
	if s.one(3) {
		s.run(left + 2*s.slack + s.upTo(s.interval))
		if s.active.start(); s.active.isActive(0) {
			s.fail("%s has resumed too late", s.active.name)
		}
		return
	}
	s.run(s.upTo(left))
	if s.active.start(); !s.active.isActive(0) {
		s.fail("%s did not resume", s.active.name)
	}
	s.settle()
	s.expect(1, "a crash") // its own, again
	s.noGap("a crash")
	if s.err == nil && !s.active.isActive(0) {
		s.fail("%s has resumed, and is not Active", s.active.name)
	}
}

// handOver: the Active's daemon hands off to the next one, which is there in time:
// nobody else moves, and the addresses stay, also with adverts of which a crash would
// leave no time.
func (s *stage) handOver() {
	left := 3*s.interval - resumeMargin - s.slack
	if s.active.spec.rfc || s.interval < handedOver || left <= 0 {
		return
	}
	s.active.handOff()
	s.run(s.upTo(left))
	if s.active.start(); !s.active.isActive(0) {
		s.fail("%s did not go on after a hand-off", s.active.name)
	}
	s.settle()
	s.expect(1, "a hand-off") // its own, again
	s.noGap("a hand-off")
	if s.err == nil && !s.active.isActive(0) {
		s.fail("%s has gone on, and is not Active", s.active.name)
	}
}

// resumedInVain: the Active is not heard, is killed, and is back in time by its own
// reckoning; but it was replaced, and knows that before it says anything.
func (s *stage) resumedInVain() {
	if s.active.spec.rfc || s.interval < resumable {
		return
	}
	for _, n := range s.others {
		s.cutOff(s.active.id, n.id, both, true)
	}
	s.run(5 * s.interval / 2)
	s.active.crash()
	for _, n := range s.others {
		s.cutOff(s.active.id, n.id, both, false)
	}
	s.succeeded(2*s.interval, "an Active that was not heard")
	s.run(20 * time.Millisecond)
	age, ok := s.active.age()
	if !ok || age > 3*s.interval-resumeMargin-s.slack || s.err != nil {
		return
	}
	sent := s.active.lastSent
	s.active.start()
	s.run(resumeListen + s.slack)
	if s.active.isActive(0) || s.active.lastSent != sent {
		s.fail("%s has resumed beside another Active", s.active.name)
	}
}

// killedWhileReleasing: what a leaving daemon leaves behind is never resumed.
func (s *stage) killedWhileReleasing() {
	if s.active.spec.rfc {
		return
	}
	s.active.stop()
	s.run(s.upTo(20 * time.Millisecond))
	s.active.crash()
	s.run(s.upTo(s.interval))
	s.active.start()
	if s.active.isActive(0) {
		s.fail("%s has resumed addresses that it was leaving", s.active.name)
	}
}

// lateBackup: a Backup was stopped, or is overloaded, and the adverts wait in its
// queue: the Active is not dead.
func (s *stage) lateBackup() {
	n := pick(s.world, s.others...)
	n.freeze(true)
	s.run(s.upTo(10 * s.interval))
	n.freeze(false)
	s.run(s.interval)
	s.expect(0, "a Backup was late")
}

// lateActive: for less than a Backup waits, nothing moves; after longer, it was
// replaced, and knows that before it advertises.
func (s *stage) lateActive() {
	if s.active.spec.rfc {
		return
	}
	long := s.one(2)
	s.active.freeze(true)
	if long {
		s.run(5*s.interval + s.upTo(5*s.interval))
	} else {
		s.run(s.upTo(19 * s.interval / 10))
	}
	s.active.freeze(false)
	if s.active.isActive(0) == long {
		s.fail("%s was frozen for long: %v; and is Active: %v", s.active.name, long, !long)
	}
	if !long {
		s.run(5 * s.interval)
		s.expect(0, "an Active was a little late")
	}
}

// lateWorker: the lease is not renewed in time, but the adverts went out: the
// addresses are put back, and nobody notices.
func (s *stage) lateWorker() {
	if s.active.spec.rfc {
		return
	}
	s.active.stuck = true
	s.run(6*s.interval + time.Second)
	s.active.stuck = false
	s.run(2 * s.interval)
	s.expect(0, "a lease was not renewed in time")
	if s.err == nil && !s.active.nics[0].holds {
		s.fail("%s has not put its addresses back", s.active.name)
	}
}

// pausedActive: the machine is paused and its clock with it, so that it knows
// nothing when it goes on, but what it hears.
func (s *stage) pausedActive() {
	s.active.pause(true)
	s.run(5*s.interval + s.upTo(20*s.interval))
	s.active.pause(false)
	s.rest()
}
