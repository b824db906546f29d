// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// maxGroupRouters bounds what each advert for one of them costs: the whole group is
	// looked at.
	maxGroupRouters = 100
	maxGroups       = maxRouters / 2
)

// Group is routers that move together: all of them are Active, or none is. Its priority
// is the lowest of theirs.
type Group struct {
	Name    string    // empty: a router by itself
	Routers []*Router // as the file has them; the first one decides between equal priorities
}

// Groups lists what moves together: the groups of the file, and each other router by
// itself. Every router is in exactly one.
func (c *Config) Groups() []Group {
	var all []Group
	at := map[string]int{}
	for i := range c.Routers {
		router := &c.Routers[i]
		if n, begun := at[router.Group]; begun && router.Group != "" {
			all[n].Routers = append(all[n].Routers, router)
			continue
		}
		at[router.Group] = len(all)
		all = append(all, Group{router.Group, []*Router{router}})
	}
	return all
}

// groupOf is what moves together with a router.
func (c *Config) groupOf(router *Router) *Group {
	g := &Group{router.Group, []*Router{router}}
	for i := range c.Routers {
		if other := &c.Routers[i]; other != router && other.Group != "" && other.Group == router.Group {
			g.Routers = append(g.Routers, other)
		}
	}
	return g
}

// names lists the routers.
func (g *Group) names() string {
	var all []string
	for _, router := range g.Routers {
		all = append(all, router.Name)
	}
	return strings.Join(all, ", ")
}

// groups reads `groups`. The routers and checks that they name have been read.
func (r *reader) groups(v value, c *Config) {
	seen := map[string]bool{}
	r.list(v, maxGroups, func(v value) { r.group(v, c, seen) })
}

// group reads one element of `groups`, and makes its routers its members.
func (r *reader) group(v value, c *Config, seen map[string]bool) {
	var name string
	r.mapping(v, []key{
		{"name", func(v value) {
			r.name(v, &name)
			r.once(seen, name, v, "a group")
		}},
		{"routers", func(v value) { r.members(v, c, name) }},
		{"checks", func(v value) { r.groupChecks(v, c, name) }},
	}, "name", "routers")
}

// members reads the routers of a group.
func (r *reader) members(v value, c *Config, group string) {
	if n := resolve(v.node); n.Kind == yaml.SequenceNode && len(n.Content) < 2 {
		r.problem(v, "a group of %d: want 2–%d routers", len(n.Content), maxGroupRouters)
		return
	}
	r.list(v, maxGroupRouters, func(v value) {
		var name string
		r.name(v, &name)
		router := c.router(name)
		switch {
		case name == "":
		case router == nil:
			r.problem(v, "unknown router %q: there are %s", name, c.routerNames())
		case router.Group != "":
			r.problem(v, "router %q is in group %q already: want it in one, once", name, router.Group)
		default:
			router.Group = group
		}
	})
}

// groupChecks gives every router of a group its checks.
func (r *reader) groupChecks(v value, c *Config, group string) {
	seen := map[string]bool{}
	r.list(v, maxRouterChecks, func(v value) {
		var name string
		r.name(v, &name)
		switch {
		case name == "":
		case c.Check(name) == nil:
			r.problem(v, "unknown check %q: defined are %s", name, names(c.Checks))
		case seen[name]:
			r.problem(v, "check %q is there twice", name)
		default:
			r.groupCheck(v, c, group, name)
		}
		seen[name] = true
	})
}

// groupCheck gives every router of a group a check.
func (r *reader) groupCheck(v value, c *Config, group, check string) {
	for i := range c.Routers {
		switch router := &c.Routers[i]; {
		case group == "" || router.Group != group:
		case slices.Contains(router.Checks, check):
			r.problem(v, "router %q has check %q already: want it there or here", router.Name, check)
		default:
			router.Checks = append(router.Checks, check)
		}
	}
}

// router returns the router of that name; nil: there is none.
func (c *Config) router(name string) *Router {
	for i := range c.Routers {
		if c.Routers[i].Name == name {
			return &c.Routers[i]
		}
	}
	return nil
}

func (c *Config) routerNames() string {
	all := make([]string, len(c.Routers))
	for i := range c.Routers {
		all[i] = c.Routers[i].Name
	}
	return strings.Join(all, ", ")
}

// commonKeys are those by which a router decides when it moves. The routers of a group
// move when all of them do: with different values none of them would go by its own. At
// different intervals the lease of one could end before the silence of the other lets a
// Backup take over.
func commonKeys() []string {
	return []string{"advert_interval", "preempt", "preempt_delay", "start_delay", "handover"}
}

// membersAgree refuses routers in one group that could not move together.
func (r *reader) membersAgree(c *Config) {
	for _, g := range c.Groups() {
		for _, s := range settings() {
			if slices.Contains(commonKeys(), s.key) {
				r.memberAgrees(g, s)
			}
		}
	}
}

func (r *reader) memberAgrees(g Group, s setting) {
	first := g.Routers[0]
	for _, other := range g.Routers[1:] {
		if want, got := s.value(first), s.value(other); want != got {
			r.problem(at(other.place, s.key), "%v, and %v in router %q: want the same in all routers of group %q, which move together",
				got, want, first.Name, g.Name)
		}
	}
}

// groupsPrefer warns of a group whose nodes are in another order than one of its
// routers has them: the lowest priority of each node decides.
func (r *reader) groupsPrefer(f *File) {
	for i, node := range f.Nodes {
		for _, other := range f.Nodes[i+1:] {
			groups, others := f.byNode[node].Groups(), f.byNode[other].Groups()
			for n := range min(len(groups), len(others)) {
				r.groupPrefers(node, other, groups[n], others[n])
			}
		}
	}
}

// groupPrefers compares two nodes' parts of a group.
func (r *reader) groupPrefers(node, other string, a, b Group) {
	lowest, lowestOther := a.priority(), b.priority()
	for i := range min(len(a.Routers), len(b.Routers)) {
		router := a.Routers[i]
		alone, aloneOther := router.Priority, b.Routers[i].Priority
		if cmp.Compare(alone, aloneOther) != cmp.Compare(lowest, lowestOther) {
			r.warn(at(router.place, "priority"), "%s has %d and %s has %d, but group %q goes by the lowest of each node: %d and %d",
				node, alone, other, aloneOther, a.Name, lowest, lowestOther)
		}
	}
}

// priority is that of the group while all is well.
func (g *Group) priority() uint8 {
	return slices.MinFunc(g.Routers, func(a, b *Router) int { return cmp.Compare(a.Priority, b.Priority) }).Priority
}

// word says what a router is in, for a plan.
func (g *Group) word() string {
	if g.Name == "" {
		return "none"
	}
	return fmt.Sprintf("%s (%s)", g.Name, g.names())
}
