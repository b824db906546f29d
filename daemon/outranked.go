// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"net/netip"

	"vipd/config"
)

// A Backup may follow an Active of a priority so high that no failed check can ever bring
// the addresses here. Nothing is wrong until the day that they are needed: it is said
// before.

// outranking is what a family was warned of last: an Active and its priority.
type outranking struct {
	active   netip.Addr
	priority uint8
}

// penaltySum is what all of a router's penalties together take off a priority; 0: there
// are none, or one of them alone takes all of it.
func penaltySum(all []config.Penalty) (sum int) {
	for _, p := range all {
		if p.Less == 0 {
			return 0
		}
		sum += p.Less
	}
	return sum
}

// left is what all penalties together leave of an Active's priority, if that moves
// nothing; 0: it does, or there are none.
func (r *router) left(priority uint8) int {
	if r.penalties == 0 {
		return 0
	}
	left := max(int(priority)-r.penalties, lowestPriority)
	if left < int(r.config.Priority) {
		return 0
	}
	return left
}

// warnOutranked is called for each advert, and warns of an Active and its priority once.
func (d *Daemon) warnOutranked(f *family, source netip.Addr, priority uint8) {
	left := f.router.left(priority)
	if left == 0 || f.outranking == (outranking{source, priority}) {
		return
	}
	if f.core.Status().Active.Source != source { // nobody follows it
		return
	}
	f.outranking = outranking{source, priority}
	d.logBounded(source, "outranked "+f.key, "no failed check can move the addresses here", f.attrs("active_priority", priority,
		"penalties", f.router.penalties, "left", left, "priority", f.router.config.Priority)...)
}

// outranked says why no failed check can move the addresses from an Active of that
// priority to here; empty: one can.
func (r *router) outranked(priority uint8) string {
	left := r.left(priority)
	if left == 0 {
		return ""
	}
	return fmt.Sprintf("no failed check can move the addresses here: all penalties together (%d) leave the Active %d of its priority %d, and ours is %d",
		r.penalties, left, priority, r.config.Priority)
}
