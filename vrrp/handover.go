// SPDX-License-Identifier: Apache-2.0

package vrrp

import "time"

// This file is what vipd adds to RFC 9568 §6.4.2: an Active whose check fails
// lowers its priority, and by the RFC the Backups would still wait for
// Active_Down_Interval, or without Preempt_Mode for ever.

// judgeFollowed sees whether the followed Active has resigned. That is a level,
// not an edge: it becomes true, too, when our own check recovers later, and is
// taken back when our own priority falls.
func (r *Router) judgeFollowed(now time.Time) {
	switch resigned := r.hasResigned(); {
	case resigned && r.down.resigned.IsZero():
		r.down.resigned = now
	case !resigned && !r.down.resigned.IsZero():
		r.down.resigned = time.Time{}
	}
	if r.followed.priority >= r.priority && r.followed.heard.After(r.down.from) {
		// Its last advert would be accepted by now, so it counts as accepted.
		r.interval = r.followed.interval
		r.down = downTimer{from: r.followed.heard, adverts: missedAdverts, lost: r.down.lost}
	}
}

// hasResigned reports whether the followed Active advertises less than it did,
// and less than we would. Preempt, PreemptDelay and StartDelay have no say.
func (r *Router) hasResigned() bool {
	return r.params.Handover == HandoverFast &&
		r.followed.priority < r.followed.highest &&
		r.followed.priority < r.priority
}
