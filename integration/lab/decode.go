// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"
)

const (
	ethernetLen = 14
	ipv4MinLen  = 20
	ipv6Len     = 40
	vrrpLen     = 8
	advertType  = 1 // of the VRRP messages, RFC 9568 §5.2.2
	arpLen      = 28
	neighborLen = 24 // ICMPv6's header, flags or nothing, and the target

	etherTypeIPv4 = 0x0800
	etherTypeARP  = 0x0806
	etherTypeIPv6 = 0x86dd
	protocolVRRP  = 112
	protocolICMP6 = 58

	typeSolicitation  = 135
	typeAdvertisement = 136
)

// decode reads an Ethernet frame; false when it is nothing that a Packet can be.
func decode(frame []byte) (Packet, bool) {
	if len(frame) < ethernetLen {
		return Packet{}, false
	}
	p := Packet{Ethernet: net.HardwareAddr(frame[6:12])}
	p.MAC = p.Ethernet
	return p, p.decode(binary.BigEndian.Uint16(frame[12:14]), frame[ethernetLen:])
}

func (p *Packet) decode(etherType uint16, payload []byte) bool {
	switch etherType {
	case etherTypeIPv4:
		return p.decodeIPv4(payload)
	case etherTypeIPv6:
		return p.decodeIPv6(payload)
	case etherTypeARP:
		return p.decodeARP(payload)
	}
	return false
}

func (p *Packet) decodeIPv4(ip []byte) bool {
	if len(ip) < ipv4MinLen || ip[9] != protocolVRRP {
		return false
	}
	headerLen := int(ip[0]&0x0f) * 4
	if headerLen < ipv4MinLen || len(ip) < headerLen {
		return false
	}
	p.Source, p.Target = netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20]))
	return p.decodeAdvert(ip[headerLen:])
}

// decodeIPv6 knows no extension headers: nobody has any in what is looked for.
func (p *Packet) decodeIPv6(ip []byte) bool {
	if len(ip) < ipv6Len {
		return false
	}
	p.Source, p.Target = netip.AddrFrom16([16]byte(ip[8:24])), netip.AddrFrom16([16]byte(ip[24:40]))
	switch ip[6] {
	case protocolVRRP:
		return p.decodeAdvert(ip[ipv6Len:])
	case protocolICMP6:
		return p.decodeNeighbor(ip[ipv6Len:])
	}
	return false
}

func (p *Packet) decodeAdvert(vrrp []byte) bool {
	if len(vrrp) < vrrpLen || vrrp[0]&0x0f != advertType {
		return false
	}
	p.Kind, p.Version, p.VRID, p.Priority = Advert, vrrp[0]>>4, vrrp[1], vrrp[2]
	if p.Version == 2 {
		p.Interval = time.Duration(vrrp[5]) * time.Second
	} else {
		p.Interval = time.Duration(binary.BigEndian.Uint16(vrrp[4:])&0x0fff) * 10 * time.Millisecond
	}
	return true
}

// decodeARP reads ARP for IPv4 over Ethernet.
func (p *Packet) decodeARP(arp []byte) bool {
	if len(arp) < arpLen || binary.BigEndian.Uint16(arp[2:4]) != etherTypeIPv4 || arp[4] != 6 || arp[5] != 4 {
		return false
	}
	switch binary.BigEndian.Uint16(arp[6:8]) {
	case 1:
		p.Kind = ARPRequest
	case 2:
		p.Kind = ARPReply
	default:
		return false
	}
	p.MAC = net.HardwareAddr(arp[8:14])
	p.Source, p.Target = netip.AddrFrom4([4]byte(arp[14:18])), netip.AddrFrom4([4]byte(arp[24:28]))
	return true
}

// decodeNeighbor reads a neighbor solicitation or advertisement.
func (p *Packet) decodeNeighbor(icmp []byte) bool {
	if len(icmp) < neighborLen {
		return false
	}
	target, option := netip.AddrFrom16([16]byte(icmp[8:24])), byte(1) // the source's link-layer address
	switch icmp[0] {
	case typeSolicitation:
		p.Kind, p.Target = NeighborSolicitation, target
	case typeAdvertisement:
		p.Kind, p.Source, option = NeighborAdvertisement, target, 2 // the target's
		p.Router, p.Solicited, p.Override = icmp[4]&0x80 != 0, icmp[4]&0x40 != 0, icmp[4]&0x20 != 0
	default:
		return false
	}
	if mac := linkLayerAddress(icmp[neighborLen:], option); mac != nil {
		p.MAC = mac
	}
	return true
}

// linkLayerAddress finds the option with that type (RFC 4861 §4.6.1).
func linkLayerAddress(options []byte, kind byte) net.HardwareAddr {
	for len(options) >= 8 {
		if options[0] == kind && options[1] == 1 {
			return net.HardwareAddr(options[2:8])
		}
		size := 8 * int(options[1])
		if size == 0 || size > len(options) {
			break
		}
		options = options[size:]
	}
	return nil
}
