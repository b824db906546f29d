// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Protocol is the rtm_protocol of our routes, the protocol number of VRRP.
const Protocol = 112

// ipv6Metric is what the kernel makes of an IPv6 route's metric 0 (IP6_RT_PRIO_USER).
const ipv6Metric = 1024

// Route is one route, as `ip route` knows it. What is zero is left to the kernel.
type Route struct {
	Type        uint8        // unix.RTN_UNICAST (or 0), RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT
	Destination netip.Prefix // its host part does not count; 0.0.0.0/0 or ::/0: the default route
	Gateway     netip.Addr
	Source      netip.Addr // of packets that the host sends; it must be the host's own
	Link        int        // index of the interface; 0: where the gateway is
	Table       uint32     // 0: main
	Metric      uint32     // an IPv6 route's 0 is 1024
	MTU         uint32     // bytes
	Scope       uint8      // 0: global; IPv4 routes without gateway mostly have unix.RT_SCOPE_LINK
	OnLink      bool       // the gateway is a neighbour, although no route says so
}

// place is where the kernel has at most one route of ours.
type place struct {
	destination   netip.Prefix
	table, metric uint32
}

func (r Route) place() place {
	p := place{r.Destination.Masked(), r.Table, r.Metric}
	if p.table == 0 {
		p.table = unix.RT_TABLE_MAIN
	}
	if p.metric == 0 && r.family() == netlink.FAMILY_V6 {
		p.metric = ipv6Metric
	}
	return p
}

func (r Route) family() int {
	if r.Destination.Addr().Is4() {
		return netlink.FAMILY_V4
	}
	return netlink.FAMILY_V6
}

// message is the route for the kernel.
func (r Route) message() *netlink.Route {
	m := r.place().message()
	m.Type = int(r.Type)
	m.Gw = r.Gateway.AsSlice()
	m.Src = r.Source.AsSlice()
	m.LinkIndex = r.Link
	m.MTU = int(r.MTU)
	m.Scope = netlink.Scope(r.Scope)
	if r.OnLink {
		m.Flags = int(netlink.FLAG_ONLINK)
	}
	return m
}

// message is what tells our route at the place from all others.
func (p place) message() *netlink.Route {
	address := p.destination.Addr()
	return &netlink.Route{
		Dst: &net.IPNet{
			IP:   address.AsSlice(),
			Mask: net.CIDRMask(p.destination.Bits(), address.BitLen()),
		},
		Table:    int(p.table),
		Priority: int(p.metric),
		Protocol: Protocol,
		Scope:    netlink.SCOPE_NOWHERE, // any, for the kernel's search
	}
}

// String is the route as `ip route` would take it. The interface, of which only the
// index is known, is called if and its index.
func (r Route) String() string {
	var b strings.Builder
	b.WriteString(typeWord(r.Type))
	if r.Destination.Bits() == 0 {
		b.WriteString("default")
	} else {
		b.WriteString(r.Destination.String())
	}
	word := func(there bool, name string, value any) {
		if there {
			fmt.Fprintf(&b, " %s %v", name, value)
		}
	}
	word(r.Gateway.IsValid(), "via", r.Gateway)
	word(r.Link != 0, "dev", fmt.Sprintf("if%d", r.Link))
	word(r.Table != 0, "table", r.Table)
	word(r.Scope != 0, "scope", netlink.Scope(r.Scope))
	word(r.Source.IsValid(), "src", r.Source)
	word(r.Metric != 0, "metric", r.Metric)
	word(r.MTU != 0, "mtu", r.MTU)
	if r.OnLink {
		b.WriteString(" onlink")
	}
	return b.String()
}

func typeWord(kind uint8) string {
	switch kind {
	case 0, unix.RTN_UNICAST:
		return ""
	case unix.RTN_BLACKHOLE:
		return "blackhole "
	case unix.RTN_UNREACHABLE:
		return "unreachable "
	case unix.RTN_PROHIBIT:
		return "prohibit "
	}
	return fmt.Sprintf("type %d ", kind)
}
