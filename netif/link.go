// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"net/netip"
	"slices"
)

// Interface is an interface to follow.
type Interface struct {
	Name string
	// IPv4 and IPv6 are the families whose packets are received there. With neither,
	// only its state and addresses matter.
	IPv4, IPv6 bool
	// StateOnly: nothing is sent or received there, and its addresses don't matter. Of its
	// Link only Name, Index, MTU, Up, Hardware and Problem are told.
	StateOnly bool
}

// Link is the state of one followed interface. It is always whole: receivers
// compare it with the one before, they don't accumulate.
type Link struct {
	Name  string
	Index int // 0: the interface does not exist
	MTU   int // bytes; 0 when the interface does not exist
	// Up: administratively up, and its operational state (RFC 2863) is up or unknown.
	Up bool
	// Hardware is its Ethernet address; empty if it speaks neither ARP nor ND.
	Hardware string
	// Master is the bridge, bond or the like whose port it is: that one takes the packets
	// for its addresses, and for the groups. Empty: there is none.
	Master string
	// ListeningIPv4 and ListeningIPv6: packets can be received, the socket is open and
	// in the group.
	ListeningIPv4, ListeningIPv6 bool
	// Prefixes are the interface's own addresses, IPv4 before IPv6, primary ones first: neither ours, nor
	// any in [Config.Virtual], nor one that duplicate address detection has not
	// cleared (RFC 4862 §5.4).
	Prefixes []netip.Prefix
	Problem  string // why packets don't arrive, for people; else ""
}

// SourceIPv4 is the interface's primary IPv4 address (RFC 9568 §5.1.1.1), the zero
// Addr when it has none.
func (l Link) SourceIPv4() netip.Addr {
	for _, p := range l.Prefixes {
		if p.Addr().Is4() {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

// SourceIPv6 is the interface's link-local address (RFC 9568 §5.1.2.1), of several
// the lowest; the zero Addr when it has none.
func (l Link) SourceIPv6() (lowest netip.Addr) {
	for _, p := range l.Prefixes {
		ip := p.Addr()
		if ip.Is6() && ip.IsLinkLocalUnicast() && (!lowest.IsValid() || ip.Less(lowest)) {
			lowest = ip
		}
	}
	return lowest
}

func (l Link) equal(other Link) bool {
	return l.Name == other.Name && l.Index == other.Index && l.MTU == other.MTU && l.Up == other.Up &&
		l.Hardware == other.Hardware && l.Master == other.Master && l.ListeningIPv4 == other.ListeningIPv4 &&
		l.ListeningIPv6 == other.ListeningIPv6 && l.Problem == other.Problem &&
		slices.Equal(l.Prefixes, other.Prefixes)
}
