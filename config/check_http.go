// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/url"
	"strings"

	"vipd/health"
)

const (
	maxStatuses = 20
	maxBodyText = 256
)

func (r *reader) http(v value) health.Kind {
	var out health.HTTP
	r.mapping(v, r.httpKeys(v, &out), "url")
	r.httpScheme(v, &out)
	return out
}

// nginx reads what `http` does, and where the master is found.
func (r *reader) nginx(v value) health.Kind {
	var out health.Nginx
	pidFile := key{"pid_file", func(v value) { r.path(v, &out.PIDFile) }}
	r.mapping(v, append([]key{pidFile}, r.httpKeys(v, &out.HTTP)...), "pid_file", "url")
	r.httpScheme(v, &out.HTTP)
	return out
}

// httpKeys are the keys of a check that gets a URL, in the mapping v.
func (r *reader) httpKeys(v value, out *health.HTTP) []key {
	named := child(v, "socket").node != nil
	return append([]key{
		{"url", func(v value) { r.url(v, named, &out.URL) }},
		{"socket", func(v value) { r.path(v, &out.Socket) }},
		{"host", func(v value) { r.host(v, &out.Host) }},
		{"status", func(v value) { r.statuses(v, &out.Status) }},
		{"body", func(v value) { r.body(v, &out.Body) }},
	}, r.certificateKeys(&out.Certificate)...)
}

// httpScheme sets and refuses what depends on the scheme.
func (r *reader) httpScheme(v value, out *health.HTTP) {
	if strings.HasPrefix(strings.ToLower(out.URL), "https:") {
		if child(v, "warn_before").node == nil {
			out.WarnBefore = defaultWarnBefore
		}
		r.certificate(v, out.Certificate)
		return
	}
	for _, k := range r.certificateKeys(&out.Certificate) {
		if out.URL != "" && child(v, k.name).node != nil {
			r.problem(at(v, k.name), "means nothing with http://: want https://, or no `%s`", k.name)
		}
	}
}

// url reads a URL. Its host is an IP address, as a check that asks the DNS fails with
// the DNS; with a socket it may be named: then it is the Host header only.
func (r *reader) url(v value, named bool, out *string) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.User != nil, u.Hostname() == "",
		u.Port() != "" && !isPort(u.Port()):
		r.problem(v, "%s: want an http or https URL, such as http://127.0.0.1:80/health", describe(v.node))
	case !named && !isLiteral(u.Hostname()):
		r.problem(v, "%s: want a URL with an IP address, such as http://127.0.0.1:80/health", describe(v.node))
	default:
		*out = s
	}
}

// host reads the Host header.
func (r *reader) host(v value, out *string) {
	if s, ok := r.text(v); ok {
		if u, err := url.Parse("http://" + s); err != nil || u.Host != s {
			r.problem(v, "%s: want a host name, with a port or without", describe(v.node))
			return
		}
		*out = s
	}
}

func (r *reader) statuses(v value, out *[]int) {
	r.list(v, maxStatuses, func(v value) {
		if i, ok := r.integer(v, 100, 599); ok {
			*out = append(*out, i)
		}
	})
}

// body reads the text that an answer's body must contain.
func (r *reader) body(v value, out *string) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	if len(s) > maxBodyText {
		r.problem(v, "%s: want a text of at most %d bytes", describe(v.node), maxBodyText)
		return
	}
	*out = s
}

// hostAsked is the host that a check gets its URL from, "" for a UNIX socket.
func hostAsked(kind health.HTTP) string {
	u, err := url.Parse(kind.URL)
	if err != nil || kind.Socket != "" {
		return ""
	}
	return u.Hostname()
}
