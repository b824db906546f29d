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
	Priority uint8         // 1–254, or OwnerPriority
	Interval time.Duration // Advertisement_Interval, MinInterval–MaxInterval, in centiseconds

	// Preempt is Preempt_Mode: take over from an Active of lower priority.
	Preempt bool
	// PreemptDelay is for how long an Active of lower priority is let alone.
	PreemptDelay time.Duration
	// StartDelay is for how long after its start a router does not take over
	// because it hears nothing.
	StartDelay time.Duration
	// Handover says whether a lowered priority is a resignation.
	Handover Handover

	// Addresses are the advertised virtual addresses, in the order of the packet.
	Addresses []netip.Addr

	// Announce holds the times, from the moment the addresses are set, at which
	// they are announced; ascending.
	Announce []time.Duration
	// Refresh is the period of announcements after that; 0: none.
	Refresh time.Duration
}

// Handover says how a Backup takes an Active's lowered priority.
type Handover uint8

const (
	// HandoverFast takes it for a resignation: Skew_Time is enough.
	HandoverFast Handover = iota
	// HandoverRFC waits for Active_Down_Interval, and without Preempt for ever.
	HandoverRFC
)
