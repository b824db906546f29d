// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"

	"vipd/vrrp"
)

// setting is one value of a router, and what another one costs.
type setting struct {
	key   string
	cost  Cost
	value func(*Router) any
}

// settings are the values that are not lists.
func settings() []setting {
	return []setting{
		{"name", CostNothing, func(r *Router) any { return r.Name }},
		{"families", CostRestart, func(r *Router) any { return r.families() }},
		{"version", CostRestart, func(r *Router) any { return r.Version }},
		{"virtual_mac", CostRestart, func(r *Router) any { return r.VirtualMAC }},
		{"unicast", CostRestart, func(r *Router) any { return r.sources() }},
		{"priority", CostElection, func(r *Router) any { return r.Priority }},
		{"advert_interval", CostNothing, func(r *Router) any { return r.Interval }},
		{"preempt", CostElection, func(r *Router) any { return r.Preempt }},
		{"preempt_delay", CostElection, func(r *Router) any { return r.PreemptDelay }},
		{"start_delay", CostNothing, func(r *Router) any { return r.StartDelay }},
		{"start_grace", CostNothing, func(r *Router) any { return r.StartGrace }},
		{"handover", CostElection, func(r *Router) any { return handoverWord(r.Handover) }},
		{"probe", CostNothing, func(r *Router) any { return r.ProbeWord() }},
		{"drain", CostNothing, func(r *Router) any { return r.drainWord() }},
		{"lease", CostNothing, func(r *Router) any { return r.Lease }},
		{"strict", CostElection, func(r *Router) any { return r.Strict }},
		{"accept", CostNothing, func(r *Router) any { return r.Accept }},
		{"checksum", CostElection, func(r *Router) any { return checksumWord(r.Checksum) }},
		{"auth", CostElection, func(r *Router) any { return secret(r.Auth) }},
		{"announce", CostNothing, func(r *Router) any { return fmt.Sprintf("at %v, refresh %v", r.Announce, r.Refresh) }},
	}
}

// secret compares, and is not shown.
type secret vrrp.Auth

func (secret) String() string { return "(not shown)" }

func handoverWord(h vrrp.Handover) string {
	if h == vrrp.HandoverRFC {
		return "rfc"
	}
	return "fast"
}

// ProbeWord is the value of `probe`.
func (r *Router) ProbeWord() string {
	switch {
	case !r.Probe:
		return "off"
	case r.ProbeEvery == 0:
		return "on-doubt"
	}
	return r.ProbeEvery.String()
}

func checksumWord(c vrrp.ChecksumPolicy) string {
	switch c {
	case vrrp.ChecksumFixedPseudoHeader:
		return "pseudo_header"
	case vrrp.ChecksumFixedRFC9568:
		return "rfc9568"
	}
	return "auto"
}

// sources says whether a router is a unicast one, and where its adverts come from.
func (r *Router) sources() string {
	var all []string
	for i := range r.Families {
		if len(r.Families[i].Peers) > 0 {
			all = append(all, "from "+r.Families[i].Source.String())
		}
	}
	if len(all) == 0 {
		return "multicast"
	}
	return strings.Join(all, ", ")
}

// routerSteps lists how a router differs from what it was.
func routerSteps(old, new *Router) []Step {
	var steps []Step
	for _, s := range settings() {
		from, to := s.value(old), s.value(new)
		if from != to {
			steps = append(steps, Step{new.Name, s.key, fmt.Sprint(from), fmt.Sprint(to), s.cost})
		}
	}
	for _, l := range lists() {
		steps = append(steps, l.steps(new.Name, l.of(old), l.of(new))...)
	}
	return steps
}

// listed is one list of a router, and what an element more or less costs.
type listed struct {
	key         string
	more, fewer Cost
	of          func(*Router) []string
}

func lists() []listed {
	return []listed{
		{"address", CostAnnounce, CostNothing, (*Router).addressWords},
		{"route", CostNothing, CostNothing, (*Router).routeWords},
		{"peer", CostNothing, CostElection, (*Router).peerWords},
		{"check", CostElection, CostElection, func(r *Router) []string { return r.Checks }},
		{"tracked interface", CostElection, CostElection, (*Router).trackedWords},
	}
}

func (l *listed) steps(router string, old, new []string) []Step {
	var steps []Step
	for _, word := range old {
		if !slices.Contains(new, word) {
			steps = append(steps, Step{Router: router, What: l.key, From: word, Cost: l.fewer})
		}
	}
	for _, word := range new {
		if !slices.Contains(old, word) {
			steps = append(steps, Step{Router: router, What: l.key, To: word, Cost: l.more})
		}
	}
	return steps
}

// addressWords tells all that is configured of each address.
func (r *Router) addressWords() []string {
	var all []string
	for i := range r.Families {
		for _, a := range r.Families[i].Held {
			all = append(all, a.word(r))
		}
	}
	return all
}

// word is an address with what is not by default.
func (a Address) word(r *Router) string {
	word := a.Prefix.String()
	if a.Interface != r.Interface {
		word += " on " + a.Interface
	}
	if !a.Advertised {
		word += " not advertised"
	}
	if a.Label != "" {
		word += " label " + a.Label
	}
	if a.Scope != 0 {
		word += fmt.Sprintf(" scope %d", a.Scope)
	}
	return word
}

func (r *Router) routeWords() []string {
	var all []string
	for i := range r.Families {
		for _, route := range r.Families[i].Routes {
			all = append(all, route.Text)
		}
	}
	return all
}

func (r *Router) peerWords() []string {
	var all []string
	for i := range r.Families {
		for _, peer := range r.Families[i].Peers {
			all = append(all, peer.String())
		}
	}
	return all
}
