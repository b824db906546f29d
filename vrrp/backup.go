// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// downTimer is RFC 9568 §6.1's Active_Down_Timer: not a time, but the facts that
// it follows from, so that a changed priority or interval changes it too.
type downTimer struct {
	from     time.Time // when it was set; zero: it is off
	adverts  int       // how many intervals to wait before the skew
	resigned time.Time // since when the followed Active has resigned; zero: it has not
	lost     time.Time // since when its host is lost; zero: it is not, or was not asked
	offered  time.Time // we have resigned, and until then somebody may take over; zero: nobody need
}

// followed is the Active that a Backup accepted adverts of, or is about to
// preempt.
type followed struct {
	source   netip.Addr
	interval time.Duration
	priority uint8     // advertised last
	highest  uint8     // the highest it advertised since we follow it
	heard    time.Time // its last advert
	doubts   int       // how many of those after it we missed aloud
}

// enterBackup goes to Backup and waits for Active_Down_Interval (§6.4.1, §6.4.3).
func (r *Router) enterBackup(now time.Time, why Reason, fx []Effect) []Effect {
	fx = r.become(now, Backup, why, fx)
	r.down = downTimer{from: now, adverts: missedAdverts}
	return fx
}

// downDeadline is when the Active_Down_Timer fires.
func (r *Router) downDeadline() time.Time {
	if r.down.from.IsZero() {
		return time.Time{}
	}
	skew := r.skew()
	deadline := r.down.from.Add(time.Duration(r.down.adverts)*r.interval + skew)
	if r.down.adverts > 0 && deadline.Before(r.notBefore) {
		deadline = r.notBefore
	}
	for _, sooner := range [...]time.Time{r.down.resigned, r.down.lost} {
		if !sooner.IsZero() {
			deadline = earliest(deadline, sooner.Add(skew))
		}
	}
	return earliest(deadline, r.down.offered)
}

// skew is our Skew_Time. In VRRPv2 it does not depend on the interval (RFC 3768
// §6.1).
func (r *Router) skew() time.Duration {
	if r.params.Version == Version2 {
		return SkewTime(r.priority, time.Second)
	}
	return SkewTime(r.priority, r.interval)
}

// receiveBackup is RFC 9568 §6.4.2, upon receipt of an ADVERTISEMENT.
func (r *Router) receiveBackup(now time.Time, a *Advert, source netip.Addr) {
	if a.Priority == 0 { // (345): the Active gives up; Skew_Time is enough
		r.activeStopped(now, source)
		return
	}
	r.follow(now, a, source)
	r.down.lost, r.down.offered = time.Time{}, time.Time{}
	if r.accepts(now, a.Priority) { // (355)–(385)
		r.interval = a.Interval
		r.down.from, r.down.adverts = now, missedAdverts
	} // else (390): discard; the timer goes on
	r.judgeFollowed(now)
}

// activeStopped sets the timer to Skew_Time. Beyond the RFC's letter, priority 0
// said twice does not make it longer, or a forger could put off the takeover for
// ever; and it counts only from the Active that we follow, if we do: the next one
// may be heard before the last one's farewell is over. While our own resignation is
// open there is no Active that could.
func (r *Router) activeStopped(now time.Time, source netip.Addr) {
	if r.down.adverts == 0 || r.followed.source.IsValid() && r.followed.source != source || !r.down.offered.IsZero() {
		return
	}
	r.down, r.resigned = downTimer{from: now}, false
}

// activeHasStopped reports whether the Active has given up, and nobody was heard since.
func (r *Router) activeHasStopped() bool {
	return r.state == Backup && r.down.adverts == 0 && !r.down.from.IsZero()
}

// accepts reports whether an Active of that priority is let be. Of equal
// priority it is, whatever its address: addresses are compared by Actives only.
func (r *Router) accepts(now time.Time, priority uint8) bool {
	if priority >= r.priority {
		r.preemptAt = time.Time{}
		return true
	}
	if r.priority == OwnerPriority { // §6.1: an owner preempts always
		return false
	}
	if !r.params.Preempt || r.resigned {
		return true
	}
	if r.preemptAt.IsZero() {
		r.preemptAt = now.Add(r.params.PreemptDelay)
	}
	return now.Before(r.preemptAt)
}

// follow remembers who the Active is, and how much of its priority it has lost.
func (r *Router) follow(now time.Time, a *Advert, source netip.Addr) {
	highest := a.Priority
	if r.followed.source == source {
		highest = max(highest, r.followed.highest)
	}
	r.followed = followed{source, a.Interval, a.Priority, highest, now, 0}
}

// whyTakeOver tells which of the ways to become Active it was.
func (r *Router) whyTakeOver() Reason {
	switch {
	case !r.down.offered.IsZero():
		return NobodyTookOver
	case !r.down.resigned.IsZero():
		return ActiveResigned
	case r.down.adverts == 0:
		return ActiveStopped
	case !r.down.lost.IsZero():
		return ActiveHostLost
	case r.followed.heard.After(r.down.from):
		return ActiveLower // it was heard since, and did not move the timer
	}
	return ActiveDown
}
