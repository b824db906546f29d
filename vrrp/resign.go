// SPDX-License-Identifier: Apache-2.0

package vrrp

import "time"

// A planned switchover: an Active gives up for good, keeps its addresses until the
// next Active has them, and lets that one be. If nobody comes it is the best there is,
// and goes on as if nothing had been asked: its addresses have never been away.

// resign gives up, if there is anything to give up. An owner has its addresses
// whatever happens.
func (r *Router) resign(now time.Time, fx []Effect) []Effect {
	if r.state != Active || r.params.Priority == OwnerPriority {
		return fx
	}
	fx = r.giveUp(now, fx)
	fx = r.enterBackup(now, Resigned, fx)
	r.leaveOnPurpose()
	r.release = now.Add(r.params.Interval + releaseMargin)
	r.down.offered = r.release
	r.resigned = true
	return fx
}

// offerTogether gives the others in the group as much time to take over as the
// slowest member's have: who lets go before has nothing to go on with.
func (g *Group) offerTogether() {
	var last time.Time
	for _, m := range g.members {
		if m.down.offered.After(last) {
			last = m.down.offered
		}
	}
	for _, m := range g.members {
		if !m.down.offered.IsZero() {
			m.release, m.down.offered = last, last
		}
	}
}

// acceptTogether: whoever took over one member's part takes over the others', too.
func (g *Group) acceptTogether() {
	for _, m := range g.members {
		if m.down.offered.IsZero() {
			for _, other := range g.members {
				other.down.offered = time.Time{}
			}
			return
		}
	}
}
