// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// Status is a router as people see it: a value, and a copy.
type Status struct {
	State  State
	Phase  Phase
	Since  time.Time // of the state, by the clock that Step is given
	Reason Reason    // for the state

	// Blocked lists what keeps the router in Initialize.
	Blocked  []Reason
	Priority uint8 // effective
	Owns     bool  // wants its addresses set

	// Active is the Active router that a Backup hears. Its Source is zero when
	// none was heard.
	Active struct {
		Source   netip.Addr
		Priority uint8
		Interval time.Duration
		Heard    time.Time
	}
	// Resigned: whoever took over is not preempted.
	Resigned bool
	// Successor is who took over when the router left Active last. Zero: nobody did,
	// or it never left.
	Successor netip.Addr
	// DrainEnds is when a draining router lets its connections go. Zero: it does not drain.
	DrainEnds time.Time
	// PassesTo is the Active before, to which segments of its connections are passed on;
	// while they move, the next one.
	PassesTo netip.Addr
	// TakeOver is when a Backup becomes Active if nothing else is heard.
	TakeOver time.Time

	Counters Counters
}

// Counters count since the router was made.
type Counters struct {
	AdvertsSent          uint64
	AdvertsReceived      uint64 // without the rejected ones
	PriorityZeroSent     uint64
	PriorityZeroReceived uint64
	BecameActive         uint64
	Announced            uint64
	Rejected             [NumRejects]uint64
	Noticed              [NumNotices]uint64
}

// Status returns the router's status.
func (r *Router) Status() Status {
	s := Status{
		State: r.state, Phase: r.phase(), Since: r.since, Reason: r.reason,
		Blocked: r.blocked.list(), Priority: r.priority, Owns: r.owns(),
		Resigned: r.resigned, Successor: r.successor,
		DrainEnds: r.draining.ends,
		TakeOver:  r.downDeadline(), Counters: r.counters,
	}
	if r.passes() {
		s.PassesTo = r.passing.to
	}
	if r.state == Backup {
		s.Active.Source, s.Active.Priority = r.followed.source, r.followed.priority
		s.Active.Interval, s.Active.Heard = r.followed.interval, r.followed.heard
	}
	return s
}

// State returns the state alone.
func (r *Router) State() State { return r.state }

// owns is the invariant: the addresses are wanted exactly then.
func (r *Router) owns() bool { return r.state == Active || !r.release.IsZero() || r.drains() }

func (r *Router) phase() Phase {
	switch {
	case !r.release.IsZero():
		return Releasing
	case r.drains():
		return Draining
	case !r.confirm.IsZero():
		return Resuming
	}
	return Settled
}
