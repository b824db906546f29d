// SPDX-License-Identifier: Apache-2.0

package vrrp

// Reject says why an advert was discarded. The same word stands in the log, the
// metric, the status and the tests.
type Reject uint8

// The rejects stand in the order of the checks. Down to the checksum they need the
// packet alone (Parse); then the VRID finds the router; what follows is the
// router's (Step). RFC 9568 §7.1's order is kept.
const (
	// Accepted is the zero Reject: the advert is fine.
	Accepted Reject = iota
	// RejectTTL: the TTL is not 255, so the packet came through a router.
	RejectTTL
	// RejectVersion: neither version 3 nor, over IPv4, version 2; or not the
	// router's.
	RejectVersion
	// RejectType: not an ADVERTISEMENT.
	RejectType
	// RejectTruncated: shorter than its count of addresses says.
	RejectTruncated
	// RejectTooLong: longer than its count of addresses says.
	RejectTooLong
	// RejectHMAC: an advert with keepalived 2.4's HMAC trailer, which vipd does not
	// speak.
	RejectHMAC
	// RejectChecksum: wrong in both forms that are in use.
	RejectChecksum
	// RejectVRID: no router with this VRID on the interface.
	RejectVRID
	// RejectDestination: to the group for a unicast router, or the other way round
	// (§5.1.1.2).
	RejectDestination
	// RejectStranger: from none of a unicast router's peers.
	RejectStranger
	// RejectV2BesideV3: version 2 from a router whose version 3 is heard (§8.4.3).
	RejectV2BesideV3
	// RejectAuthType: version 2 with another authentication type (RFC 3768 §7.1).
	RejectAuthType
	// RejectPassword: version 2 with another password (RFC 2338 §7.1).
	RejectPassword
	// RejectCountZero: no address in it (erratum 8299).
	RejectCountZero
	// RejectIntervalZero: Max Advertise Interval 0 (erratum 8301).
	RejectIntervalZero
	// RejectInterval: version 2 with another interval (RFC 3768 §7.1).
	RejectInterval
	// RejectLinkLocal: over IPv6, and the first address is not link-local (erratum
	// 8300); only if the router is strict.
	RejectLinkLocal

	// RejectOvertaken: sent before the same router's priority 0, but arrived after.
	RejectOvertaken

	// NumRejects is the number of values.
	NumRejects
)

var rejectWords = [NumRejects]string{
	Accepted:           "accepted",
	RejectTTL:          "ttl",
	RejectVersion:      "version",
	RejectType:         "type",
	RejectTruncated:    "truncated",
	RejectTooLong:      "too-long",
	RejectHMAC:         "hmac",
	RejectChecksum:     "checksum",
	RejectVRID:         "unknown-vrid",
	RejectDestination:  "destination",
	RejectStranger:     "stranger",
	RejectV2BesideV3:   "v2-beside-v3",
	RejectAuthType:     "auth-type",
	RejectPassword:     "password",
	RejectCountZero:    "count-zero",
	RejectIntervalZero: "interval-zero",
	RejectLinkLocal:    "link-local",
	RejectInterval:     "interval",
	RejectOvertaken:    "overtaken",
}

func (r Reject) String() string {
	if r >= NumRejects {
		return "invalid"
	}
	return rejectWords[r]
}
