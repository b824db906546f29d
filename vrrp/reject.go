// SPDX-License-Identifier: Apache-2.0

package vrrp

// Reject says why an advert was discarded. The same word stands in the log, the
// metric, the status and the tests.
type Reject uint8

// The rejects stand in the order of the checks: RFC 9568 §7.1's, with the
// destination (§5.1.1.2) after the TTL.
const (
	// Accepted is the zero Reject: the advert is fine.
	Accepted Reject = iota
	// RejectTTL: the TTL is not 255, so the packet came through a router.
	RejectTTL
	// RejectDestination: not from an IPv4 address to the VRRP group.
	RejectDestination
	// RejectVersion: not version 3.
	RejectVersion
	// RejectType: not an ADVERTISEMENT.
	RejectType
	// RejectTruncated: shorter than its count of addresses says.
	RejectTruncated
	// RejectTooLong: longer than its count of addresses says.
	RejectTooLong
	// RejectChecksum: wrong in both forms that are in use.
	RejectChecksum
	// RejectVRID: no router with this VRID on the interface.
	RejectVRID
	// RejectCountZero: no address in it (erratum 8299).
	RejectCountZero
	// RejectIntervalZero: Max Advertise Interval 0 (erratum 8301).
	RejectIntervalZero

	// NumRejects is the number of values.
	NumRejects
)

var rejectWords = [NumRejects]string{
	Accepted:           "accepted",
	RejectTTL:          "ttl",
	RejectDestination:  "destination",
	RejectVersion:      "version",
	RejectType:         "type",
	RejectTruncated:    "truncated",
	RejectTooLong:      "too-long",
	RejectChecksum:     "checksum",
	RejectVRID:         "unknown-vrid",
	RejectCountZero:    "count-zero",
	RejectIntervalZero: "interval-zero",
}

func (r Reject) String() string {
	if r >= NumRejects {
		return "invalid"
	}
	return rejectWords[r]
}
