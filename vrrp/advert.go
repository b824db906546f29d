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
	// TTL is what every advert is sent with, so that none passes a router
	// (§5.1.1.3, §5.1.2.3).
	TTL = 255
	// MaxAddresses is what the count in an advert can say (§5.2.5).
	MaxAddresses = 255

	typeAdvertisement = 1
	// typeReport is none of IANA's types. Whoever does not know it must discard it
	// (§5.2.2, §7.1), and it is sent to vipd alone, by unicast: drain.go.
	typeReport = 15

	headerLen = 8
	authLen   = 8 // the authentication data of version 2
	ipv4Len   = 4
	ipv6Len   = 16
)

var (
	// GroupIPv4 and GroupIPv6 are the multicast addresses of all VRRP routers
	// (§5.1.1.2, §5.1.2.2).
	GroupIPv4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	GroupIPv6 = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x12})
)

// Advert is an ADVERTISEMENT of VRRPv3 (RFC 9568 §5.2):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|Version| Type  |     VRID      |   Priority    |     Count     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  Rsvd |   Max Advertise Int   |           Checksum            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                          Addresses ...                        |
//
// or of VRRPv2 (RFC 3768 §5.3), over IPv4, where the second line is
//
//	|   Auth Type   |   Adver Int   |           Checksum            |
//
// with the interval in seconds, and 8 octets of authentication data stand at the
// end.
type Advert struct {
	Version   uint8 // 3 or 2
	VRID      uint8
	Priority  uint8
	Interval  time.Duration // in whole centiseconds; in version 2, seconds
	Checksum  Checksum      // the form that was received, or is to be sent
	Auth      Auth          // version 2
	Addresses []netip.Addr
	Report    bool // it is none, but says in its form that its sender drains; with priority 0, no more
}

// Auth is how a VRRPv2 advert is authenticated. RFC 3768 has none; the plain
// password is RFC 2338's, and keepalived's `auth_type PASS`.
type Auth struct {
	Type AuthType
	Data [authLen]byte
}

// AuthType is VRRPv2's Auth Type.
type AuthType uint8

const (
	// AuthNone is RFC 3768's only one.
	AuthNone AuthType = 0
	// AuthPassword is RFC 2338's Simple Text Password.
	AuthPassword AuthType = 1
)

// Password is the Auth of a plain password, of which 8 bytes count.
func Password(password string) Auth {
	a := Auth{Type: AuthPassword}
	copy(a.Data[:], password)
	return a
}

// Meta is what the IP header of a received advert says.
type Meta struct {
	Source, Destination netip.Addr
	TTL                 uint8 // or Hop Limit
}

// AppendTo appends the advert's bytes to b. The addresses, at most MaxAddresses,
// are of the same family as source and destination.
func (a *Advert) AppendTo(b []byte, source, destination netip.Addr) []byte {
	start := len(b)
	b = append(b, a.Version<<4|a.kind(), a.VRID, a.Priority, uint8(len(a.Addresses)))
	if a.Version == 2 {
		b = append(b, uint8(a.Auth.Type), uint8(a.Interval/time.Second))
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(a.Interval/centisecond))
	}
	b = append(b, 0, 0) // the checksum, below
	for _, address := range a.Addresses {
		b = appendAddress(b, address)
	}
	if a.Version == 2 {
		b = append(b, a.Auth.Data[:]...)
	}
	message := b[start:]
	binary.BigEndian.PutUint16(message[6:8], checksum(message, source, destination, a.Checksum))
	return b
}

// kind is the type on the wire.
func (a *Advert) kind() uint8 {
	if a.Report {
		return typeReport
	}
	return typeAdvertisement
}

func appendAddress(b []byte, address netip.Addr) []byte {
	if address.Is4() {
		octets := address.As4()
		return append(b, octets[:]...)
	}
	octets := address.As16()
	return append(b, octets[:]...)
}

// Parse reads one received advert: the checks of RFC 9568 §7.1, in the RFC's
// order, down to the checksum. The rest needs the router, and is done by Step.
// The addresses are appended to the given slice, which may be reused for the next
// advert.
func Parse(b []byte, m Meta, addresses []netip.Addr) (Advert, Reject) {
	if reject := refusePacket(b, m); reject != Accepted {
		return Advert{}, reject
	}
	form, ok := verifyChecksum(b, m)
	if !ok {
		return Advert{}, RejectChecksum
	}
	a := Advert{Version: b[0] >> 4, VRID: b[1], Priority: b[2], Checksum: form, Report: b[0]&0x0f == typeReport}
	end := len(b)
	if a.Version == 2 {
		end -= authLen
		a.Interval = time.Duration(b[5]) * time.Second
		a.Auth = Auth{AuthType(b[4]), [authLen]byte(b[end:])}
	} else { // without Rsvd, §5.2.6
		a.Interval = time.Duration(binary.BigEndian.Uint16(b[4:6])&0x0fff) * centisecond
	}
	a.Addresses = parseAddresses(b[headerLen:end], m.Source.Is4(), addresses)
	return a, Accepted
}

// refusePacket is the checks before the checksum.
func refusePacket(b []byte, m Meta) Reject {
	ipv4 := m.Source.Is4()
	switch {
	case m.TTL != TTL:
		return RejectTTL
	case !m.Source.IsValid() || m.Destination.Is4() != ipv4:
		return RejectDestination
	case len(b) == 0:
		return RejectTruncated
	case b[0]>>4 != 3 && (b[0]>>4 != 2 || !ipv4):
		return RejectVersion
	case b[0]&0x0f != typeAdvertisement && b[0]&0x0f != typeReport:
		return RejectType
	case len(b) < headerLen || len(b) < messageLen(b, ipv4):
		return RejectTruncated
	case len(b) > messageLen(b, ipv4):
		return tooLong(b[messageLen(b, ipv4):])
	}
	return Accepted
}

// messageLen is how long a message of at least headerLen says it is.
func messageLen(b []byte, ipv4 bool) int {
	length, each := headerLen, ipv6Len
	if ipv4 {
		each = ipv4Len
	}
	if b[0]>>4 == 2 {
		length += authLen
	}
	return length + each*int(b[3])
}

// tooLong tells a trailer that is known from one that is not. keepalived 2.4
// appends 28 octets: the type of the scheme, 1; a key's number; 2 octets of 0; a
// time, 8 octets; and the code, 16 octets (draft-cassen-vrrp-auth-hmac).
func tooLong(trailer []byte) Reject {
	const hmacTrailer, hmacSHA256 = 28, 1
	if len(trailer) == hmacTrailer && trailer[0] == hmacSHA256 && trailer[2] == 0 && trailer[3] == 0 {
		return RejectHMAC
	}
	return RejectTooLong
}

func parseAddresses(b []byte, ipv4 bool, to []netip.Addr) []netip.Addr {
	for ipv4 && len(b) >= ipv4Len {
		to = append(to, netip.AddrFrom4([ipv4Len]byte(b)))
		b = b[ipv4Len:]
	}
	for !ipv4 && len(b) >= ipv6Len {
		to = append(to, netip.AddrFrom16([ipv6Len]byte(b)))
		b = b[ipv6Len:]
	}
	return to
}
