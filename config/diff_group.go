// SPDX-License-Identifier: Apache-2.0

package config

import "slices"

// heritage is what a new configuration has of an old one.
type heritage struct {
	before map[*Router]*Router // for each router the one that it goes on from; nil: none
	groups map[*Router]Group   // of the old routers
}

func heritageOf(old, new *Config) heritage {
	h := heritage{map[*Router]*Router{}, map[*Router]Group{}}
	taken := map[*Router]bool{}
	for i := range new.Routers {
		router := &new.Routers[i]
		if before := predecessor(old, router); before != nil && !taken[before] { // else a part of it is another router already
			h.before[router], taken[before] = before, true
		}
	}
	for _, g := range old.Groups() {
		for _, router := range g.Routers {
			h.groups[router] = g
		}
	}
	return h
}

// predecessor is the router that was the same on the wire, at least in one family; nil:
// there was none.
func predecessor(old *Config, router *Router) *Router {
	for i := range old.Routers {
		if before := &old.Routers[i]; before.overlaps(router) {
			return before
		}
	}
	return nil
}

// of finds the group that a group goes on from: it had the same routers, in the same
// order.
func (h *heritage) of(g Group) (before Group, same bool) {
	before = h.groups[h.before[g.Routers[0]]]
	return before, slices.EqualFunc(g.Routers, before.Routers, func(now, then *Router) bool { return h.before[now] == then })
}

// steps lists how a router differs from what it was.
func (h *heritage) steps(router *Router) []Step {
	if before := h.before[router]; before != nil {
		return routerSteps(before, router)
	}
	return []Step{{Router: router.Name, What: "router", To: router.wire(), Cost: CostElection}}
}

// restart says why a router is restarted that would go on if its group did.
func (h *heritage) restart(router *Router, g Group) Step {
	before := h.groups[h.before[router]]
	s := Step{Router: router.Name, What: "group", From: before.word(), To: g.word(), Cost: CostRestart}
	if s.From == s.To {
		s.To = "one that starts anew"
	}
	return s
}

// group plans one group of the new configuration. It goes on if it has the routers that
// it had, and each of them can.
func (p *Plan) group(g Group, h *heritage) {
	before, goesOn := h.of(g)
	steps := make([][]Step, len(g.Routers))
	for i, router := range g.Routers {
		steps[i] = h.steps(router)
		goesOn = goesOn && !restarts(steps[i])
	}
	if goesOn {
		p.keep(before, g)
	} else {
		p.Added = append(p.Added, g)
	}
	for i, router := range g.Routers {
		if !goesOn && h.before[router] != nil && !restarts(steps[i]) {
			steps[i] = append(steps[i], h.restart(router, g))
		}
		p.Steps = append(p.Steps, steps[i]...)
	}
}

func restarts(steps []Step) bool {
	return slices.ContainsFunc(steps, func(s Step) bool { return s.Cost == CostRestart })
}

// keep plans a group that goes on. Its name is only a name.
func (p *Plan) keep(before, g Group) {
	p.Kept = append(p.Kept, Kept{before, g})
	if before.Name != g.Name {
		p.Steps = append(p.Steps, Step{What: "group", From: before.Name, To: g.Name, Cost: CostNothing})
	}
}

// end plans what nobody goes on from.
func (p *Plan) end(old *Config, h *heritage) {
	inherited, kept := map[*Router]bool{}, map[*Router]bool{}
	for _, before := range h.before {
		inherited[before] = true
	}
	for _, k := range p.Kept {
		kept[k.Old.Routers[0]] = true
	}
	for _, g := range old.Groups() {
		if !kept[g.Routers[0]] {
			p.Removed = append(p.Removed, g)
		}
	}
	for i := range old.Routers {
		if router := &old.Routers[i]; !inherited[router] {
			p.Steps = append(p.Steps, Step{Router: router.Name, What: "router", From: router.wire(), Cost: CostElection})
		}
	}
}
