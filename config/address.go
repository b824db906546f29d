// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sys/unix"

	"vipd/vrrp"
)

const (
	maxAddresses = 1000 // of one router; an advert has room for vrrp.MaxAddresses
	// maxLabel is the kernel's IFNAMSIZ without its end: a label looks like an
	// interface's name.
	maxLabel = 15
)

// Address is one address that comes and goes with a router.
type Address struct {
	Prefix     netip.Prefix // with its network's length
	Interface  string       // never empty: the router's by default
	Advertised bool         // stands in the adverts
	Derived    bool         // vipd's own link-local one, which is not in the file
	Label      string       // IFA_LABEL, IPv4 only, at most 15 bytes; empty: none
	Scope      uint8        // RT_SCOPE_*, 0–255; IPv6: the kernel takes the address's own
}

// addresses reads the virtual addresses.
func (r *reader) addresses(v value, d *draft) {
	r.list(v, maxAddresses, func(v value) {
		if a := r.address(v, d); a.Prefix.IsValid() {
			d.addresses = append(d.addresses, a)
		}
	})
	if n := resolve(v.node); n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.problem(v, "no address: at least one must be there")
	}
}

// address reads one of them: "192.0.2.100/24", or a mapping.
func (r *reader) address(v value, d *draft) Address {
	out := Address{Interface: d.Interface, Advertised: true}
	if resolve(v.node).Kind != yaml.MappingNode {
		r.prefix(v, &out.Prefix)
	} else {
		r.mapping(v, []key{
			{"address", func(v value) { r.prefix(v, &out.Prefix) }},
			{"interface", func(v value) { r.interfaceName(v, &out.Interface) }},
			{"advertised", func(v value) { r.boolean(v, &out.Advertised) }},
			{"label", func(v value) { r.label(v, &out) }},
			{"scope", func(v value) { r.scope(v, &out) }},
		}, "address")
	}
	if out.Prefix.Addr().Is6() && out.Advertised && d.Version != vrrp.Version3 {
		r.problem(v, "%v: VRRPv2 has no IPv6: want `version: 3`, or `advertised: false`", out.Prefix)
	}
	return out
}

// prefix reads an address. Without a length it is a host's, /32 or /128.
func (r *reader) prefix(v value, out *netip.Prefix) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		host, hostErr := netip.ParseAddr(s)
		switch {
		case hostErr != nil:
			r.problem(v, "%s: want an address with its network's length, such as 192.0.2.100/24 or 2001:db8::100/64", describe(v.node))
			return
		case host.Zone() != "":
			r.problem(v, "%s: want no zone: the key `interface` says where", describe(v.node))
			return
		}
		prefix = netip.PrefixFrom(host, host.BitLen())
	}
	if why := unfit(prefix); why != "" {
		r.problem(v, "%s: %s", describe(v.node), why)
		return
	}
	*out = prefix
}

// unfit says why an address can't be a virtual one.
func unfit(p netip.Prefix) string {
	address := p.Addr()
	network := address == p.Masked().Addr()
	switch {
	case !isHost(address):
		return "no host can have this address"
	case p.Bits() == 0:
		return fmt.Sprintf("want the length of its network, 1–%d", address.BitLen())
	case address.Is4() && p.Bits() < 31 && network:
		return "that is the network's own address"
	case address.Is4() && p.Bits() < 31 && address == broadcast(p):
		return "that is the network's broadcast address"
	case address.Is6() && p.Bits() < 127 && network: // RFC 4291 §2.6.1, RFC 6164
		return "that is the anycast address of all routers in the network"
	}
	return ""
}

// isHost reports whether a host on a network can have an address. One of IPv4 is
// written as such.
func isHost(a netip.Addr) bool {
	if a.Is4() {
		first := a.As4()[0]
		return first != 0 && first < 224 && !a.IsLoopback()
	}
	return !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && !a.Is4In6()
}

// broadcast is the last address of an IPv4 network.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(b)
}

func (r *reader) label(v value, out *Address) {
	s, ok := r.text(v)
	switch {
	case !ok:
	case out.Prefix.Addr().Is6():
		r.problem(v, "%s: only IPv4 addresses have a label", describe(v.node))
	case len(s) > maxLabel || strings.ContainsAny(s, "/ \t\n\x00"):
		r.problem(v, "%s: want a label of at most %d bytes, without blanks and slashes", describe(v.node), maxLabel)
	default:
		out.Label = s
	}
}

func (r *reader) scope(v value, out *Address) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	scope, err := parseScope(s)
	if err != nil {
		r.problem(v, "%s: %v", describe(v.node), err)
		return
	}
	if out.Prefix.Addr().Is6() {
		r.warn(v, "%s: an IPv6 address has the scope that it shows, whatever is said here", describe(v.node))
	}
	out.Scope = scope
}

// parseScope reads a scope as iproute2 does: a word of rtnetlink(7), or a number.
func parseScope(s string) (uint8, error) {
	switch s {
	case "global":
		return unix.RT_SCOPE_UNIVERSE, nil
	case "site":
		return unix.RT_SCOPE_SITE, nil
	case "link":
		return unix.RT_SCOPE_LINK, nil
	case "host":
		return unix.RT_SCOPE_HOST, nil
	case "nowhere":
		return unix.RT_SCOPE_NOWHERE, nil
	}
	scope, err := strconv.ParseUint(s, 10, 8)
	if err != nil || !plainInteger.MatchString(s) {
		return 0, errors.New("want global, site, link, host, nowhere or a whole number, 0–255")
	}
	return uint8(scope), nil
}
