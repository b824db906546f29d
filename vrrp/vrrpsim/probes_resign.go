// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"time"

	"vipd/vrrp"
)

// resignation: the Active gives up on demand. Somebody else is there within one skew,
// no packet to the addresses is lost, and it stays so; until that one gives up, or the
// resignation is taken back.
func (s *stage) resignation() {
	old := s.active
	if old.spec.rfc {
		return
	}
	if s.one(4) {
		s.resignationInVain()
		return
	}
	extra := time.Duration(0)
	if s.next.spec.rfc {
		extra = 4 * time.Millisecond // each farewell sets its timer anew
	} else {
		extra = s.tamperLeaving()
	}
	old.input(0, vrrp.Resign{})
	s.succeeded(s.skew(s.next)+extra, "a resignation")
	s.letsGo("a resignation")
	s.noGap("a resignation")
	s.lan.tamper = nil
	s.settle()
	if s.err == nil && old.isActive(0) {
		s.fail("%s has resigned, and is Active again", old.name)
	}
	s.noGap("after a resignation")
	if s.err == nil && s.one(2) && len(s.others) == 1 && s.others[0].isActive(0) {
		s.others[0].stop() // it gives up: there is nobody else
		if _, ok := s.await(s.skewOf(old, s.others[0])+4*time.Millisecond+s.slack, func() bool { return old.isActive(0) }); !ok {
			s.fail("%s has resigned, and does not come back when it is needed", old.name)
		}
	}
}

// skewOf is a node's Skew_Time behind another Active.
func (s *stage) skewOf(n, active *node) time.Duration {
	return skewTime(n.priority(), active.spec.interval)
}

// resignationInVain: nobody else may run. The Active goes on, and has never let its
// addresses go.
func (s *stage) resignationInVain() {
	for _, n := range s.others {
		n.maintain(true)
	}
	s.run(s.slack)
	s.active.input(0, vrrp.Resign{})
	const margin = 100 * time.Millisecond
	if _, ok := s.await(s.interval+margin+s.slack, func() bool { return s.active.isActive(0) }); !ok {
		s.fail("nobody took over, and %s is not Active again", s.active.name)
	}
	s.noGap("a resignation in vain")
}
