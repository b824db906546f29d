// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"encoding/binary"
	"net/netip"
)

// Checksum is the form of the checksum over an advert of VRRPv3 in IPv4. RFC 5798
// §5.2.8 can be read either way, RFC 9568 §5.2.8 is clear, and both forms are on
// the wire: keepalived and FRR send and demand the pseudo-header. In IPv6 it is
// always there, in VRRPv2 never.
type Checksum uint8

const (
	// ChecksumPseudoHeader covers an IP pseudo-header and the message.
	ChecksumPseudoHeader Checksum = iota
	// ChecksumRFC9568 covers the message alone.
	ChecksumRFC9568
)

// sum adds up b as big-endian 16-bit words; an odd last byte is padded with 0.
func sum(b []byte, to uint32) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		to += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		to += uint32(b[0]) << 8
	}
	return to
}

// fold makes a one's complement sum of 16 bits.
func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// sumPseudoHeader adds up the pseudo-header of a message of that length: RFC 793
// §3.1 for IPv4, RFC 8200 §8.1 for IPv6.
func sumPseudoHeader(source, destination netip.Addr, length int) uint32 {
	rest := uint32(Protocol) + uint32(length)
	if source.Is4() {
		s, d := source.As4(), destination.As4()
		return sum(d[:], sum(s[:], rest))
	}
	s, d := source.As16(), destination.As16()
	return sum(d[:], sum(s[:], rest))
}

// forms tells which forms a message may have: in IPv6 only the one, in VRRPv2 only
// the other.
func forms(version uint8, ipv4 bool) (pseudoHeader, messageOnly bool) {
	return version == 3, version == 2 || ipv4
}

// checksum computes the sum over a message whose checksum field is 0, in the form
// that is wanted where there is a choice.
func checksum(message []byte, source, destination netip.Addr, form Checksum) uint16 {
	pseudoHeader, messageOnly := forms(message[0]>>4, source.Is4())
	s := sum(message, 0)
	if pseudoHeader && (form == ChecksumPseudoHeader || !messageOnly) {
		s += sumPseudoHeader(source, destination, len(message))
	}
	return ^fold(s)
}

// verifyChecksum finds the form under which the sum over a received message
// holds. A sum of 16 bits is no security, so accepting both forms costs none.
func verifyChecksum(message []byte, m Meta) (Checksum, bool) {
	pseudoHeader, messageOnly := forms(message[0]>>4, m.Source.Is4())
	s := sum(message, 0)
	switch {
	case pseudoHeader && fold(s+sumPseudoHeader(m.Source, m.Destination, len(message))) == 0xffff:
		return ChecksumPseudoHeader, true
	case messageOnly && fold(s) == 0xffff:
		return ChecksumRFC9568, true
	}
	return 0, false
}
