// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"

	"vipd/vrrp"
)

// Penalty is what a failing check, or a tracked interface that is down, does to a router.
type Penalty struct {
	// Fault takes the router out: it goes to Initialize.
	Fault bool
	// Less is taken off the priority, 1–253. 0, without Fault: the priority is 1,
	// the lowest possible.
	Less int
}

// String is the word of the configuration.
func (p Penalty) String() string {
	switch {
	case p.Fault:
		return "fault"
	case p.Less > 0:
		return fmt.Sprint(p.Less)
	}
	return "lowest"
}

// leaves is what is left of a priority; 0: the router may not run.
func (p Penalty) leaves(priority uint8) int {
	switch {
	case p.Fault:
		return 0
	case p.Less > 0:
		return max(int(priority)-p.Less, 1)
	}
	return 1
}

// Penalties lists all that a router's checks and tracked interfaces may cost it.
func (c *Config) Penalties(r *Router) []Penalty {
	var all []Penalty
	for _, cost := range c.costs(r) {
		all = append(all, cost.Penalty)
	}
	return all
}

// cost is a penalty, and what it is for.
type cost struct {
	Penalty
	word  string // for a message
	place value
}

func (c *Config) costs(r *Router) []cost {
	var all []cost
	for _, name := range r.Checks {
		if check := c.Check(name); check != nil {
			all = append(all, cost{check.Penalty, check.Penalty.String(), at(check.place, "penalty")})
		}
	}
	for _, t := range r.Tracked {
		all = append(all, cost{t.Penalty, t.Penalty.String() + " for " + t.Name, at(r.place, "track_interfaces")})
	}
	return all
}

// penaltiesMove warns of a penalty that can't move the addresses by itself.
func (r *reader) penaltiesMove(f *File) {
	for i := range f.routerCount() {
		all := f.standings(i)
		if len(all) < 2 {
			continue
		}
		best, next := all[0], all[1]
		for _, c := range best.config.costs(best.router) {
			if left := min(c.leaves(best.router.Priority), int(best.priority)); left >= int(next.priority) {
				r.warn(c.place, "%s can't move router %q: %s would still have %d, and %s has %d",
					c.word, best.router.Name, best.node, left, next.node, next.priority)
			}
		}
	}
}

// penaltiesAreHeard warns of a router that lets an Active of lowered priority be for ever:
// by the RFC nothing but preemption acts on it.
func (r *reader) penaltiesAreHeard(f *File) {
	lowers := func(p Penalty) bool { return !p.Fault }
	for _, c := range f.byNode {
		for i := range c.Routers {
			router := &c.Routers[i]
			deaf := router.Handover == vrrp.HandoverRFC && !router.Preempt
			if deaf && slices.ContainsFunc(c.Penalties(router), lowers) {
				r.warn(at(router.place, "handover"), "with `preempt: false` a lowered priority never moves router %q: "+
					"want `fast`, or `penalty: fault` wherever it has one", router.Name)
			}
		}
	}
}
