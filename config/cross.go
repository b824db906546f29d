// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"vipd/vrrp"
)

// crossCheck sees what one value alone does not show.
func crossCheck(r *reader, f *File) {
	for _, c := range f.byNode {
		r.uniqueNames(c)
		r.uniqueRouters(c)
		r.uniqueVirtualMACs(c)
		r.uniqueAddresses(c)
		r.uniqueRoutes(c)
		r.nodesDoNotMove(c)
		r.knownChecks(c)
		r.checksAimElsewhere(c)
	}
	if r.problems.Failed() {
		return // the values that are missing would only be warned of
	}
	for _, c := range f.byNode {
		r.membersAgree(c)
	}
	r.nodesDrainAlike(f)
	r.groupsPrefer(f)
	r.prioritiesDiffer(f)
	r.penaltiesMove(f)
	r.penaltiesAreHeard(f)
}

// uniqueNames refuses two routers or two checks of one name.
func (r *reader) uniqueNames(c *Config) {
	routers, checks := map[string]bool{}, map[string]bool{}
	for _, router := range c.Routers {
		r.once(routers, router.Name, at(router.place, "name"), "a router")
	}
	for _, check := range c.Checks {
		r.once(checks, check.Name, at(check.place, "name"), "a check")
	}
}

func (r *reader) once(seen map[string]bool, name string, here value, what string) {
	if name != "" && seen[name] {
		r.problem(here, "%q is the name of %s already", name, what)
	}
	seen[name] = true
}

// uniqueRouters refuses one VRID twice on an interface: the two would be one.
func (r *reader) uniqueRouters(c *Config) {
	type identity struct {
		ifname string
		vrid   uint8
		ipv4   bool
	}
	seen := map[identity]string{}
	for router, f := range c.families() {
		if router.VRID == 0 || router.Interface == "" {
			continue
		}
		id := identity{router.Interface, router.VRID, f.IPv4()}
		if other, ok := seen[id]; ok {
			r.problem(at(router.place, "vrid"), "%d is used on %s by router %q already: want another, 1–255",
				router.VRID, router.Interface, other)
			continue
		}
		seen[id] = router.Name
	}
}

// uniqueVirtualMACs refuses two routers whose virtual MAC would be on one interface:
// its name has the VRID only.
func (r *reader) uniqueVirtualMACs(c *Config) {
	seen := map[string]*Router{}
	for router, f := range c.families() {
		if router.VRID == 0 || !router.VirtualMAC {
			continue
		}
		name := f.VirtualLink()
		switch other := seen[name]; {
		case other == nil:
			seen[name] = router
		case other.Interface != router.Interface: // else uniqueRouters has said it
			r.problem(at(router.place, "virtual_mac"), "the interface %s is the virtual MAC's of router %q already: want another `vrid`",
				name, other.Name)
		}
	}
}

// uniqueAddresses refuses an address that two routers would fight for. A link-local
// one is another on each interface.
func (r *reader) uniqueAddresses(c *Config) {
	type identity struct {
		address netip.Addr
		ifname  string // of a link-local one
	}
	seen := map[identity]string{}
	for router, f := range c.families() {
		for _, a := range f.Held {
			id := identity{address: a.Prefix.Addr()}
			if isLinkLocal(id.address) {
				id.ifname = a.Interface
			}
			if other, ok := seen[id]; ok {
				r.problem(at(router.place, "addresses"), "%v is there twice, first in router %q", id.address, other)
				continue
			}
			seen[id] = router.Name
		}
	}
}

// uniqueRoutes refuses a route that two routers would bring: the kernel knows one of
// a destination, table and metric.
func (r *reader) uniqueRoutes(c *Config) {
	type identity struct {
		destination   netip.Prefix
		table, metric uint32
	}
	seen := map[identity]string{}
	for router, f := range c.families() {
		for _, route := range f.Routes {
			id := identity{route.Destination, route.Table, route.Metric}
			if other, ok := seen[id]; ok {
				r.problem(at(router.place, "routes"), "%v is there twice with this table and metric, first in router %q", route.Destination, other)
				continue
			}
			seen[id] = router.Name
		}
	}
}

// nodesDoNotMove refuses a virtual address as the address of a node.
func (r *reader) nodesDoNotMove(c *Config) {
	virtual := c.Virtual()
	for router, f := range c.families() {
		for _, a := range append([]netip.Addr{f.Source}, f.Peers...) {
			if slices.Contains(virtual, a) {
				r.problem(at(router.place, "unicast"), "%v is a virtual address: want one that stays on its node", a)
			}
		}
	}
}

// knownChecks refuses a check that is defined nowhere, which would be a router
// without a check.
func (r *reader) knownChecks(c *Config) {
	used := map[string]bool{}
	for _, router := range c.Routers {
		here := at(router.place, "checks")
		mine := map[string]bool{}
		for _, name := range router.Checks {
			used[name] = true
			if name != "" && mine[name] {
				r.problem(here, "check %q is there twice", name)
			}
			mine[name] = true
			if name != "" && c.Check(name) == nil {
				r.problem(here, "unknown check %q: defined are %s", name, names(c.Checks))
			}
		}
	}
	for _, check := range c.Checks {
		if check.Name != "" && !used[check.Name] {
			r.warn(at(check.place, "name"), "no router uses check %q", check.Name)
		}
	}
}

func names(checks []Check) string {
	var all []string
	for _, check := range checks {
		all = append(all, check.Name)
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// checksAimElsewhere refuses a check of a virtual address: on the Backup it would
// ask the Active, and find it well.
func (r *reader) checksAimElsewhere(c *Config) {
	virtual := c.Virtual()
	for _, check := range c.Checks {
		if address := target(check.Kind); slices.Contains(virtual, address) {
			r.problem(check.place, "check %q is aimed at the virtual address %v, which is on the other node half of the time: "+
				"want an address of this node, such as 127.0.0.1", check.Name, address)
		}
	}
}

// standing is one node's part in a router.
type standing struct {
	node   string
	router *Router
	config *Config

	priority uint8 // of the router's group
}

// standings collects what all nodes have for the i-th router.
func (f *File) standings(i int) []standing {
	var all []standing
	for _, node := range f.Nodes {
		if c := f.byNode[node]; i < len(c.Routers) {
			router := &c.Routers[i]
			all = append(all, standing{node, router, c, c.groupOf(router).priority()})
		}
	}
	slices.SortStableFunc(all, func(a, b standing) int { return int(b.priority) - int(a.priority) })
	return all
}

// routerCount is the number of routers in the file.
func (f *File) routerCount() int {
	for _, c := range f.byNode {
		return len(c.Routers)
	}
	return 0
}

// minSkewStep is how far apart two Backups should fire.
const minSkewStep = 20 * time.Millisecond

// prioritiesDiffer warns when it is not the priority that decides, and when two
// Backups of three nodes would fire almost at once.
func (r *reader) prioritiesDiffer(f *File) {
	for i := range f.routerCount() {
		all := f.standings(i)
		for n := 1; n < len(all); n++ {
			a, b := all[n-1], all[n]
			here := at(b.router.place, "priority")
			apart := vrrp.SkewTime(b.priority, b.router.Interval) - vrrp.SkewTime(a.priority, a.router.Interval)
			switch {
			case a.priority == b.priority:
				r.warn(here, "%s and %s have the same priority, %d: the higher address decides", a.node, b.node, a.priority)
			case n > 1 && apart < minSkewStep:
				r.warn(here, "%s and %s would take over within %v of each other: with three nodes want priorities that are further apart", a.node, b.node, apart)
			}
		}
	}
}
