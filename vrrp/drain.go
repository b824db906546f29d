// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// A planned switchover may keep established connections (Params.Drain). Who has left
// Active on purpose keeps its addresses for them, unseen by ARP and ND, and says so to
// its successor again and again. The successor passes on to it what belongs to no
// connection of its own, for as long as it hears these reports: where nobody drains,
// clients must soon be told that their connections have ended.

const (
	// reportEvery is how often a draining router reports to its successor.
	reportEvery = 500 * time.Millisecond
	// firstReport is how long a new Active waits for the first one. The last Active
	// sends it when it hears the new one's first advert; it may be lost, and the second
	// one late.
	firstReport = 5 * reportEvery / 2
	// reportPatience is how long it waits for the next one.
	reportPatience = 5 * reportEvery
	// passMargin is added to Drain, which counts from a little later on the other side.
	passMargin = 10 * time.Second
	// turnTime is how long hosts and switches may take to find the next Active.
	turnTime = time.Second
)

// draining is what a router does for its connections after it has left Active.
type draining struct {
	planned  bool      // it has left on purpose
	expected bool      // the successor passes on to us, until it hears that nobody drains
	report   time.Time // the next report is due; zero: nobody has taken over yet
	ends     time.Time // zero: it does not drain, or still releases
}

// passing is what an Active, or one that drains itself, does for the connections of the
// Active before it; and for a moment what the last Active does for those of the next one.
type passing struct {
	to    netip.Addr // zero: there is none
	ends  time.Time  // unless it reports before; zero: nothing is passed on
	limit time.Time  // whatever it reports
}

// leaveOnPurpose is called when the router has left Active because somebody wished it,
// and not because something is wrong here.
func (r *Router) leaveOnPurpose() { r.draining.planned = r.params.Drain > 0 }

// letGo ends the releasing: the next Active has the addresses.
func (r *Router) letGo(now time.Time, fx []Effect) []Effect {
	if !r.draining.planned || !r.successor.IsValid() {
		return r.disown(fx)
	}
	r.release, r.silence = time.Time{}, time.Time{}
	r.draining.ends = now.Add(r.params.Drain)
	return append(fx, Drain{})
}

// disown lets the addresses go, and all that they were kept for.
func (r *Router) disown(fx []Effect) []Effect {
	r.release, r.silence = time.Time{}, time.Time{}
	fx = r.stopPassing(r.endReports(fx))
	r.passing = passing{}
	return append(fx, Own{Wanted: false})
}

// endReports tells the successor that nobody drains, or not any more: clients that no
// reset has reached shall hear of it there, and soon.
func (r *Router) endReports(fx []Effect) []Effect {
	if r.draining.expected {
		fx = append(fx, Report{To: r.successor, Last: true})
	}
	r.draining = draining{}
	return fx
}

// drains reports whether the addresses are kept for connections alone.
func (r *Router) drains() bool { return !r.draining.ends.IsZero() }

// drained hears that no connection is left. Those of the Active before us need us
// nevertheless.
func (r *Router) drained(fx []Effect) []Effect {
	if !r.drains() || r.passes() {
		return fx
	}
	return r.disown(fx)
}

// tickDrain acts on the deadlines of this file.
func (r *Router) tickDrain(now time.Time, fx []Effect) []Effect {
	if due(r.passing.ends, now) {
		fx = r.stopPassing(fx)
	}
	if due(r.draining.report, now) {
		r.draining.report = now.Add(reportEvery)
		fx = append(fx, Report{To: r.successor})
	}
	if due(r.draining.ends, now) {
		fx = r.disown(fx)
	}
	return fx
}

// passes reports whether segments are passed on.
func (r *Router) passes() bool { return !r.passing.ends.IsZero() }

// predecessor is the Active that we take over from, if it may drain: it has given up, or
// it is preempted. One that is silent, or whose checks fail, does not.
func (r *Router) predecessor(why Reason) netip.Addr {
	if r.params.Drain == 0 || why != ActiveStopped && why != ActiveLower {
		return netip.Addr{}
	}
	return r.followed.source
}

// beginPassing begins to pass on to the last Active, before anybody sends us a segment. If
// there is none, what has been passed on so far still is.
func (r *Router) beginPassing(now time.Time, to netip.Addr, fx []Effect) []Effect {
	if !to.IsValid() {
		return fx
	}
	r.passing = passing{to: to, ends: now.Add(firstReport), limit: now.Add(r.params.Drain + passMargin)}
	return append(fx, Pass{To: to})
}

// passAhead is for what hosts and switches send us though it belongs to a new connection
// of our successor. Of one that drains itself, we go on serving the connections.
func (r *Router) passAhead(now time.Time, fx []Effect) []Effect {
	if r.passes() {
		return fx
	}
	end := now.Add(turnTime)
	r.passing = passing{to: r.successor, ends: end, limit: end}
	return append(fx, Pass{To: r.successor})
}

// inherit goes on with what a run before this one has passed on.
func (r *Router) inherit(now time.Time, to netip.Addr) {
	if r.params.Drain > 0 {
		r.passing = passing{to: to, ends: now.Add(reportPatience), limit: now.Add(r.params.Drain + passMargin)}
	}
}

// expects reports whether a report is to us, from the router that we pass on to.
func (r *Router) expects(in *Received) bool {
	return r.passing.to.IsValid() && in.Source == r.passing.to && in.Destination == r.source
}

// reported goes on passing, and begins again if the report before was lost; or it ends
// that, after the last one.
func (r *Router) reported(now time.Time, last bool, fx []Effect) []Effect {
	switch {
	case last:
		return r.stopPassing(fx)
	case due(r.passing.limit, now):
		return fx
	}
	r.passing.ends = earliest(now.Add(reportPatience), r.passing.limit)
	return append(fx, Pass{To: r.passing.to})
}

// stopPassing passes nothing on any more, until a report comes.
func (r *Router) stopPassing(fx []Effect) []Effect {
	if !r.passes() {
		return fx
	}
	r.passing.ends = time.Time{}
	return append(fx, Pass{})
}

// turnBack soon stops passing to whoever is Active itself by now: it passes to us, and
// what nobody knows must not go round. At first hosts still send us what is its.
func (r *Router) turnBack(now time.Time, a *Advert, source netip.Addr) {
	if r.state == Active || a.Priority == 0 || source != r.passing.to || !r.passes() {
		return
	}
	end := now.Add(turnTime)
	r.passing.ends, r.passing.limit = earliest(r.passing.ends, end), earliest(r.passing.limit, end)
}

// drainTogether: where one member leaves on purpose, the whole group does.
func (g *Group) drainTogether(now time.Time) {
	planned := false
	for _, m := range g.members {
		planned = planned || m.draining.planned && m.since.Equal(now)
	}
	for _, m := range g.members {
		if planned && m.since.Equal(now) && (m.reason == GroupMember || m.reason == GroupLeft) {
			m.leaveOnPurpose()
		}
	}
}
