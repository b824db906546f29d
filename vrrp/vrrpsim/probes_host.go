// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import "time"

// Experiments: the Active's host is gone, and whoever asks it knows that sooner. What
// follows when its daemon alone is dead, late or stopped, suddenDeath and others say:
// the RFC's patience, for the kernel answers.

// hostGone: the machine dies, with all that is on it.
func (s *stage) hostGone() {
	s.active.crash()
	s.active.setLink(false)
	s.succeeded(s.alarm(), "a host is gone")
}

// cablePulled: the Active sees that its link is down, and nobody hears it say so.
func (s *stage) cablePulled() {
	s.active.setLink(false)
	s.succeeded(s.alarm(), "a pulled cable")
}

// silentCut: nobody sees anything, but nothing arrives.
func (s *stage) silentCut() {
	s.partition(1<<s.active.id, true)
	s.succeeded(s.alarm(), "a silent cut")
	s.run(s.upTo(4 * s.interval))
	s.calm(0)
	s.rest()
}

// alarm is how soon there is a new Active when the host of the Active is gone: the
// first of the others.
func (s *stage) alarm() time.Duration {
	first := never
	for _, n := range s.others {
		first = min(first, s.alarmOf(n))
	}
	return first
}

// alarmOf is that of one node, by the figures of the documentation.
func (s *stage) alarmOf(n *node) time.Duration {
	patience := activeDownInterval(n.priority(), s.interval)
	for _, w := range n.daemon.watches {
		if w.HostWatch == nil || !w.Status().Proven {
			return patience
		}
	}
	if s.lan.proxy {
		return patience
	}
	overdue := s.interval + min(40*time.Millisecond, s.interval/10)
	if n.spec.every > 0 {
		overdue = min(overdue, n.spec.every+40*time.Millisecond)
	}
	// A sign of life may put the first question off, and each of the ten may be late.
	const asking, signOfLife = 200 * time.Millisecond, 50 * time.Millisecond
	return min(patience, overdue+signOfLife+asking+12*n.latest()+s.skew(n))
}
