// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"math"
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

// allOfIt is what a penalty takes off a priority that makes it the lowest, or takes the
// router out.
const allOfIt = math.MaxInt

// penaltySum is what all of a router's penalties together take off a priority; allOfIt, if
// one of them alone does that.
func penaltySum(all []config.Penalty) (sum int) {
	for _, p := range all {
		if p.Less == 0 {
			return allOfIt
		}
		sum += p.Less
	}
	return sum
}

// penalties are those of the router that can lose most: the lowest priority decides.
func (g *group) penalties() (most int) {
	for _, r := range g.routers {
		most = max(most, r.penalties)
	}
	return most
}

// configured is the group's priority while all is well.
func (g *group) configured() uint8 {
	lowest := g.routers[0].config.Priority
	for _, r := range g.routers[1:] {
		lowest = min(lowest, r.config.Priority)
	}
	return lowest
}

// left is what all penalties together leave of an Active's priority, if that moves
// nothing; 0: it does, or there are none.
func (g *group) left(priority uint8) int {
	penalties := g.penalties()
	if penalties == 0 || penalties == allOfIt || priority == 0 {
		return 0
	}
	left := max(int(priority)-penalties, lowestPriority)
	if left < int(g.configured()) {
		return 0
	}
	return left
}

// warnOutranked is called for each advert, and warns of an Active and its priority once.
func (d *Daemon) warnOutranked(f *family, source netip.Addr, priority uint8) {
	g := f.router.group
	left := g.left(priority)
	if left == 0 || f.outranking == (outranking{source, priority}) {
		return
	}
	if f.core.Status().Active.Source != source { // nobody follows it
		return
	}
	f.outranking = outranking{source, priority}
	d.logBounded(source, "outranked "+f.key, "no failed check can move the addresses here", f.attrs("active_priority", priority,
		"penalties", g.penalties(), "left", left, "priority", g.configured())...)
}

// outranked says why no failed check can move the addresses from an Active of that
// priority to here; empty: one can.
func (g *group) outranked(priority uint8) string {
	left := g.left(priority)
	if left == 0 {
		return ""
	}
	return fmt.Sprintf("no failed check can move the addresses here: all penalties together (%d) leave the Active %d of its priority %d, and ours is %d",
		g.penalties(), left, priority, g.configured())
}
