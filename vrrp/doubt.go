// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// This file is what vipd adds to RFC 9568 §6.4.2 where the Active's host may be gone:
// three missed adverts are a slow way to learn that. A router says whom it follows and
// when that one is overdue; a HostWatch asks the host; and if nobody answers, Skew_Time
// is enough.

// doubtMargin is how much later than expected an advert may come before its sender is
// in doubt; at short intervals it is a tenth of the interval.
const doubtMargin = 40 * time.Millisecond

// following is the Active whose host is asked; zero: nobody's.
func (r *Router) following() netip.Addr {
	if !r.params.Probe {
		return netip.Addr{}
	}
	return r.followed.source
}

// tellFollowing says that another Active is followed, or none any more.
func (r *Router) tellFollowing(fx []Effect) []Effect {
	if following := r.following(); following != r.told {
		r.told = following
		fx = append(fx, Follow{following})
	}
	return fx
}

// doubtAt is when the followed Active's host should be asked: its next advert, or the
// one after the last doubt, is overdue. Zero: never, because no answer would make us
// Active any sooner.
func (r *Router) doubtAt() time.Time {
	f := &r.followed
	if !r.following().IsValid() || f.doubts+1 >= missedAdverts {
		return time.Time{}
	}
	at := f.heard.Add(time.Duration(f.doubts+1)*f.interval + min(doubtMargin, f.interval/10))
	if !at.Add(HostPatience + r.skew()).Before(r.downDeadline()) {
		return time.Time{}
	}
	return at
}

// doubt says that an advert is overdue. Several of them are, if the Tick is late; if it
// is so late that the timer is out, there is nothing to ask for.
func (r *Router) doubt(now time.Time, fx []Effect) []Effect {
	before := r.followed.doubts
	for due(r.doubtAt(), now) {
		r.followed.doubts++
	}
	if r.followed.doubts == before || due(r.downDeadline(), now) {
		return fx
	}
	return append(fx, Doubt{})
}

// hostLost makes Skew_Time enough. Any advert from an Active takes it back, and so does
// an answer.
func (r *Router) hostLost(now time.Time, source netip.Addr) {
	if source.IsValid() && source == r.following() && r.down.lost.IsZero() {
		r.down.lost = now
	}
}

// hostBack goes on with the patience that there was before.
func (r *Router) hostBack(source netip.Addr) {
	if source == r.following() {
		r.down.lost = time.Time{}
	}
}
