// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// DefaultAPI is the path of the daemon's socket.
	DefaultAPI = "/run/vipd/vipd.sock"

	maxRouters = 1000
	maxChecks  = 1000
)

// config reads the whole file as one node sees it.
func (r *reader) config(v value) *Config {
	c := &Config{API: DefaultAPI} // Node is what the file says, until For
	r.mapping(v, []key{
		{"node", func(v value) { r.name(v, &c.Node) }},
		{"log", func(v value) { r.log(v, &c.Log) }},
		{"api", func(v value) { r.path(v, &c.API) }},
		{"routers", func(v value) {
			r.list(v, maxRouters, func(v value) { c.Routers = append(c.Routers, r.router(v)) })
		}},
		{"checks", func(v value) {
			r.list(v, maxChecks, func(v value) { c.Checks = append(c.Checks, r.check(v)) })
		}},
		{"groups", func(v value) { r.groups(v, c) }},
		{"metrics", nil},
		{"notify", nil},
	}, "routers")
	if n := resolve(child(v, "routers").node); n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.problem(at(v, "routers"), "no router: at least one must be there")
	}
	return c
}

// log reads what is logged.
func (r *reader) log(v value, into *Log) {
	r.mapping(v, []key{
		{"level", func(v value) {
			if word, ok := r.oneOf(v, "debug", "info", "warn", "error"); ok {
				// The words are slog's own, so this can't fail.
				_ = into.Level.UnmarshalText([]byte(strings.ToUpper(word)))
			}
		}},
		{"format", func(v value) {
			if word, ok := r.oneOf(v, "text", "json"); ok {
				into.JSON = word == "json"
			}
		}},
	})
}
