// SPDX-License-Identifier: Apache-2.0

package vrrp

import "time"

// A router that leaves Active on purpose still answers on its addresses until
// the next Active has announced them: make before break. Removing them first
// costs a whole Skew_Time.

const (
	// releaseMargin is added to the interval for which a router that stops waits
	// for the next Active: Skew_Time is shorter than the interval.
	releaseMargin = 100 * time.Millisecond
	// settleBase and settlePerAddress is how long the next Active takes from its
	// advert until its addresses are set and announced.
	settleBase       = 50 * time.Millisecond
	settlePerAddress = 100 * time.Microsecond
)

// settleTime is how long the addresses are kept after the next Active's advert.
func (r *Router) settleTime() time.Duration {
	return settleBase + time.Duration(len(r.params.Addresses))*settlePerAddress
}

// receiveReleasing hears an advert while releasing: the next Active is there.
func (r *Router) receiveReleasing(now time.Time, a Advert) {
	if a.Priority > 0 {
		r.release = earliest(r.release, now.Add(r.settleTime()))
	}
}

// endRelease lets the addresses go.
func (r *Router) endRelease(fx []Effect) []Effect {
	r.release = time.Time{}
	return append(fx, Own{Wanted: false})
}
