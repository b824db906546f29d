// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// A daemon that crashed and is back at once finds its addresses still there.
// The standby has not moved, so nothing need happen at all.

const (
	// resumeMinInterval: below it there is no time to come back in after a crash.
	resumeMinInterval = 500 * time.Millisecond
	// handOffMinInterval is the same after a hand-off, which begins with an advert.
	handOffMinInterval = 200 * time.Millisecond
	// resumeMargin is kept from the time at which a Backup takes over.
	resumeMargin = 250 * time.Millisecond
	// neverResume is an age that nothing can be resumed at.
	neverResume = -1
	// resumeListen is how long a resuming router listens before its first advert.
	resumeListen = 50 * time.Millisecond
)

// Resumable reports whether a router may resume at all. An owner need not, and at very
// short intervals there is no time to.
func (p *Params) Resumable() bool {
	return p.Priority != OwnerPriority && p.Interval >= handOffMinInterval
}

// resume starts a router whose addresses were last renewed that long ago.
func (r *Router) resume(now time.Time, in Resume, fx []Effect) []Effect {
	if r.started {
		return fx
	}
	if !r.canResume(in) {
		return r.start(now, r.disown(fx))
	}
	r.started = true
	r.blocked = 0 // of what canResume overlooks
	fx = r.become(now, Active, Resumed, fx)
	r.lastSent = now.Add(-in.Age)
	r.confirm = now.Add(resumeListen)
	return append(fx, Own{Wanted: true})
}

// canResume reports whether no Backup can have taken over yet. An unknown verdict
// does not hold a resumed router back, nor one of another member of its group.
func (r *Router) canResume(in Resume) bool {
	return r.blocked.without(AwaitingChecks).without(GroupMember) == 0 && r.release.IsZero() &&
		r.params.Resumable() &&
		(in.HandedOff || r.params.Interval >= resumeMinInterval) &&
		in.Age > neverResume && in.Age < missedAdverts*r.params.Interval-resumeMargin
}

// confirmResume sends the first advert: nobody else has taken over.
func (r *Router) confirmResume(now time.Time, fx []Effect) []Effect {
	r.confirm = time.Time{}
	fx = r.sendAdvert(now, fx)
	return r.beginAnnouncing(now, fx)
}

// loseResume goes to Backup because somebody else is Active already.
func (r *Router) loseResume(now time.Time, a *Advert, source netip.Addr, fx []Effect) []Effect {
	fx = r.enterBackup(now, ResumedTooLate, fx)
	fx = r.disown(fx)
	r.receiveBackup(now, a, source)
	return fx
}

// contested hears that another host answers for an address.
func (r *Router) contested(now time.Time, fx []Effect) []Effect {
	if r.confirm.IsZero() {
		return fx
	}
	fx = r.enterBackup(now, ResumedTooLate, fx)
	return r.disown(fx)
}
