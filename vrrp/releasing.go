// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// A router that leaves Active on purpose still answers on its addresses until
// the next Active has announced them: make before break. Removing them first
// costs a whole Skew_Time. Once the next Active must have its addresses, a releasing
// router is silent: a host that asked both of us might follow the wrong one.

const (
	// releaseMargin is added to the interval for which a router that stops waits
	// for the next Active: Skew_Time is shorter than the interval.
	releaseMargin = 100 * time.Millisecond
	// silenceBase and settleBase are how long after the next Active's advert its
	// addresses are set, and hosts have been told twice; both with settlePerAddress
	// for each. The announcement in between puts right what hosts have learned from
	// both, while both still serve.
	silenceBase      = 10 * time.Millisecond
	settleBase       = 50 * time.Millisecond
	settlePerAddress = 100 * time.Microsecond
)

// farewell is priority 0 said more than once: one packet may be lost, and then the
// next Active would wait for Active_Down_Interval. It is a short burst, because
// each one sets some peers' timers anew.
type farewell struct {
	next time.Time // zero: all is said
	left int
}

const (
	farewells   = 3
	farewellGap = 2 * time.Millisecond
)

// giveUp sends priority 0, the first of them.
func (r *Router) giveUp(now time.Time, fx []Effect) []Effect {
	r.farewell, r.successor = farewell{left: farewells}, netip.Addr{}
	return r.sayFarewell(now, fx)
}

func (r *Router) sayFarewell(now time.Time, fx []Effect) []Effect {
	r.farewell.left--
	r.farewell.next = time.Time{}
	if r.farewell.left > 0 {
		r.farewell.next = now.Add(farewellGap)
	}
	r.counters.PriorityZeroSent++
	return append(fx, sends[0])
}

// standDown goes from Active to Backup because another member of the group is not
// Active any more.
func (r *Router) standDown(now time.Time, fx []Effect) []Effect {
	if !r.confirm.IsZero() { // nobody has heard of us yet
		fx = r.enterBackup(now, GroupLeft, fx)
		return r.disown(fx)
	}
	fx = r.giveUp(now, fx)
	fx = r.enterBackup(now, GroupLeft, fx)
	r.release = now.Add(r.params.Interval + releaseMargin)
	return fx
}

// receiveReleasing hears an advert while releasing: the next Active is there.
func (r *Router) receiveReleasing(now time.Time, a *Advert, source netip.Addr, fx []Effect) []Effect {
	if a.Priority == 0 {
		return fx
	}
	r.farewell = farewell{} // it has been heard
	if !r.successor.IsValid() {
		r.draining.expected = r.params.Drain > 0
	}
	return r.succeeded(now, a, source, fx)
}

// succeeded sets when a releasing router falls silent and lets go, from the next
// Active's first advert on. One that will drain reports, and passes to it, from then on.
// Of several that took over, the one that wins the election is the successor.
func (r *Router) succeeded(now time.Time, a *Advert, source netip.Addr, fx []Effect) []Effect {
	wins := a.Priority > r.successorPriority || a.Priority == r.successorPriority && source.Compare(r.successor) > 0
	if wins || !r.successor.IsValid() {
		r.successor, r.successorPriority = source, a.Priority
	}
	if r.draining.planned && r.draining.report.IsZero() {
		r.draining.report, r.draining.expected = now, true
		fx = r.passAhead(now, fx)
	}
	perAddress := time.Duration(len(r.params.Addresses)) * settlePerAddress
	end := now.Add(settleBase + perAddress)
	if r.release.IsZero() || end.Before(r.release) {
		r.release, r.silence = end, now.Add(silenceBase+perAddress)
	}
	return fx
}

// fallSilent leaves the answers to the next Active.
func (r *Router) fallSilent(fx []Effect) []Effect {
	r.silence = time.Time{}
	return append(fx, Silence{})
}
