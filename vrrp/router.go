// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"net/netip"
	"time"
)

// Router is one virtual router on one interface, for one address family. It is
// not safe for concurrent use.
//
// It owns its addresses exactly while it is Active, releasing or draining.
type Router struct {
	params Params

	state  State
	since  time.Time // of the state
	reason Reason    // for the state

	started bool
	blocked reasonSet
	grouped bool // the group decides on the takeover
	// tieElsewhere: another member of the group decides between equal priorities.
	tieElsewhere bool
	priority     uint8      // effective
	lowered      bool       // by something that fails here
	source       netip.Addr // the interface's primary address

	// interval is the Active_Adver_Interval: our own at first, then learned.
	interval time.Duration

	down      downTimer
	followed  followed
	told      netip.Addr // whom we follow, as Follow has it
	preemptAt time.Time  // an Active of lower priority is let alone until then
	notBefore time.Time  // start_delay: silence is no reason to take over until then

	advert   time.Time // Adver_Timer: the next advert is due
	repeat   time.Time // the last advert is due once more
	lastSent time.Time // of the last advert as Active
	heard    time.Time // when an advert was accepted last
	answered time.Time // when an advert was last sent in answer to a losing one
	announce announcements

	outgoing []outgoing
	version3 lastHeard // in a migration
	goodbyes goodbyes  // of others
	farewell farewell  // ours

	resigned bool // on demand: whoever took over is not preempted

	successor         netip.Addr // who took over when we gave up last
	successorPriority uint8

	release  time.Time // releasing: the addresses go then
	silence  time.Time // releasing: they are not answered for any more
	draining draining
	passing  passing

	confirm time.Time // resuming: the first advert goes then
	retry   time.Time // AddressFailed: try again then

	advertised map[netip.Addr]bool // Params.Addresses as a set
	counters   Counters
}

// NewRouter returns a router in Initialize that waits for Start.
func NewRouter(p Params) *Router {
	return &Router{
		params: p, priority: p.Priority, interval: p.Interval,
		advertised: addressSet(p.Addresses), outgoing: newOutgoing(&p),
	}
}

// Step gives the router an input, and appends to fx what it wants done. It never
// blocks. Deadlines are acted on by Tick alone, so that the caller can first give
// what it has queued. It panics on an input that is none of the set.
func (r *Router) Step(now time.Time, in Input, fx []Effect) []Effect {
	return r.tellFollowing(r.step(now, in, fx))
}

// step is Step without Follow.
func (r *Router) step(now time.Time, in Input, fx []Effect) []Effect {
	switch in := in.(type) {
	case Start:
		return r.start(now, fx)
	case Stop:
		return r.stop(now, fx)
	case Received:
		return r.receive(now, &in, fx)
	case Tick:
		return r.tick(now, fx)
	case Priority:
		return r.setPriority(now, in.Effective, fx)
	case Block:
		return r.block(now, in.Reason, fx)
	case Unblock:
		return r.unblock(now, in.Reason, fx)
	case Source:
		r.source = in.Address
		return fx
	case Owned:
		return r.owned(now, in.Result, fx)
	case Drained:
		return r.drained(fx)
	case Passed:
		r.inherit(now, in.To)
		return fx
	case Resume:
		return r.resume(now, in, fx)
	case Contested:
		return r.contested(now, fx)
	case Woke:
		return r.woke(now, fx)
	case HostLost:
		r.hostLost(now, in.Source)
		return fx
	case HostBack:
		r.hostBack(in.Source)
		return fx
	case Reconfigure:
		r.reconfigure(now, in.Params)
		return fx
	case Resign:
		return r.resign(now, fx)
	case Reclaim:
		r.resigned = false
		return fx
	}
	panic("vrrp: unknown input") // formatting it would move every input to the heap
}

// Deadline is when the next Tick is due. Zero: there is nothing to wait for.
func (r *Router) Deadline() time.Time {
	next := earliest(earliest(r.release, r.silence), earliest(r.farewell.next, r.retry))
	next = earliest(next, earliest(r.passing.ends, earliest(r.draining.report, r.draining.ends)))
	switch r.state {
	case Backup:
		next = earliest(next, r.doubtAt())
		if !r.grouped {
			next = earliest(next, r.downDeadline())
		}
	case Active:
		next = earliest(next, r.confirm)
		next = earliest(next, r.advert)
		next = earliest(next, r.repeat)
		next = earliest(next, r.announce.next)
	}
	return next
}

// tick acts on every deadline that has come.
func (r *Router) tick(now time.Time, fx []Effect) []Effect {
	if due(r.farewell.next, now) {
		fx = r.sayFarewell(now, fx)
	}
	if due(r.silence, now) {
		fx = r.fallSilent(fx)
	}
	if due(r.release, now) && r.down.offered.IsZero() {
		fx = r.letGo(now, fx)
	}
	fx = r.tickDrain(now, fx)
	switch r.state {
	case Initialize:
		if due(r.retry, now) {
			fx = r.unblock(now, AddressFailed, fx)
		}
	case Backup:
		if !r.grouped && due(r.downDeadline(), now) {
			return r.takeOver(now, r.whyTakeOver(), fx)
		}
		fx = r.doubt(now, fx)
	case Active:
		fx = r.tickActive(now, fx)
	}
	return fx
}

// become is the only writer of the state.
func (r *Router) become(now time.Time, to State, why Reason, fx []Effect) []Effect {
	if to == r.state || to > Active {
		panic(fmt.Sprintf("vrrp: transition from %v to %v (%v)", r.state, to, why))
	}
	fx = append(fx, Transition{From: r.state, To: to, Reason: why})
	if r.state == Active || to == Active {
		r.draining = draining{}
	}
	r.state, r.since, r.reason = to, now, why
	r.down, r.followed, r.preemptAt = downTimer{}, followed{}, time.Time{}
	r.advert, r.repeat, r.confirm, r.retry = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	r.answered, r.announce = time.Time{}, announcements{}
	if to == Active {
		r.farewell, r.resigned = farewell{}, false
		r.counters.BecameActive++
	}
	return fx
}

// setPriority takes a new effective priority. An Active advertises it at once,
// so that the others need not wait for the next advert to act on it.
func (r *Router) setPriority(now time.Time, effective uint8, fx []Effect) []Effect {
	if !r.grouped {
		r.lowered = effective < r.params.Priority
	}
	if effective == r.priority || r.params.Priority == OwnerPriority {
		return fx
	}
	r.priority = effective
	switch {
	case r.state == Backup:
		r.judgeFollowed(now)
	case r.state == Active && r.confirm.IsZero():
		return r.sendTwice(now, fx)
	}
	return fx
}

// woke handles a daemon that slept. An Active whose adverts stopped for as long
// as a Backup waits has been replaced, or is about to be: it listens first.
func (r *Router) woke(now time.Time, fx []Effect) []Effect {
	if r.state != Active || now.Sub(r.lastSent) < missedAdverts*r.params.Interval {
		return fx
	}
	fx = r.enterBackup(now, Overslept, fx)
	return r.disown(fx)
}
