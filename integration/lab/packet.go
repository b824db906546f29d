// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Kind is what a captured packet is.
type Kind int

const (
	Advert                Kind = iota + 1 // a VRRP advertisement over IPv4 or IPv6, of any version
	ARPRequest                            // also a gratuitous one
	ARPReply                              //
	NeighborSolicitation                  // RFC 4861 §4.3
	NeighborAdvertisement                 // RFC 4861 §4.4, also an unsolicited one
)

func (k Kind) String() string {
	switch k {
	case Advert:
		return "advert"
	case ARPRequest:
		return "ARP request"
	case ARPReply:
		return "ARP reply"
	case NeighborSolicitation:
		return "neighbor solicitation"
	case NeighborAdvertisement:
		return "neighbor advertisement"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Packet is a VRRP advert, an ARP packet or one of Neighbor Discovery, decoded just
// enough to tell who said what. No checksum is checked.
type Packet struct {
	Time time.Time // when the kernel had it
	Sent bool      // by the host on which it was captured
	Kind Kind

	Ethernet net.HardwareAddr // the frame's source
	// MAC is the sender's hardware address of ARP, the link-layer address option of
	// Neighbor Discovery; without one, and of an advert, the frame's source.
	MAC net.HardwareAddr
	// Source is whose MAC is told: the IP source; for ARP the sender's protocol
	// address, for a neighbor advertisement its target.
	Source netip.Addr
	// Target is whom it is for: the IP destination; for ARP the target's protocol
	// address, for a neighbor solicitation its target.
	Target netip.Addr

	// Of an advert. The interval of VRRPv2 has whole seconds.
	Version, VRID, Priority uint8
	Interval                time.Duration

	// The flags of a neighbor advertisement.
	Router, Solicited, Override bool
}

// Gratuitous tells whether the packet is one by which a host announces an address,
// asked by nobody: gratuitous ARP, or an unsolicited neighbor advertisement.
func (p Packet) Gratuitous() bool {
	switch p.Kind {
	case ARPRequest, ARPReply:
		return p.Source == p.Target
	case NeighborAdvertisement:
		return !p.Solicited
	}
	return false
}

// Answers tells whether the packet is the answer to somebody who asked for an
// address.
func (p Packet) Answers(address netip.Addr) bool {
	return (p.Kind == ARPReply || p.Kind == NeighborAdvertisement) && !p.Gratuitous() && p.Source == address
}

// String is a line for people.
func (p Packet) String() string {
	if p.Kind == Advert {
		return fmt.Sprintf("%s from %s: version %d, vrid %d, priority %d", p.Kind, p.Source, p.Version, p.VRID, p.Priority)
	}
	return fmt.Sprintf("%s from %s at %s for %s", p.Kind, p.Source, p.MAC, p.Target)
}
