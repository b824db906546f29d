// SPDX-License-Identifier: Apache-2.0

package vrrp

import "time"

// retryAddresses is how long a router waits in Initialize after its addresses
// could not be set, until it starts again. Each try interrupts the other nodes'
// election, so it is rare.
const retryAddresses = 30 * time.Second

// start is RFC 9568 §6.4.1's Startup event.
func (r *Router) start(now time.Time, fx []Effect) []Effect {
	if r.started {
		return fx
	}
	r.started = true
	if r.blocked != 0 {
		return fx
	}
	return r.startUp(now, fx)
}

// startUp leaves Initialize.
func (r *Router) startUp(now time.Time, fx []Effect) []Effect {
	r.interval = r.params.Interval
	r.notBefore = now.Add(r.params.StartDelay)
	if r.params.Priority == OwnerPriority { // (105)–(150): the owner does not ask
		return r.takeOver(now, Owner, fx)
	}
	return r.enterBackup(now, Started, fx) // (155)–(170)
}

// stop is the Shutdown event of §6.4.2 and §6.4.3.
func (r *Router) stop(now time.Time, fx []Effect) []Effect {
	r.started, r.resigned = false, false
	r.blocked, r.retry = r.blocked.without(AddressFailed), time.Time{}
	if r.drains() {
		fx = r.disown(fx)
	}
	r.draining = draining{expected: r.draining.expected}
	return r.shutDown(now, Stopped, true, fx)
}

// block adds a reason not to run.
func (r *Router) block(now time.Time, why Reason, fx []Effect) []Effect {
	r.blocked = r.blocked.with(why)
	r.draining.expected = r.draining.expected && why.heard()
	if !why.graceful() && !r.release.IsZero() || why == InterfaceMissing && r.drains() {
		fx = r.disown(fx) // nobody can reach the addresses here any more
	}
	fx = r.shutDown(now, why, why.graceful(), fx)
	if !why.heard() {
		r.farewell = farewell{}
	}
	return fx
}

// unblock takes a reason away. The last one starts the router, from §6.4.1 on.
func (r *Router) unblock(now time.Time, why Reason, fx []Effect) []Effect {
	if !r.blocked.has(why) {
		return fx
	}
	r.blocked = r.blocked.without(why)
	if why == AddressFailed {
		r.retry = time.Time{}
	}
	if r.blocked != 0 || !r.started {
		return fx
	}
	return r.startUp(now, fx)
}

// shutDown goes to Initialize. An Active gives up with priority 0; if it is
// graceful it keeps its addresses until the next Active has announced them.
func (r *Router) shutDown(now time.Time, why Reason, graceful bool, fx []Effect) []Effect {
	wasActive := r.state == Active
	if r.state == Initialize {
		return fx
	}
	if wasActive { // §6.4.3 (610): send an advert with priority 0
		fx = r.giveUp(now, fx)
	}
	fx = r.become(now, Initialize, why, fx)
	switch {
	case !wasActive:
	case graceful:
		r.release = now.Add(r.params.Interval + releaseMargin)
		if why == Maintenance {
			r.leaveOnPurpose()
		}
	default:
		fx = r.disown(fx)
	}
	return fx
}

// owned hears what became of the addresses.
func (r *Router) owned(now time.Time, result OwnResult, fx []Effect) []Effect {
	if r.state != Active {
		if r.drains() && (result == Failed || result == Expired) {
			return r.disown(fx)
		}
		return fx // the answer to a wish that has changed since
	}
	switch result {
	case Held:
		return r.beginAnnouncing(now, fx)
	case Added:
		return r.announceAdded(now, fx)
	case Expired:
		return r.expired(now, fx)
	}
	return r.giveUpAddresses(now, fx)
}

// expired handles addresses that the kernel removed. If our adverts went out in
// time, nobody has replaced us: only the renewal was late.
func (r *Router) expired(now time.Time, fx []Effect) []Effect {
	if now.Sub(r.lastSent) < missedAdverts*r.params.Interval {
		return append(fx, Own{Wanted: true})
	}
	fx = r.enterBackup(now, LeaseExpired, fx)
	return r.disown(fx)
}

// giveUpAddresses leaves an election that was won in vain: an Active without its
// addresses is a hole in the network.
func (r *Router) giveUpAddresses(now time.Time, fx []Effect) []Effect {
	fx = r.block(now, AddressFailed, fx)
	r.retry = now.Add(retryAddresses)
	return fx
}
