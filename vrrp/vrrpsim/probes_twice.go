// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"time"

	"vipd/vrrp"
)

// Experiments: one thing happens while the node is still busy with another.

// listens is how long a resuming daemon is silent at least, by anybody's clock.
const listens = resumeListen - 100*time.Microsecond

// timeToResume is how long the Active's daemon may be away in all, from now on, until
// it has listened and sent an advert in time; 0 if it can't resume.
func (s *stage) timeToResume() time.Duration {
	age, ok := s.active.age()
	if s.active.spec.rfc || s.interval < resumable || !ok {
		return 0
	}
	return max(0, 3*s.interval-resumeMargin-resumeListen-age-s.slack)
}

// twoCrashes: the Active's daemon is killed, and the next one, too, while it resumes.
// If the third is back in time nobody else moves, and the addresses stay.
func (s *stage) twoCrashes() {
	left := s.timeToResume()
	if left == 0 {
		return
	}
	resume := func() {
		s.active.crash()
		s.run(s.upTo(left / 2))
		if s.active.start(); !s.active.isActive(0) {
			s.fail("%s did not resume", s.active.name)
		}
	}
	resume()
	s.run(s.upTo(min(listens, left/2)))
	resume()
	s.stays(2, "two crashes")
}

// reconfiguredResuming: a resuming daemon is given another configuration, which it says
// nothing of before it has listened.
func (s *stage) reconfiguredResuming() {
	left := s.timeToResume()
	if left == 0 {
		return
	}
	s.active.crash()
	s.run(s.upTo(left))
	sent := s.active.lastSent
	s.active.start()
	started := s.now
	s.run(s.upTo(listens))
	changed := s.active.spec
	changed.preemptDelay += time.Second
	changed.interval = pick(s.world, changed.interval, s.halved(changed.interval))
	s.active.reload(changed)
	s.run(started + listens - s.now)
	if s.active.lastSent != sent {
		s.fail("%s has advertised before it has listened", s.active.name)
	}
	s.stays(1, "a reload while resuming")
}

// halved is half of an interval that an advert can tell.
func (s *stage) halved(interval time.Duration) time.Duration {
	return max((interval / 2).Truncate(vrrp.MinInterval), shortest)
}

// stays: the Active is Active still, after so many elections of its own.
func (s *stage) stays(elections int, after string) {
	s.settle()
	s.expect(elections, after)
	s.noGap(after)
	if s.err == nil && !s.active.isActive(0) {
		s.fail("%s: %s is not Active", after, s.active.name)
	}
}

// reconfiguredReleasing: a releasing node is given another configuration: it keeps its
// addresses until another one has them, and lets them go then.
func (s *stage) reconfiguredReleasing() {
	if s.active.spec.rfc || s.next.spec.rfc {
		return
	}
	s.active.maintain(true)
	s.run(s.upTo(20 * time.Millisecond))
	changed := s.active.spec
	changed.priority = max(1, changed.priority/2)
	changed.interval = pick(s.world, changed.interval, s.halved(changed.interval))
	s.active.reload(changed)
	s.succeeded(s.skew(s.next), "a reload while releasing")
	s.letsGo("a reload while releasing")
	s.noGap("a reload while releasing")
}

// lateLoop: the Active's daemon gets too little time, but its adverts come before
// anybody takes over: nothing moves.
func (s *stage) lateLoop() {
	if s.active.spec.rfc {
		return
	}
	s.active.lag(3 * s.interval / 2)
	s.run(10*s.interval + s.upTo(10*s.interval))
	s.expect(0, "the Active's loop was late")
	s.noGap("the Active's loop was late")
	s.active.lag(0)
}
