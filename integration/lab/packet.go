// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Kind is what a captured packet is.
type Kind int

const (
	Advert     Kind = iota + 1 // a VRRP advertisement over IPv4, of any version
	ARPRequest                 // also a gratuitous one
	ARPReply
)

func (k Kind) String() string {
	switch k {
	case Advert:
		return "advert"
	case ARPRequest:
		return "ARP request"
	case ARPReply:
		return "ARP reply"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Packet is a VRRP advert or an ARP packet, decoded just enough to tell who said
// what. No checksum is checked.
type Packet struct {
	Time time.Time // when the kernel had it
	Sent bool      // by the host on which it was captured
	Kind Kind

	MAC    net.HardwareAddr // Ethernet source; for ARP the sender's hardware address
	Source netip.Addr       // IP source; for ARP the sender's protocol address
	Target netip.Addr       // IP destination; for ARP the target's protocol address

	VRID, Priority uint8 // of an advert
}

// Gratuitous tells whether the packet is ARP by which a host announces an address.
func (p Packet) Gratuitous() bool { return p.Kind != Advert && p.Source == p.Target }

// String is a line for people.
func (p Packet) String() string {
	if p.Kind == Advert {
		return fmt.Sprintf("%s from %s: vrid %d, priority %d", p.Kind, p.Source, p.VRID, p.Priority)
	}
	return fmt.Sprintf("%s from %s at %s for %s", p.Kind, p.Source, p.MAC, p.Target)
}

const (
	ethernetLen = 14
	ipv4MinLen  = 20
	vrrpLen     = 8
	arpLen      = 28

	etherTypeIPv4 = 0x0800
	etherTypeARP  = 0x0806
	protocolVRRP  = 112
)

// decode reads an Ethernet frame; false when it is neither an advert nor ARP.
func decode(frame []byte) (Packet, bool) {
	if len(frame) < ethernetLen {
		return Packet{}, false
	}
	payload := frame[ethernetLen:]
	switch binary.BigEndian.Uint16(frame[12:14]) {
	case etherTypeIPv4:
		return decodeAdvert(frame[6:12], payload)
	case etherTypeARP:
		return decodeARP(payload)
	}
	return Packet{}, false
}

func decodeAdvert(mac, ip []byte) (Packet, bool) {
	if len(ip) < ipv4MinLen || ip[9] != protocolVRRP {
		return Packet{}, false
	}
	headerLen := int(ip[0]&0x0f) * 4
	if headerLen < ipv4MinLen || len(ip) < headerLen+vrrpLen {
		return Packet{}, false
	}
	vrrp := ip[headerLen:]
	return Packet{
		Kind:     Advert,
		MAC:      net.HardwareAddr(mac),
		Source:   netip.AddrFrom4([4]byte(ip[12:16])),
		Target:   netip.AddrFrom4([4]byte(ip[16:20])),
		VRID:     vrrp[1],
		Priority: vrrp[2],
	}, true
}

// decodeARP reads ARP for IPv4 over Ethernet.
func decodeARP(arp []byte) (Packet, bool) {
	if len(arp) < arpLen || binary.BigEndian.Uint16(arp[2:4]) != etherTypeIPv4 || arp[4] != 6 || arp[5] != 4 {
		return Packet{}, false
	}
	kind, known := map[uint16]Kind{1: ARPRequest, 2: ARPReply}[binary.BigEndian.Uint16(arp[6:8])]
	return Packet{
		Kind:   kind,
		MAC:    net.HardwareAddr(arp[8:14]),
		Source: netip.AddrFrom4([4]byte(arp[14:18])),
		Target: netip.AddrFrom4([4]byte(arp[24:28])),
	}, known
}
