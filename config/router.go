// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"vipd/vrrp"
)

const (
	defaultPriority   = 254
	defaultInterval   = time.Second
	defaultStartGrace = 10 * time.Second

	maxDelay         = time.Hour
	maxAnnouncements = 20
	maxRouterChecks  = 50
	// maxInterfaceName is the kernel's IFNAMSIZ without its end.
	maxInterfaceName = 15
)

// defaultAnnounce is when the addresses are announced: at once, after the old
// Active has let go, and again for hosts that resolved them meanwhile.
func defaultAnnounce() []time.Duration {
	return []time.Duration{0, 60 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second}
}

// byNode reports whether a map as this key's value is one by node name. Of
// `announce` it is not: it is a mapping anyway.
func byNode(routerKey string) bool { return routerKey != "announce" }

// router reads one element of `routers`.
func (r *reader) router(v value) Router {
	out := Router{
		Params: vrrp.Params{
			Priority: defaultPriority, Interval: defaultInterval, Preempt: true, Announce: defaultAnnounce(),
		},
		Lease: -1, StartGrace: defaultStartGrace, place: v,
	}
	keys := r.routerKeys(&out)
	for i, k := range keys {
		if k.read != nil && byNode(k.name) {
			keys[i].read = r.perNode(k.read)
		}
	}
	r.mapping(v, keys, "name", "interface", "vrid", "addresses")
	if out.Lease < 0 {
		out.Lease = vrrp.AutoLease(out.Interval)
	} else if least := vrrp.AutoLease(out.Interval); out.Lease > 0 && out.Lease < least {
		r.problem(at(v, "lease"), "%v: with adverts every %v want %v or more: a Backup waits that long", out.Lease, out.Interval, least)
	}
	return out
}

// routerKeys are the keys of a router, and what is not in this version.
func (r *reader) routerKeys(out *Router) []key {
	return []key{
		{"name", func(v value) { r.name(v, &out.Name) }},
		{"interface", func(v value) { r.interfaceName(v, &out.Interface) }},
		{"vrid", func(v value) { into(r.integer(v, 1, 255))(&out.VRID) }},
		{"version", r.version},
		{"priority", func(v value) { r.priority(v, &out.Priority) }},
		{"advert_interval", func(v value) { r.interval(v, &out.Interval) }},
		{"preempt", func(v value) { r.boolean(v, &out.Preempt) }},
		{"preempt_delay", func(v value) { r.delay(v, &out.PreemptDelay) }},
		{"start_delay", func(v value) { r.delay(v, &out.StartDelay) }},
		{"start_grace", func(v value) { r.delay(v, &out.StartGrace) }},
		{"handover", func(v value) { r.handover(v, &out.Handover) }},
		{"lease", func(v value) { r.lease(v, &out.Lease) }},
		{"addresses", func(v value) { r.addresses(v, out) }},
		{"announce", func(v value) { r.announce(v, out) }},
		{"checks", func(v value) {
			r.list(v, maxRouterChecks, func(v value) {
				var name string
				r.name(v, &name)
				out.Checks = append(out.Checks, name)
			})
		}},
		{"probe", nil}, {"drain", nil}, {"strict", nil}, {"unicast", nil}, {"virtual_mac", nil},
		{"accept", nil}, {"checksum", nil}, {"auth", nil}, {"track_interfaces", nil}, {"routes", nil},
		{"notify", nil},
	}
}

// into stores a number that was read into a smaller type.
func into(i int, ok bool) func(*uint8) {
	return func(out *uint8) {
		if ok {
			*out = uint8(i)
		}
	}
}

func (r *reader) delay(v value, out *time.Duration) {
	if d, ok := r.duration(v, 0, maxDelay); ok {
		*out = d
	}
}

func (r *reader) interfaceName(v value, out *string) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	if len(s) > maxInterfaceName || strings.ContainsAny(s, "/: \t\n\x00") || s == "." || s == ".." {
		r.problem(v, "%s: want the name of a network interface, at most %d bytes", describe(v.node), maxInterfaceName)
		return
	}
	if s == "lo" {
		r.problem(v, "%s: adverts can't leave through the loopback interface", describe(v.node))
		return
	}
	*out = s
}

func (r *reader) version(v value) {
	switch word, _ := r.oneOf(v, "3", "2", "both"); word {
	case "2", "both":
		r.problem(v, "%q is not in this version: want 3", word)
	}
}

// priority reads a priority. 255 is not for everybody: two routers with it, or
// one without the address, break the election.
func (r *reader) priority(v value, out *uint8) {
	switch n := resolve(v.node); {
	case n.Value == "owner":
		r.problem(v, "`owner` is not in this version: want 1–254")
	case n.Value == "255":
		r.problem(v, "255 is for the router that owns the addresses, and is written `owner`: want 1–254")
	default:
		into(r.integer(v, 1, 254))(out)
	}
}

func (r *reader) interval(v value, out *time.Duration) {
	d, ok := r.duration(v, vrrp.MinInterval, vrrp.MaxInterval)
	if !ok {
		return
	}
	if d%vrrp.MinInterval != 0 {
		r.problem(v, "%s: want whole steps of %v", describe(v.node), vrrp.MinInterval)
		return
	}
	*out = d
}

func (r *reader) handover(v value, out *vrrp.Handover) {
	if word, ok := r.oneOf(v, "fast", "rfc"); ok && word == "rfc" {
		*out = vrrp.HandoverRFC
	}
}

// lease reads auto, off, or a time that the kernel can count.
func (r *reader) lease(v value, out *time.Duration) {
	switch s, ok := r.text(v); {
	case !ok, s == "auto":
	case s == "off":
		*out = 0
	default:
		d, ok := r.duration(v, time.Second, maxDelay)
		if ok && d%time.Second != 0 {
			r.problem(v, "%s: want auto, off or whole seconds", describe(v.node))
		} else if ok {
			*out = d
		}
	}
}

func (r *reader) announce(v value, out *Router) {
	r.mapping(v, []key{
		{"at", func(v value) {
			out.Announce = nil
			r.list(v, maxAnnouncements, func(v value) {
				if d, ok := r.duration(v, 0, maxDelay); ok {
					out.Announce = append(out.Announce, d)
				}
			})
			if !slices.IsSorted(out.Announce) {
				r.problem(v, "want ascending times")
			}
			if len(out.Announce) == 0 || out.Announce[0] != 0 {
				r.problem(v, "the first must be 0s: hosts must hear of the takeover at once")
			}
		}},
		{"refresh", func(v value) {
			if d, ok := r.duration(v, 0, 24*time.Hour); ok && d > 0 && d < time.Second {
				r.problem(v, "%s: want 0s (off) or 1s–24h", describe(v.node))
			} else if ok {
				out.Refresh = d
			}
		}},
	})
}

// addresses reads the virtual addresses: "192.0.2.100/24", or a mapping.
func (r *reader) addresses(v value, out *Router) {
	r.list(v, vrrp.MaxAddresses, func(v value) {
		if resolve(v.node).Kind != yaml.MappingNode {
			r.address(v, out)
			return
		}
		r.mapping(v, []key{
			{"address", func(v value) { r.address(v, out) }},
			{"interface", nil}, {"advertised", nil}, {"label", nil}, {"scope", nil},
		}, "address")
	})
	if n := resolve(v.node); n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.problem(v, "no address: at least one must be there")
	}
}

// address reads one virtual address. Without a length it is a host's, /32.
func (r *reader) address(v value, out *Router) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		host, hostErr := netip.ParseAddr(s)
		if hostErr != nil {
			r.problem(v, "%s: want an IPv4 address with its network's length, such as 192.0.2.100/24", describe(v.node))
			return
		}
		prefix = netip.PrefixFrom(host, host.BitLen())
	}
	if why := unfit(prefix); why != "" {
		r.problem(v, "%s: %s", describe(v.node), why)
		return
	}
	out.Prefixes = append(out.Prefixes, prefix)
	out.Addresses = append(out.Addresses, prefix.Addr())
}

// unfit says why an address can't be a virtual one.
func unfit(p netip.Prefix) string {
	address := p.Addr()
	switch {
	case !address.Is4():
		return "IPv6 is not in this version: want an IPv4 address"
	case address.IsUnspecified(), address.IsLoopback(), address.IsMulticast(), address.As4()[0] >= 240, address.As4()[0] == 0:
		return "no host can have this address"
	case p.Bits() == 0:
		return "want the length of its network, 1–32"
	case p.Bits() < 31 && address == p.Masked().Addr():
		return "that is the network's own address"
	case p.Bits() < 31 && address == broadcast(p):
		return "that is the network's broadcast address"
	}
	return ""
}

// broadcast is the last address of an IPv4 network.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(b)
}
