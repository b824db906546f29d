// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"time"
)

const minDrain, maxDrain = time.Second, 24 * time.Hour

// drain reads off, or for how long established connections are kept.
func (r *reader) drain(v value, out *time.Duration) {
	s, ok := r.text(v)
	if !ok || s == "off" {
		return
	}
	d, ok := parseDuration(s, minDrain, maxDrain)
	if !ok {
		r.problem(v, "%s: want off or a duration with its unit, %s–%s", describe(v.node), short(minDrain), short(maxDrain))
		return
	}
	*out = d
}

// drainWord is the value of `drain`.
func (r *Router) drainWord() string {
	if r.Drain == 0 {
		return "off"
	}
	return short(r.Drain)
}

// drainWorks sees that the connections to a router's addresses can be drained.
func (r *reader) drainWorks(d *draft) {
	if d.Drain == 0 {
		return
	}
	here := at(d.place, "drain")
	if !d.Accept {
		r.problem(here, "with `accept: false` no connection ends at the addresses: want `accept: true`, or `drain: off`")
	}
	if !slices.ContainsFunc(d.addresses, Address.drains) {
		r.warn(here, "all addresses are link-local, and these go at once: there is nothing to drain")
	}
	for i := range d.Families {
		r.familyDrains(d, &d.Families[i])
	}
}

// drains reports whether a node that hands an address over keeps it for the connections
// there are. A link-local one is bound to its interface, and can't leave it.
func (a Address) drains() bool { return !isLinkLocal(a.Prefix.Addr()) }

// familyDrains sees that segments for each address find the node that drains it: the
// address where they are sent to is the source of an advert, and of the same family. And
// it warns of what is not drained, but opened anew meanwhile.
func (r *reader) familyDrains(d *draft, f *Family) {
	for _, a := range f.Held {
		if a.drains() && a.Prefix.Addr().Is4() != f.IPv4() {
			r.problem(at(d.place, "addresses"), "%v can't be drained: as no address of its family is advertised, the next Active does not learn where to pass its connections on to: "+
				"want one that is, or `drain: off`", a.Prefix.Addr())
		}
	}
	for _, route := range f.Routes {
		from := func(a Address) bool { return a.drains() && a.Prefix.Addr() == route.Source }
		if slices.ContainsFunc(f.Held, from) {
			r.warn(at(d.place, "routes"), "%q stays while a node drains, but what the node itself opens by it from %v gets no answer then, as the next Active has that address: "+
				"want no `src`", route.Text, route.Source)
		}
	}
}

// nodesDrainAlike refuses a router that drains on some nodes only, or for another time:
// one drains, and another passes on what it drains.
func (r *reader) nodesDrainAlike(f *File) {
	for i := range f.routerCount() {
		all := f.standings(i)
		for n := 1; n < len(all); n++ {
			if a, b := all[0], all[n]; a.router.Drain != b.router.Drain {
				r.problem(at(b.router.place, "drain"), "%s has %s and %s has %s: want the same on all nodes, as each passes on what another one drains",
					a.node, a.router.drainWord(), b.node, b.router.drainWord())
			}
		}
	}
}
