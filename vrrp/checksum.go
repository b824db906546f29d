// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"encoding/binary"
	"net/netip"
)

// Checksum is the form of the checksum over an advert in IPv4. RFC 5798 §5.2.8
// can be read either way, RFC 9568 §5.2.8 is clear, and both forms are on the
// wire: keepalived and FRR send and demand the pseudo-header.
type Checksum uint8

const (
	// ChecksumPseudoHeader covers an IPv4 pseudo-header and the message.
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

// sumIPv4Header adds up the pseudo-header of a message of that length.
func sumIPv4Header(source, destination netip.Addr, length int) uint32 {
	s, d := source.As4(), destination.As4()
	return sum(d[:], sum(s[:], uint32(Protocol)+uint32(length)))
}

// checksum computes the sum over a message whose checksum field is 0.
func checksum(message []byte, source, destination netip.Addr, form Checksum) uint16 {
	s := sum(message, 0)
	if form == ChecksumPseudoHeader {
		s += sumIPv4Header(source, destination, len(message))
	}
	return ^fold(s)
}

// verifyChecksum finds the form under which the sum over a received message
// holds. A sum of 16 bits is no security, so accepting both forms costs none.
func verifyChecksum(message []byte, m Meta) (Checksum, bool) {
	s := sum(message, 0)
	switch uint16(0xffff) {
	case fold(s + sumIPv4Header(m.Source, m.Destination, len(message))):
		return ChecksumPseudoHeader, true
	case fold(s):
		return ChecksumRFC9568, true
	}
	return 0, false
}
