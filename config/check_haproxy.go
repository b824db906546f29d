// SPDX-License-Identifier: Apache-2.0

package config

import (
	"regexp"

	"go.yaml.in/yaml/v3"

	"vipd/health"
)

const (
	maxBackends = 20
	maxServers  = 10000
)

func (r *reader) haproxy(v value) health.Kind {
	var out health.HAProxy
	r.mapping(v, []key{
		{"socket", func(v value) { r.path(v, &out.Socket) }},
		{"listener", func(v value) { out.Listener = r.listener(v) }},
		{"min_servers", func(v value) { out.MinServers = r.minServers(v) }},
	}, "socket")
	return out
}

// listener reads what must answer beside HAProxy's socket.
func (r *reader) listener(v value) health.Kind {
	var out health.Kind
	kind := func(read func(value) health.Kind) func(value) {
		return func(v value) { out = read(v) }
	}
	r.mapping(v, []key{{"tcp", kind(r.tcp)}, {"tls", kind(r.tls)}, {"http", kind(r.http)}})
	if n := len(pairs(v)); n != 1 && resolve(v.node).Kind == yaml.MappingNode {
		r.problem(v, "%d listeners: want exactly one of tcp, tls, http", n)
	}
	return out
}

// backendPattern is what HAProxy permits in the name of a backend.
var backendPattern = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,255}$`)

// minServers reads a map from the names of backends to numbers of servers.
func (r *reader) minServers(v value) map[string]int {
	entries := pairs(v)
	if len(entries) == 0 || len(entries) > maxBackends {
		r.problem(v, "want the usable servers that backends must have, by name, such as {app: 1}, of 1–%d backends", maxBackends)
		return nil
	}
	out := map[string]int{}
	for _, p := range entries {
		here := value{p.keyNode, v.path}
		_, twice := out[p.key]
		switch {
		case !backendPattern.MatchString(p.key):
			r.problem(here, "%q: want the name of a backend: letters, digits, `.`, `_`, `:` and `-`, at most 255", p.key)
		case twice:
			r.problem(here, "backend %q is there twice", p.key)
		}
		out[p.key], _ = r.integer(p.value, 1, maxServers)
	}
	return out
}
