// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// OwnerPriority is the priority of the router that owns the addresses, and of no
// other (RFC 9568 §5.2.4).
const OwnerPriority = 255

// Params is a virtual router's configuration. It is checked where it is read:
// NewRouter takes what it is given.
type Params struct {
	VRID     uint8         // 1–255
	Version  Version       // VRRPv3, unless said otherwise
	Priority uint8         // 1–254, or OwnerPriority
	Interval time.Duration // Advertisement_Interval, MinInterval–MaxInterval, in centiseconds; VRRPv2: 1–255 s

	// Addresses are the advertised virtual addresses, all of one family, in the
	// order of the packet. Over IPv6 the first is link-local (§5.2.9).
	Addresses []netip.Addr
	// DerivedLinkLocal: the first address is one that the configuration does not have.
	// It is left out towards routers whose adverts have none.
	DerivedLinkLocal bool

	// Peers are the other routers of a unicast router; none: multicast.
	Peers []netip.Addr
	// Checksum is the form that is sent over IPv4. ChecksumAuto: the pseudo-header,
	// until three accepted adverts in a row show the other.
	Checksum ChecksumPolicy
	// Auth goes with VRRPv2.
	Auth Auth
	// Strict discards IPv6 adverts whose first address is not link-local.
	Strict bool

	// Preempt is Preempt_Mode: take over from an Active of lower priority.
	Preempt bool
	// PreemptDelay is for how long an Active of lower priority is let alone.
	PreemptDelay time.Duration
	// StartDelay is for how long after its start a router does not take over
	// because it hears nothing.
	StartDelay time.Duration
	// Handover says whether a lowered priority is a resignation.
	Handover Handover
	// Probe asks the Active's host when an advert is overdue: Follow, Doubt, HostLost.
	Probe bool

	// Drain is for how long established connections are kept after a planned
	// switchover; 0: they are not. It is the same on all routers.
	Drain time.Duration

	// Announce holds the times, from the moment the addresses are set, at which
	// they are announced; ascending.
	Announce []time.Duration
	// Refresh is the period of announcements after that; 0: none.
	Refresh time.Duration
}

// Version says which versions of VRRP a router speaks.
type Version uint8

const (
	// Version3 is VRRPv3 alone.
	Version3 Version = iota
	// Version2 is VRRPv2 alone, over IPv4.
	Version2
	// VersionBoth is both, over IPv4, for a migration (§8.4).
	VersionBoth
)

// String is the word of the configuration.
func (v Version) String() string {
	switch v {
	case Version3:
		return "3"
	case Version2:
		return "2"
	case VersionBoth:
		return "both"
	}
	return "invalid"
}

// speaks reports whether adverts of that version are the router's.
func (v Version) speaks(version uint8) bool {
	return v == VersionBoth || v == Version3 && version == 3 || v == Version2 && version == 2
}

// ChecksumPolicy says which form of the checksum is sent.
type ChecksumPolicy uint8

const (
	// ChecksumAuto begins with the pseudo-header, and learns.
	ChecksumAuto ChecksumPolicy = iota
	// ChecksumFixedPseudoHeader and ChecksumFixedRFC9568 do not.
	ChecksumFixedPseudoHeader
	ChecksumFixedRFC9568
)

// Handover says how a Backup takes an Active's lowered priority.
type Handover uint8

const (
	// HandoverFast takes it for a resignation: Skew_Time is enough.
	HandoverFast Handover = iota
	// HandoverRFC waits for Active_Down_Interval, and without Preempt for ever.
	HandoverRFC
)

// ipv4 reports the family.
func (p *Params) ipv4() bool { return p.Addresses[0].Is4() }

// group is the multicast address of the family.
func (p *Params) group() netip.Addr {
	if p.ipv4() {
		return GroupIPv4
	}
	return GroupIPv6
}
