// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"time"

	"vipd/vrrp"
)

// Experiments: a node leaves on purpose, or says that it can't serve.

// cleanStop: the Active leaves on purpose. Somebody else is there within one
// skew, even if a packet is lost or overtaken, and no packet to the addresses is.
func (s *stage) cleanStop() {
	extra := time.Duration(0)
	switch {
	case s.active.spec.rfc:
	case s.next.spec.rfc:
		extra = 4 * time.Millisecond // each farewell sets its timer anew
	default:
		extra = s.tamperLeaving()
	}
	if s.one(2) || s.active.spec.rfc {
		s.active.stop()
	} else {
		s.active.maintain(true)
	}
	s.succeeded(s.skew(s.next)+extra, "a clean stop")
	s.letsGo("a clean stop")
	if !s.active.spec.rfc {
		s.noGap("a clean stop")
	}
	clear := s.clearWinner() && s.others.without(s.next).allVIPD() // a late farewell wakes the others
	s.run(2*s.interval + time.Second)
	if clear {
		s.expect(1, "a clean stop")
	}
}

// tamperLeaving has the first farewell be lost, or a usual advert arrive after
// it. It returns how much longer the next Active may take.
func (s *stage) tamperLeaving() time.Duration {
	switch s.rng.IntN(3) {
	case 0:
		s.lan.tamper = s.loseFirst(0)
		return 2 * time.Millisecond
	case 1:
		s.delayLastAdvert()
	}
	return 0
}

// loseFirst loses all adverts of that priority that are sent at the time of the
// first.
func (s *stage) loseFirst(priority uint8) func(from, to *node, p uint8) (time.Duration, bool) {
	first := never
	return func(_, _ *node, p uint8) (time.Duration, bool) {
		if p == priority && first == never {
			first = s.now
		}
		return 0, p == priority && s.now == first
	}
}

// delayLastAdvert waits until the Active has sent an advert, which arrives late.
func (s *stage) delayLastAdvert() {
	const late = 10 * time.Millisecond
	sent := s.active.lastSent
	s.lan.tamper = func(from, _ *node, _ uint8) (time.Duration, bool) { return late, false }
	s.await(2*s.interval, func() bool { return s.active.lastSent != sent })
	s.lan.tamper = nil
	s.run(time.Millisecond)
}

// failingCheck: the Active's service dies. A node that can serve is there within
// one skew, even if an advert is lost.
func (s *stage) failingCheck() {
	if len(s.active.spec.penalties) == 0 {
		return
	}
	check := s.rng.IntN(len(s.active.spec.penalties))
	heir, left := s.heir(s.active.spec.penalties[check])
	if heir == nil {
		return
	}
	if s.one(2) {
		s.lan.tamper = s.loseFirst(left)
	}
	const again = 10 * time.Millisecond // it is said again, if it was lost, or overtook a usual advert
	s.active.serve(check, false, true)
	s.succeeded(s.skew(heir)+again, "a failing check")
	s.letsGo("a failing check")
	s.noGap("a failing check")
}

// heir is who takes over at once when the Active's priority falls, and to what it
// falls; nil if nobody has to.
func (s *stage) heir(p penalty) (*node, uint8) {
	if p.fault {
		return s.next, 0
	}
	left := uint8(lowestPriority)
	if p.less > 0 {
		left = uint8(max(int(s.active.priority())-p.less, lowestPriority))
	}
	var may part
	for _, n := range s.others {
		if !n.spec.rfc && n.spec.handover == vrrp.HandoverFast && n.priority() > left {
			may = append(may, n)
		}
	}
	if left == s.active.priority() || len(may) == 0 {
		return nil, 0
	}
	return may.best(), left
}

// failingChecks: all nodes' checks fail before anybody has taken over, and nothing
// moves; then they recover, in either order.
func (s *stage) failingChecks() {
	all := append(part{s.active}, s.others...)
	spread := s.patience() - s.slack
	if spread <= 0 || !all.canOnlyLower() {
		return
	}
	s.active.serve(0, false, true)
	s.run(s.upTo(spread))
	for _, n := range s.others {
		n.serve(0, false, true)
	}
	s.settle()
	s.expect(0, "all checks failed together")
	first := pick(s.world, s.active, s.next)
	first.serve(0, true, false)
	s.await(10*checkInterval, func() bool { return first.priority() > lowestPriority })
	switch {
	case first == s.active:
		s.settle()
		s.expect(0, "the Active's check recovered")
	case first.spec.handover == vrrp.HandoverFast:
		s.succeeded(s.skew(first), "a Backup's check recovered")
	}
}

// patience is how long the others wait, at least, after the Active's priority has
// fallen below theirs.
func (s *stage) patience() time.Duration {
	for _, n := range s.others {
		if n.spec.handover == vrrp.HandoverFast {
			return s.skew(s.next)
		}
	}
	return 2*s.interval + s.skew(s.next) // its last advert may be an interval old
}

// failingNewcomer: a better node is back, and just before it takes over its check
// fails: the Active is let be.
func (s *stage) failingNewcomer() {
	away := s.active
	spread := s.skew(away) - s.slack
	if (part{away}).canOnlyLower() && away.spec.preempt && spread > 0 {
		s.active.crash()
		s.settle()
		now := s.others.active()
		if now == nil || now.priority() >= away.spec.priority || now.spec.interval != s.interval {
			return
		}
		away.start()
		s.await(checkInterval+s.slack, func() bool { return away.daemon.statuses[0].State == vrrp.Backup })
		s.elections = s.world.elections
		s.run(3*s.interval + s.upTo(spread))
		away.serve(0, false, true)
		s.settle()
		s.expect(0, "a better node came back, and its check failed")
	}
}

// canOnlyLower reports whether every node's first check takes it to the lowest
// priority, from a higher one.
func (p part) canOnlyLower() bool {
	for _, n := range p {
		if n.spec.rfc || len(n.spec.penalties) == 0 || n.spec.penalties[0] != (penalty{}) || n.priority() <= lowestPriority {
			return false
		}
	}
	return true
}
