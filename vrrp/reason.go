// SPDX-License-Identifier: Apache-2.0

package vrrp

// Reason says why a router changed its state, or why it may not run. The same
// word stands in the log, the metric, the status and the tests.
type Reason uint8

// Reasons for a transition.
const (
	NoReason Reason = iota
	// Started: the router was started, §6.4.1.
	Started
	// Owner: the router owns its addresses (priority 255) and starts as Active, §6.4.1.
	Owner
	// Stopped: the router was told to stop, a Shutdown event.
	Stopped
	// ActiveDown: no advert came for Active_Down_Interval, §6.4.2.
	ActiveDown
	// ActiveStopped: the Active gave up with priority 0, §6.4.2.
	ActiveStopped
	// ActiveResigned: the Active lowered its priority below ours.
	ActiveResigned
	// ActiveHostLost: the Active's host answers no question any more.
	ActiveHostLost
	// ActiveLower: the Active's priority is below ours, and we preempt, §6.4.2.
	ActiveLower
	// HigherPriority: another Active has a higher priority, §6.4.3.
	HigherPriority
	// HigherAddress: another Active has the same priority and a higher address, §6.4.3.
	HigherAddress
	// Resumed: the addresses were still there after a crash, and nobody else's.
	Resumed
	// ResumedTooLate: somebody else took over before a crashed router was back.
	ResumedTooLate
	// Overslept: the daemon slept for so long that it may have been replaced.
	Overslept
	// GroupLeft: another member of the group lost an election.
	GroupLeft
	// LeaseExpired: the kernel removed the addresses because no advert renewed them.
	LeaseExpired

	// Resigned: somebody asked the Active to give up.
	Resigned
	// NobodyTookOver: it did, and no other router wanted to be Active.
	NobodyTookOver

	// The reasons from here on keep a router in Initialize.

	// InterfaceMissing: the interface does not exist.
	InterfaceMissing
	// LinkDown: the interface has no carrier or is set down.
	LinkDown
	// NoSourceAddress: the interface has no address to send adverts from.
	NoSourceAddress
	// NoSocket: adverts can't be received on the interface, or not be sent.
	NoSocket
	// AddressFailed: the virtual addresses could not be set.
	AddressFailed
	// AwaitingChecks: the first verdicts of the checks are not there yet.
	AwaitingChecks
	// CheckFailed: a check whose penalty is `fault` fails.
	CheckFailed
	// GroupMember: another member of the group may not run.
	GroupMember
	// Maintenance: somebody asked for it.
	Maintenance
	// InternalError: the router met a case that can't be. See the log.
	InternalError

	numReasons
)

var reasonWords = [numReasons]string{
	NoReason:         "",
	Started:          "started",
	Owner:            "owner",
	Stopped:          "stopped",
	ActiveDown:       "active-down",
	ActiveStopped:    "active-stopped",
	ActiveResigned:   "active-resigned",
	ActiveHostLost:   "active-host-lost",
	ActiveLower:      "active-lower",
	HigherPriority:   "higher-priority",
	HigherAddress:    "higher-address",
	Resumed:          "resumed",
	ResumedTooLate:   "resumed-too-late",
	Overslept:        "overslept",
	GroupLeft:        "group-left",
	LeaseExpired:     "lease-expired",
	Resigned:         "resigned",
	NobodyTookOver:   "nobody-took-over",
	InterfaceMissing: "interface-missing",
	LinkDown:         "link-down",
	NoSourceAddress:  "no-source-address",
	NoSocket:         "no-socket",
	AddressFailed:    "address-failed",
	AwaitingChecks:   "awaiting-checks",
	CheckFailed:      "check-failed",
	GroupMember:      "group-member",
	Maintenance:      "maintenance",
	InternalError:    "internal-error",
}

func (r Reason) String() string {
	if r >= numReasons {
		return "invalid"
	}
	return reasonWords[r]
}

// graceful reports whether a router that is blocked for this reason can still
// answer on its addresses, so that it keeps them until the next Active has them.
func (r Reason) graceful() bool {
	return r == Maintenance || r == CheckFailed || r == GroupMember
}

// heard reports whether a router that is blocked for this reason can still say so.
func (r Reason) heard() bool {
	return r != InterfaceMissing && r != LinkDown && r != NoSourceAddress
}

// reasonSet is a set of reasons.
type reasonSet uint32

func (s reasonSet) with(r Reason) reasonSet    { return s | 1<<r }
func (s reasonSet) without(r Reason) reasonSet { return s &^ (1 << r) }
func (s reasonSet) has(r Reason) bool          { return s&(1<<r) != 0 }

func (s reasonSet) list() []Reason {
	var list []Reason
	for r := NoReason; r < numReasons; r++ {
		if s.has(r) {
			list = append(list, r)
		}
	}
	return list
}
