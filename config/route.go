// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	maxRoutes = 255
	// minMTU is the smallest of IPv4 (RFC 791 §3.2), maxMTU what a length can say.
	minMTU = 68
	maxMTU = 65535
)

// Route is one route that comes and goes with a router.
type Route struct {
	Text            string // as written
	Type            uint8  // RTN_UNICAST, RTN_BLACKHOLE, RTN_UNREACHABLE or RTN_PROHIBIT
	Destination     netip.Prefix
	Gateway, Source netip.Addr // zero: none
	Interface       string     // empty: the kernel decides
	Table           uint32     // RT_TABLE_MAIN by default
	Metric          uint32     // 0: the kernel's default, which is 0 (IPv4) or 1024 (IPv6)
	MTU             uint32     // in bytes; 0: the interface's
	Scope           uint8      // RT_SCOPE_*, IPv4 only
	OnLink          bool       // the gateway is on the interface, whatever its networks
}

// routes reads routes in the words of `ip route`.
func (r *reader) routes(v value, out *[]Route) {
	r.list(v, maxRoutes, func(v value) {
		s, ok := r.text(v)
		if !ok {
			return
		}
		route, err := parseRoute(s)
		if err != nil {
			r.problem(v, "%s: %v", describe(v.node), err)
			return
		}
		*out = append(*out, route)
	})
}

// routeOptions are the words after the destination; all but the last have a value.
const routeOptions = "via, dev, src, metric, table, scope, mtu, onlink"

// parseRoute reads what stands after `ip route add`.
func parseRoute(text string) (Route, error) {
	route := Route{Text: text, Table: unix.RT_TABLE_MAIN}
	words := route.takeType(strings.Fields(text))
	if len(words) == 0 {
		return Route{}, errors.New("want a destination: a network, an address or `default`")
	}
	seen, err := route.takeOptions(words[1:])
	if err != nil {
		return Route{}, err
	}
	if route.Destination, err = route.destination(words[0]); err != nil {
		return Route{}, err
	}
	if !seen["scope"] && route.Destination.Addr().Is4() && route.Type == unix.RTN_UNICAST && !route.Gateway.IsValid() {
		route.Scope = unix.RT_SCOPE_LINK // as iproute2
	}
	return route, route.contradiction()
}

// takeType takes the type off the words, if it is there.
func (route *Route) takeType(words []string) []string {
	route.Type = unix.RTN_UNICAST
	if len(words) == 0 {
		return nil
	}
	switch words[0] {
	case "unicast":
	case "blackhole":
		route.Type = unix.RTN_BLACKHOLE
	case "unreachable":
		route.Type = unix.RTN_UNREACHABLE
	case "prohibit":
		route.Type = unix.RTN_PROHIBIT
	default:
		return words
	}
	return words[1:]
}

// takeOptions reads all words after the destination, and returns which were there.
func (route *Route) takeOptions(words []string) (map[string]bool, error) {
	seen := map[string]bool{}
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case !slices.Contains(strings.Split(routeOptions, ", "), word):
			return nil, fmt.Errorf("unknown word %q: legal are %s", word, routeOptions)
		case seen[word]:
			return nil, fmt.Errorf("`%s` is there twice", word)
		case word == "onlink":
			route.OnLink = true
		case len(words) == 0:
			return nil, fmt.Errorf("`%s` has no value", word)
		default:
			if err := route.set(word, words[0]); err != nil {
				return nil, fmt.Errorf("`%s %s`: %w", word, words[0], err)
			}
			words = words[1:]
		}
		seen[word] = true
	}
	return seen, nil
}

// set reads the value of one word.
func (route *Route) set(word, value string) (err error) {
	switch word {
	case "via":
		route.Gateway, err = parseHost(value)
	case "src":
		route.Source, err = parseHost(value)
	case "dev":
		if !isInterfaceName(value) {
			return fmt.Errorf("want the name of a network interface, at most %d bytes", maxInterfaceName)
		}
		route.Interface = value
	case "metric":
		route.Metric, err = parseUint32(value, 0, 1<<32-1)
	case "mtu":
		route.MTU, err = parseUint32(value, minMTU, maxMTU)
	case "table":
		route.Table, err = parseTable(value)
	case "scope":
		route.Scope, err = parseScope(value)
	}
	return err
}

func parseUint32(s string, least, most uint32) (uint32, error) {
	i, err := strconv.ParseUint(s, 10, 32)
	if err != nil || !plainInteger.MatchString(s) || i < uint64(least) || i > uint64(most) {
		return 0, fmt.Errorf("want a whole number, %d–%d", least, most)
	}
	return uint32(i), nil
}

// parseTable reads a routing table: a word of rtnetlink(7), or a number.
func parseTable(s string) (uint32, error) {
	switch s {
	case "main":
		return unix.RT_TABLE_MAIN, nil
	case "local":
		return unix.RT_TABLE_LOCAL, nil
	case "default":
		return unix.RT_TABLE_DEFAULT, nil
	}
	table, err := parseUint32(s, 1, 1<<32-1)
	if err != nil {
		return 0, fmt.Errorf("want main, local, default or a whole number, 1–%d", uint32(1<<32-1))
	}
	return table, nil
}

// destination reads a network, an address, or `default` of the family that the
// gateway or the source shows.
func (route *Route) destination(s string) (netip.Prefix, error) {
	if s == "default" {
		shown := route.Gateway
		if !shown.IsValid() {
			shown = route.Source
		}
		if !shown.IsValid() {
			return netip.Prefix{}, errors.New("`default` of which family: want 0.0.0.0/0 or ::/0")
		}
		return shown.Prefix(0)
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		host, hostErr := netip.ParseAddr(s)
		if hostErr != nil || host.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q: want a network, an address or `default`", s)
		}
		prefix = netip.PrefixFrom(host, host.BitLen())
	}
	if prefix != prefix.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q is an address in its network: want %v", s, prefix.Masked())
	}
	return prefix, nil
}

// contradiction says why the kernel would refuse the route, or bend it.
func (route *Route) contradiction() error {
	to := route.Destination.Addr()
	unicast := route.Type == unix.RTN_UNICAST
	switch {
	case to.Is4In6():
		return errors.New("want IPv4 written as such")
	case route.Gateway.IsValid() && route.Gateway.Is4() != to.Is4():
		return errors.New("`via` is of another family than the destination")
	case route.Source.IsValid() && route.Source.Is4() != to.Is4():
		return errors.New("`src` is of another family than the destination")
	case !unicast && (route.Gateway.IsValid() || route.Interface != ""):
		return errors.New("a route that leads nowhere has neither `via` nor `dev`")
	case unicast && !route.Gateway.IsValid() && route.Interface == "":
		return errors.New("where to: want `via` or `dev`")
	case isLinkLocal(route.Gateway) && route.Interface == "":
		return errors.New("a link-local `via` needs a `dev`")
	case route.OnLink && (!route.Gateway.IsValid() || route.Interface == ""):
		return errors.New("`onlink` needs `via` and `dev`")
	case route.Scope != 0 && to.Is6():
		return errors.New("IPv6 routes have no scope")
	}
	return nil
}
