// SPDX-License-Identifier: Apache-2.0

package vrrp

import "time"

// Group is routers that move together: the two families of one configured router,
// or several routers of which one alone is of no use. Either all members are Active
// or none is. It is not safe for concurrent use.
//
// A group has one effective priority, the lowest of its members'. It takes over
// when every member's Active_Down_Timer is out, so losing one family's adverts
// alone moves nothing; and it leaves when one member loses an election or may not
// run.
type Group struct {
	members  []*Router
	priority []uint8 // effective, of each member by itself
	scratch  []Effect
}

// MemberEffect is an effect of one member of a group.
type MemberEffect struct {
	Member int // its index in NewGroup
	Effect Effect
}

// NewGroup joins routers that have not been stepped yet; the group steps them from
// now on.
func NewGroup(members ...*Router) *Group {
	g := &Group{members: members}
	for _, m := range members {
		m.grouped = true
		g.priority = append(g.priority, m.priority)
	}
	return g
}

// Step gives one member an input, or all of them where the input is about the
// daemon or the whole group: Start, Stop, Tick, Resume, Woke, Resign, Reclaim. Resume
// says the age of the oldest lease.
func (g *Group) Step(now time.Time, member int, in Input, fx []MemberEffect) []MemberEffect {
	switch in := in.(type) {
	case Start, Stop, Woke, Reclaim:
		fx = g.stepAll(now, in, fx)
	case Resign:
		fx = g.stepAll(now, in, fx)
		g.offerTogether()
	case Tick:
		g.align(now)
		fx = g.stepAll(now, in, fx)
	case Received:
		g.members[member].tieElsewhere = member > 0 && g.members[0].hears(now)
		followed := g.members[member].down.adverts > 0
		fx = g.step(now, member, in, fx)
		if followed && g.members[member].activeHasStopped() {
			fx = g.doubtOthers(now, fx)
		}
	case Resume:
		fx = g.resume(now, in, fx)
	case Priority:
		g.priority[member] = in.Effective
		g.lower()
		fx = g.stepAll(now, Priority{g.lowest()}, fx)
	default:
		fx = g.step(now, member, in, fx)
	}
	fx = g.blockTogether(now, fx)
	fx = g.leaveTogether(now, fx)
	g.drainTogether(now)
	g.acceptTogether()
	if _, tick := in.(Tick); tick {
		fx = g.takeOverTogether(now, fx)
	}
	return fx
}

// Deadline is when the next Tick is due. The members' Active_Down_Timers count
// only when all are running, and then the last one.
func (g *Group) Deadline() time.Time {
	var next, last time.Time
	waiting := true
	for _, m := range g.members {
		next = earliest(next, m.Deadline())
		waiting = waiting && m.state == Backup
		if down := m.downDeadline(); down.After(last) {
			last = down
		}
	}
	if waiting {
		next = earliest(next, last)
	}
	return next
}

func (g *Group) lowest() uint8 {
	lowest := g.priority[0]
	for _, p := range g.priority {
		lowest = min(lowest, p)
	}
	return lowest
}

// lower tells all members whether something fails in any of them.
func (g *Group) lower() {
	lowered := false
	for i, m := range g.members {
		lowered = lowered || g.priority[i] < m.params.Priority
	}
	for _, m := range g.members {
		m.lowered = lowered
	}
}

func (g *Group) stepAll(now time.Time, in Input, fx []MemberEffect) []MemberEffect {
	for i := range g.members {
		fx = g.step(now, i, in, fx)
	}
	return fx
}

func (g *Group) step(now time.Time, member int, in Input, fx []MemberEffect) []MemberEffect {
	g.scratch = g.members[member].Step(now, in, g.scratch[:0])
	return g.tag(member, fx)
}

// tag appends the effects of one member.
func (g *Group) tag(member int, fx []MemberEffect) []MemberEffect {
	for _, effect := range g.scratch {
		fx = append(fx, MemberEffect{member, effect})
	}
	return fx
}

// align makes the members' adverts leave together: out of step, one family's lease
// could end before the other family's silence lets a Backup take over.
func (g *Group) align(now time.Time) {
	for _, m := range g.members {
		if m.state != Active || !due(m.advert, now) {
			continue
		}
		for _, other := range g.members {
			if other.state == Active && other.params.Interval == m.params.Interval && other.confirm.IsZero() {
				other.advert = earliest(m.advert, other.advert)
			}
		}
	}
}

// doubtOthers has the hosts asked at once that other members still follow: the Active has
// given one member up, so it gives up all, and where it does not say so its cable may be
// cut. Who answers is waited for as ever: it may know nothing of a group.
func (g *Group) doubtOthers(now time.Time, fx []MemberEffect) []MemberEffect {
	for i, m := range g.members {
		asks := m.state == Backup && m.following().IsValid()
		if asks && now.Add(HostPatience+m.skew()).Before(m.downDeadline()) { // else an answer changes nothing
			fx = append(fx, MemberEffect{i, Doubt{}})
		}
	}
	return fx
}

// hears reports whether a router can decide between equal priorities: it hears
// another Active, or has become one itself too lately to know. The members'
// addresses are not related, so without one that decides each could yield to the
// other node's, and nobody would be left.
func (r *Router) hears(now time.Time) bool {
	last := r.heard
	if r.since.After(last) {
		last = r.since
	}
	return now.Sub(last) < ActiveDownInterval(r.priority, r.interval)
}

// resume resumes all members or none.
func (g *Group) resume(now time.Time, in Resume, fx []MemberEffect) []MemberEffect {
	for _, m := range g.members {
		if !m.canResume(in) {
			in.Age = neverResume
		}
	}
	return g.stepAll(now, in, fx)
}

// blockTogether holds every member back while another one may not run.
func (g *Group) blockTogether(now time.Time, fx []MemberEffect) []MemberEffect {
	blocked := 0 // members with a reason of their own
	for _, m := range g.members {
		if m.blocked.without(GroupMember) != 0 {
			blocked++
		}
	}
	for i, m := range g.members {
		others := blocked
		if m.blocked.without(GroupMember) != 0 {
			others--
		}
		switch held := m.blocked.has(GroupMember); {
		case others > 0 && !held:
			fx = g.step(now, i, Block{GroupMember}, fx)
		case others == 0 && held:
			fx = g.step(now, i, Unblock{GroupMember}, fx)
		}
	}
	return fx
}

// leaveTogether makes the members leave that are still Active when another one is
// not any more.
func (g *Group) leaveTogether(now time.Time, fx []MemberEffect) []MemberEffect {
	active := 0
	for _, m := range g.members {
		if m.state == Active {
			active++
		}
	}
	if active == len(g.members) {
		return fx
	}
	for i, m := range g.members {
		if m.state == Active {
			g.scratch = m.standDown(now, g.scratch[:0])
			fx = g.tag(i, fx)
		}
	}
	return fx
}

// takeOverTogether takes over when every member's timer is out.
func (g *Group) takeOverTogether(now time.Time, fx []MemberEffect) []MemberEffect {
	for _, m := range g.members {
		if m.state != Backup || !due(m.downDeadline(), now) {
			return fx
		}
	}
	for i, m := range g.members {
		g.scratch = m.tellFollowing(m.takeOver(now, m.whyTakeOver(), g.scratch[:0]))
		fx = g.tag(i, fx)
	}
	return fx
}
