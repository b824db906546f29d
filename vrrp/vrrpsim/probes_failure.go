// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"time"

	"vipd/vrrp"
)

// Experiments: something breaks.

// suddenDeath: the Active's daemon is killed, and comes back much later.
func (s *stage) suddenDeath() {
	s.active.crash()
	s.succeeded(activeDownInterval(s.next.priority(), s.interval), "a sudden death")
	if s.err != nil {
		return
	}
	new := s.others.active()
	if new != nil && s.now-s.active.lastSent < activeDownInterval(new.priority(), s.interval)-s.slack {
		s.fail("a sudden death: %s took over after %v", new.name, s.now-s.active.lastSent)
	}
	clear := s.clearWinner()
	s.run(3*s.interval + time.Second)
	if clear {
		s.expect(1, "a sudden death")
	}
	if !s.active.spec.rfc && s.interval-s.skew(s.next) > s.slack+10*time.Millisecond {
		s.noGap("a sudden death: the lease is too short")
	}
	s.comeBack()
}

// comeBack: a node that was away takes over if its priority is higher, after all
// that it has to wait for; else it lets the Active be, whatever its address.
func (s *stage) comeBack() {
	if !s.rest() {
		return
	}
	s.elections, s.gaps = s.world.elections, s.world.gaps
	now, away := s.others.active(), s.active
	if now == nil {
		return
	}
	away.start()
	start := s.now
	better := away.spec.priority > now.priority() && away.spec.preempt
	hears := now.spec.interval < 3*s.interval // the Active, in time
	if better {
		s.await(time.Hour, func() bool { return away.isActive(0) })
		patience := activeDownInterval(away.priority(), s.interval)
		if away.spec.preemptDelay > 0 {
			patience = away.spec.preemptDelay // in which it has learned the other's interval
		}
		if hears && s.now-start < patience-s.slack {
			s.fail("a better node came back and took over after %v", s.now-start)
		}
	}
	if !s.rest() {
		return
	}
	switch {
	case better:
		s.expect(1, "a better node came back")
	case hears:
		s.expect(0, "a node came back that is no better")
	}
	if !now.spec.rfc {
		s.noGap("a node came back")
	}
}

// failingAdd: the next Active can't set its addresses, so the one after it has to.
func (s *stage) failingAdd() {
	if s.next.spec.rfc || !s.clearWinner() || len(s.others) < 2 {
		return
	}
	s.next.addFails = true
	s.active.crash()
	s.succeeded(activeDownInterval(s.next.priority(), s.interval), "a failing address")
	rest := s.others.without(s.next)
	skew := skewTime(rest.best().priority(), max(s.interval, s.next.spec.interval))
	if rest.best().spec.rfc { // which knows nothing of overtaken adverts
		return
	}
	if _, ok := s.await(skew+s.next.adding+s.slack, rest.anyActive); !ok {
		s.fail("a failing address: nobody else is Active")
	}
	s.run(s.interval)
	if s.next.holds() || !s.next.blockedBy(vrrp.AddressFailed) {
		s.fail("%s could not set its addresses, and goes on", s.next.name)
	}
}

// healedSplit: the invariants and checkSettled say what has to be.
func (s *stage) healedSplit() {
	s.partition(uint8(1+s.rng.IntN(1<<len(s.nodes)-2)), true)
	s.run(6*s.interval + s.upTo(4*s.interval))
	s.calm(0)
	s.rest()
}

// deafFamily: the adverts of one family are lost between all nodes.
func (s *stage) deafFamily() {
	if len(s.families) < 2 {
		return
	}
	mask := uint8(1 + s.rng.IntN(2))
	for a := range s.nodes {
		for b := range s.nodes {
			s.cutOff(a, b, mask, true)
		}
	}
	s.run(10 * s.interval)
	s.expect(0, "one family was cut")
}

// lostAdverts: two adverts in a row are lost, and nothing moves; where the skew is
// too short for the network, one.
func (s *stage) lostAdverts() {
	lost := s.interval / 2
	if s.skew(s.next) > s.slack {
		lost += s.interval
	}
	first := never
	s.lan.tamper = func(*node, *node, uint8) (time.Duration, bool) {
		first = min(first, s.now)
		return 0, s.now-first < lost
	}
	s.run(6 * s.interval)
	s.expect(0, "adverts were lost")
}
