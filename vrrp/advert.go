// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

const (
	// Protocol is VRRP's IP protocol number (RFC 9568 §5.1.1.4).
	Protocol = 112
	// TTL is what every advert is sent with, so that none passes a router (§5.1.1.3).
	TTL = 255
	// MaxAddresses is what the count in an advert can say (§5.2.5).
	MaxAddresses = 255

	version           = 3
	typeAdvertisement = 1

	headerLen = 8
	ipv4Len   = 4
)

// Group is the IPv4 multicast address of all VRRP routers (§5.1.1.2).
var Group = netip.AddrFrom4([4]byte{224, 0, 0, 18})

// Advert is an ADVERTISEMENT of VRRPv3 in IPv4 (RFC 9568 §5.2):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|Version| Type  |     VRID      |   Priority    |     Count     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  Rsvd |   Max Advertise Int   |           Checksum            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                          Addresses ...                        |
type Advert struct {
	VRID      uint8
	Priority  uint8
	Interval  time.Duration // Max Advertise Interval, in whole centiseconds
	Checksum  Checksum      // the form that was received
	Addresses []netip.Addr
}

// Meta is what the IP header of a received advert says.
type Meta struct {
	Source, Destination netip.Addr
	TTL                 uint8
}

// AppendTo appends the advert's bytes to b, with the checksum in the given form.
// There are at most MaxAddresses, all IPv4.
func (a Advert) AppendTo(b []byte, source, destination netip.Addr, form Checksum) []byte {
	start := len(b)
	b = append(b, version<<4|typeAdvertisement, a.VRID, a.Priority, uint8(len(a.Addresses)))
	b = binary.BigEndian.AppendUint16(b, uint16(a.Interval/centisecond))
	b = append(b, 0, 0) // the checksum, below
	for _, address := range a.Addresses {
		bytes := address.As4()
		b = append(b, bytes[:]...)
	}
	message := b[start:]
	binary.BigEndian.PutUint16(message[6:8], checksum(message, source, destination, form))
	return b
}

// Parse reads one received advert: the checks of RFC 9568 §7.1, in the RFC's
// order, down to the checksum. The rest needs the router, and is done by Step.
// The addresses are appended to the given slice, which may be reused for the next
// advert.
func Parse(b []byte, m Meta, addresses []netip.Addr) (Advert, Reject) {
	switch {
	case m.TTL != TTL:
		return Advert{}, RejectTTL
	case m.Destination != Group, !m.Source.Is4():
		return Advert{}, RejectDestination
	case len(b) == 0:
		return Advert{}, RejectTruncated
	case b[0]>>4 != version:
		return Advert{}, RejectVersion
	case b[0]&0x0f != typeAdvertisement:
		return Advert{}, RejectType
	case len(b) < headerLen, len(b) < headerLen+ipv4Len*int(b[3]):
		return Advert{}, RejectTruncated
	case len(b) > headerLen+ipv4Len*int(b[3]):
		return Advert{}, RejectTooLong
	}
	form, ok := verifyChecksum(b, m)
	if !ok {
		return Advert{}, RejectChecksum
	}
	for i := headerLen; i < len(b); i += ipv4Len {
		addresses = append(addresses, netip.AddrFrom4([4]byte(b[i:i+ipv4Len])))
	}
	return Advert{
		VRID:      b[1],
		Priority:  b[2],
		Interval:  time.Duration(binary.BigEndian.Uint16(b[4:6])&0x0fff) * centisecond, // without Rsvd, §5.2.6
		Checksum:  form,
		Addresses: addresses,
	}, Accepted
}
