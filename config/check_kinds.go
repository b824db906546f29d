// SPDX-License-Identifier: Apache-2.0

package config

import (
	"math"
	"net/netip"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/dns/dnsmessage"

	"vipd/health"
)

const (
	maxCount      = 10000
	maxFileNumber = 1_000_000_000
	maxArguments  = 32
)

func (r *reader) tls(v value) health.Kind {
	out := health.TLS{Certificate: health.Certificate{WarnBefore: defaultWarnBefore}}
	address := key{"address", func(v value) { r.endpoint(v, &out.Address) }}
	r.mapping(v, append([]key{address}, r.certificateKeys(&out.Certificate)...), "address")
	r.certificate(v, out.Certificate)
	return out
}

func (r *reader) process(v value) health.Kind {
	out := health.Process{Count: 1}
	r.mapping(v, []key{
		{"name", func(v value) { r.executable(v, &out.Name) }},
		{"pid_file", func(v value) { r.path(v, &out.PIDFile) }},
		{"user", func(v value) { r.account(v, "user", &out.User) }},
		{"count", func(v value) {
			if i, ok := r.integer(v, 1, maxCount); ok {
				out.Count = i
			}
		}},
	}, "name")
	if out.PIDFile != "" && out.Count > 1 {
		r.problem(at(v, "count"), "a `pid_file` names one process: want no `count`, or no `pid_file`")
	}
	return out
}

// executable reads the name of an executable, as the kernel keeps it.
func (r *reader) executable(v value, out *string) {
	const most = 15 // TASK_COMM_LEN, without its end
	s, ok := r.text(v)
	if !ok {
		return
	}
	if len(s) > most || strings.ContainsAny(s, "/\x00\n") {
		r.problem(v, "%s: want the name of an executable without its path, the first %d bytes of it", describe(v.node), most)
		return
	}
	*out = s
}

func (r *reader) ping(v value) health.Kind {
	var out health.Ping
	r.mapping(v, []key{{"address", func(v value) { r.addressOf(v, &out.Address) }}}, "address")
	if a := out.Address; a.IsMulticast() || a.IsValid() && a.IsUnspecified() {
		r.problem(at(v, "address"), "%v: want the address of one host", a)
	}
	return out
}

// addressOf reads an IP address, with a zone or without.
func (r *reader) addressOf(v value, out *netip.Addr) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	address, err := netip.ParseAddr(s)
	if err != nil {
		r.problem(v, "%s: want an IP address, such as 192.0.2.1", describe(v.node))
		return
	}
	*out = address
}

func (r *reader) dns(v value) health.Kind {
	out := health.DNS{Type: "A"}
	r.mapping(v, []key{
		{"server", func(v value) { r.endpoint(v, &out.Server) }},
		{"name", func(v value) { r.domain(v, &out.Name) }},
		{"type", func(v value) {
			if word, ok := r.oneOf(v, "A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"); ok {
				out.Type = word
			}
		}},
		{"expect", func(v value) { r.addressOf(v, &out.Expect) }},
	}, "server", "name")
	if e := out.Expect; e.IsValid() && (out.Type != "A" || !e.Is4()) && (out.Type != "AAAA" || !e.Is6()) {
		r.problem(at(v, "expect"), "%v can't be in a record of type %s: want an IPv4 address with type A, an IPv6 address with type AAAA", e, out.Type)
	}
	return out
}

// domain reads a name of the DNS (RFC 1035 §2.3.4): up to 253 bytes, in labels of up
// to 63.
func (r *reader) domain(v value, out *string) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	name, err := dnsmessage.NewName(strings.TrimSuffix(s, ".") + ".")
	if err == nil {
		probe := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: name}}}
		_, err = probe.Pack()
	}
	if err != nil || len(s) > 253 {
		r.problem(v, "%s: want a name of the DNS, such as www.example.org", describe(v.node))
		return
	}
	*out = s
}

func (r *reader) numberFile(v value) health.Kind {
	out := health.File{Min: math.MinInt64, Max: math.MaxInt64}
	bound := func(out *int64) func(value) {
		return func(v value) {
			if i, ok := r.integer(v, -maxFileNumber, maxFileNumber); ok {
				*out = int64(i)
			}
		}
	}
	r.mapping(v, []key{
		{"path", func(v value) { r.path(v, &out.Path) }},
		{"min", bound(&out.Min)},
		{"max", bound(&out.Max)},
	}, "path")
	switch {
	case child(v, "min").node == nil && child(v, "max").node == nil:
		r.problem(v, "any number would pass: want `min`, `max` or both")
	case out.Min > out.Max:
		r.problem(at(v, "min"), "%d is more than `max`, %d: no number would pass", out.Min, out.Max)
	}
	return out
}

func (r *reader) script(v value) health.Kind {
	var out health.Script
	r.mapping(v, []key{
		{"command", func(v value) { r.command(v, &out.Command) }},
		{"user", func(v value) { r.account(v, "user", &out.User) }},
		{"group", func(v value) { r.account(v, "group", &out.Group) }},
	}, "command")
	return out
}

// command reads a program and its arguments.
func (r *reader) command(v value, out *[]string) {
	r.list(v, maxArguments, func(v value) {
		s, ok := r.text(v)
		switch {
		case !ok:
		case len(*out) == 0:
			r.path(v, &s)
		case strings.ContainsRune(s, 0):
			r.problem(v, "an argument can't have a zero byte")
		}
		*out = append(*out, s)
	})
	if n := resolve(v.node); n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.problem(v, "want a program, by its absolute path, and its arguments, such as [/usr/local/bin/check, web]")
	}
}

// accountPattern is what names of users and groups may look like, by useradd(8), or
// their number.
var accountPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,31}$`)

// account reads the name or the number of a user or a group. Whether there is one is
// the host's matter.
func (r *reader) account(v value, what string, out *string) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	if !accountPattern.MatchString(s) {
		r.problem(v, "%s: want the name or the number of a %s", describe(v.node), what)
		return
	}
	*out = s
}

// Scripts looks for what keeps the scripts of checks from being run on this host. Other
// than what comes and goes it is an error: such a check fails, whenever it is asked.
func (c *Config) Scripts(file string) Problems {
	var problems Problems
	r := &reader{file: file, problems: &problems}
	for _, check := range c.Checks {
		script, ok := check.Kind.(health.Script)
		if !ok {
			continue
		}
		if err := script.Verify(); err != nil {
			r.problem(at(child(check.place, "script"), "command"), "check %q would fail: %v", check.Name, err)
		}
	}
	return problems
}
