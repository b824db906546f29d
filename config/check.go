// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"net/netip"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"vipd/health"
)

const (
	defaultCheckInterval = time.Second
	defaultCheckTimeout  = time.Second
	defaultRise          = 2
	defaultFall          = 2
	maxInARow            = 100
	jitterShare          = 10 // of the interval
)

// defaultDamping forgives three restarts, a deploy with its second thoughts.
var defaultDamping = health.Damping{Failures: 4, Within: 5 * time.Minute, Hold: time.Minute}

// check reads one element of `checks`.
func (r *reader) check(v value) Check {
	out := Check{
		Check: health.Check{Interval: defaultCheckInterval, Timeout: defaultCheckTimeout},
		Rise:  defaultRise, Fall: defaultFall, Damping: defaultDamping, place: v,
	}
	kinds := 0
	kind := func(read func(value) health.Kind) func(value) {
		return func(v value) {
			kinds++
			out.Kind = read(v)
		}
	}
	r.mapping(v, []key{
		{"name", func(v value) { r.name(v, &out.Name) }},
		{"haproxy", kind(r.haproxy)},
		{"nginx", kind(r.nginx)},
		{"http", kind(r.http)},
		{"tcp", kind(r.tcp)},
		{"tls", kind(r.tls)},
		{"process", kind(r.process)},
		{"ping", kind(r.ping)},
		{"dns", kind(r.dns)},
		{"file", kind(r.numberFile)},
		{"script", kind(r.script)},
		{"interval", func(v value) { r.within(v, 100*time.Millisecond, time.Hour, &out.Interval) }},
		{"timeout", func(v value) { r.within(v, 10*time.Millisecond, time.Minute, &out.Timeout) }},
		{"rise", func(v value) { r.inARow(v, &out.Rise) }},
		{"fall", func(v value) { r.inARow(v, &out.Fall) }},
		{"penalty", func(v value) { r.penalty(v, &out.Penalty) }},
		{"grace", func(v value) { r.within(v, 0, time.Hour, &out.Grace) }},
		{"damping", func(v value) { r.damping(v, &out.Damping) }},
	}, "name")
	out.Jitter = out.Interval / jitterShare
	r.graceNeedsProcess(v, out)
	if kinds != 1 {
		r.problem(v, "%d kinds of check in one: want exactly one of haproxy, nginx, http, tcp, tls, process, ping, dns, file, script", kinds)
	}
	return out
}

func (r *reader) within(v value, least, most time.Duration, out *time.Duration) {
	if d, ok := r.duration(v, least, most); ok {
		*out = d
	}
}

func (r *reader) inARow(v value, out *int) {
	if i, ok := r.integer(v, 1, maxInARow); ok {
		*out = i
	}
}

// damping reads when a check that fails again and again is held.
func (r *reader) damping(v value, out *health.Damping) {
	if n := resolve(v.node); n.Kind == yaml.ScalarNode {
		if _, ok := r.oneOf(v, "off"); ok {
			*out = health.Damping{}
		}
		return
	}
	r.mapping(v, []key{
		{"failures", func(v value) {
			if i, ok := r.integer(v, 2, health.MaxFailures); ok {
				out.Failures = i
			}
		}},
		{"within", func(v value) { r.within(v, time.Second, 24*time.Hour, &out.Within) }},
		{"hold", func(v value) { r.within(v, time.Second, 24*time.Hour, &out.Hold) }},
	})
}

// graceNeedsProcess refuses a grace where no end of a process is seen.
func (r *reader) graceNeedsProcess(v value, c Check) {
	if c.Grace == 0 || c.Kind == nil {
		return
	}
	switch c.Kind.(type) {
	case health.HAProxy, health.Nginx, health.Process:
	default:
		r.problem(at(v, "grace"), "only haproxy, nginx and process see the end of a process: want no `grace`, or a larger `fall`")
	}
}

func (r *reader) penalty(v value, out *Penalty) {
	switch s, ok := r.text(v); {
	case !ok, s == "lowest":
	case s == "fault":
		out.Fault = true
	case !plainInteger.MatchString(s):
		r.problem(v, "%s: want lowest, fault or a whole number, 1–253", describe(v.node))
	default:
		out.Less, _ = r.integer(v, 1, 253)
	}
}

func (r *reader) tcp(v value) health.Kind {
	var out health.TCP
	r.mapping(v, []key{{"address", func(v value) { r.endpoint(v, &out.Address) }}}, "address")
	return out
}

// endpoint reads an IP address with a port.
func (r *reader) endpoint(v value, out *string) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || !isLiteral(host) || !isPort(port) {
		r.problem(v, "%s: want an IP address and a port, such as 127.0.0.1:80", describe(v.node))
		return
	}
	*out = s
}

// isLiteral reports whether a host needs no DNS.
func isLiteral(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost"
}

func isPort(s string) bool {
	port, err := strconv.Atoi(s)
	return err == nil && plainInteger.MatchString(s) && port >= 1 && port <= 65535
}

// target is the address that a check is aimed at; zero if it is aimed at none.
func target(kind health.Kind) netip.Addr {
	host := ""
	switch kind := kind.(type) {
	case health.HAProxy:
		return target(kind.Listener)
	case health.Nginx:
		return target(kind.HTTP)
	case health.HTTP:
		host = hostAsked(kind)
	case health.TCP:
		host, _, _ = net.SplitHostPort(kind.Address)
	case health.TLS:
		host, _, _ = net.SplitHostPort(kind.Address)
	case health.DNS:
		host, _, _ = net.SplitHostPort(kind.Server)
	case health.Ping:
		return kind.Address.Unmap().WithZone("")
	}
	address, _ := netip.ParseAddr(host)
	return address.Unmap().WithZone("")
}
