// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

const maxTrackedInterfaces = 50

// TrackedInterface is an interface that a router does not use. While it is missing, not
// up or without a carrier, the penalty counts as that of a failing check.
type TrackedInterface struct {
	Name    string
	Penalty Penalty
}

// trackedInterfaces reads a list whose elements are names or mappings.
func (r *reader) trackedInterfaces(v value, out *[]TrackedInterface) {
	r.list(v, maxTrackedInterfaces, func(v value) {
		var t TrackedInterface
		if resolve(v.node).Kind == yaml.MappingNode {
			r.mapping(v, []key{
				{"name", func(v value) { r.trackedName(v, &t.Name) }},
				{"penalty", func(v value) { r.penalty(v, &t.Penalty) }},
			}, "name")
		} else {
			r.trackedName(v, &t.Name)
		}
		*out = append(*out, t)
	})
}

func (r *reader) trackedName(v value, out *string) {
	r.linkName(v, "the loopback interface is always there, and says nothing", out)
}

// tracksOthers refuses an interface that the router needs anyway, and one that is there
// twice.
func (r *reader) tracksOthers(d *draft) {
	here := at(d.place, "track_interfaces")
	needed := d.Interfaces()
	if d.VirtualMAC {
		for i := range d.Families {
			needed = append(needed, d.Families[i].VirtualLink())
		}
	}
	tracked := map[string]bool{}
	for _, t := range d.Tracked {
		switch {
		case slices.Contains(needed, t.Name):
			r.problem(here, "%q is the router's own, which does not run without it: want others", t.Name)
		case tracked[t.Name]:
			r.problem(here, "%q is there twice", t.Name)
		}
		tracked[t.Name] = true
	}
}

// Tracks tells whether a router tracks an interface.
func (r *Router) Tracks(ifname string) bool {
	return slices.ContainsFunc(r.Tracked, func(t TrackedInterface) bool { return t.Name == ifname })
}

// trackedWords tells of each tracked interface its penalty, if it is not the default.
func (r *Router) trackedWords() []string {
	var all []string
	for _, t := range r.Tracked {
		word := t.Name
		if t.Penalty != (Penalty{}) {
			word += " penalty " + t.Penalty.String()
		}
		all = append(all, word)
	}
	return all
}
