// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"time"

	"vipd/health"
)

const (
	defaultWarnBefore = 14 * 24 * time.Hour
	maxWarnBefore     = 366 * 24 * time.Hour
)

// certificateKeys are the keys of a check that looks at a server's certificate.
func (r *reader) certificateKeys(out *health.Certificate) []key {
	return []key{
		{"server_name", func(v value) { r.serverName(v, &out.ServerName) }},
		{"ca", func(v value) { r.path(v, &out.CA) }},
		{"insecure", func(v value) { r.boolean(v, &out.Insecure) }},
		{"warn_before", func(v value) { r.within(v, 0, maxWarnBefore, &out.WarnBefore) }},
	}
}

// certificate refuses demands that contradict each other.
func (r *reader) certificate(v value, c health.Certificate) {
	if c.Insecure && c.CA != "" {
		r.problem(at(v, "insecure"), "`ca` means nothing with `insecure: true`: want one of them")
	}
}

// serverName reads a host name or an address, without a port.
func (r *reader) serverName(v value, out *string) {
	var host string
	r.host(v, &host)
	if strings.ContainsAny(host, ":[]") {
		r.problem(v, "%s: want a host name without a port, such as www.example.org", describe(v.node))
		return
	}
	*out = host
}
