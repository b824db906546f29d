// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// receive is the second half of RFC 9568 §7.1, and the way into §6.4. A rejected
// advert is counted and changes nothing.
func (r *Router) receive(now time.Time, in Received, fx []Effect) []Effect {
	if reject := refuse(in.Advert); reject != Accepted {
		r.counters.Rejected[reject]++
		return append(fx, refusals[reject])
	}
	r.counters.AdvertsReceived++
	if in.Advert.Priority == 0 {
		r.counters.PriorityZeroReceived++
	}
	if !r.release.IsZero() {
		r.receiveReleasing(now, in.Advert)
	}
	switch r.state {
	case Backup:
		fx = r.compare(in.Advert, fx)
		r.receiveBackup(now, in.Advert, in.Source)
	case Active:
		fx = r.compare(in.Advert, fx)
		fx = r.receiveActive(now, in.Advert, in.Source, fx)
	}
	return fx // §6.4.1: adverts are ignored in Initialize
}

// refuse is the checks of §7.1 that come after the VRID's.
func refuse(a Advert) Reject {
	switch {
	case len(a.Addresses) == 0:
		return RejectCountZero
	case a.Interval == 0:
		return RejectIntervalZero
	}
	return Accepted
}

// compare notices what should be the same on all routers of a VRID, but need not
// be (§7.1): dropping such adverts would make two Actives.
func (r *Router) compare(a Advert, fx []Effect) []Effect {
	if a.Interval != r.params.Interval {
		fx = r.notice(IntervalDiffers, fx)
	}
	if !r.sameAddresses(a.Addresses) {
		fx = r.notice(AddressesDiffer, fx)
	}
	return fx
}

// sameAddresses compares lists as sets: their order says nothing (§5.2.9).
func (r *Router) sameAddresses(addresses []netip.Addr) bool {
	if len(addresses) != len(r.params.Addresses) {
		return false
	}
	for _, address := range addresses {
		if !r.advertised[address] {
			return false
		}
	}
	return true
}

func (r *Router) notice(kind NoticeKind, fx []Effect) []Effect {
	r.counters.Noticed[kind]++
	return append(fx, notices[kind])
}
