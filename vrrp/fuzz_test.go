// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// FuzzSteps gives routers and groups any sequence of inputs, and checks what holds
// after every effect and every step, whatever has happened.
func FuzzSteps(f *testing.F) {
	f.Fuzz(func(t *testing.T, script []byte) {
		const longest = 400 // octets: a setting, and two for each step
		if len(script) == 0 || len(script) > longest {
			return
		}
		w := newWatched(t, settings[int(script[0])%len(settings)])
		for script = script[1:]; len(script) >= 2; script = script[2:] {
			w.play(script[0], script[1])
		}
	})
}

// settings are groups of one to three routers.
var settings = [][]func(*Params){
	{func(*Params) {}},
	{noPreempt},
	{prio(OwnerPriority)},
	{every(MinInterval)},
	{func(p *Params) { p.PreemptDelay, p.StartDelay, p.Refresh = 5*second, 7*second, 3*second }},
	{pureRFC},
	{version2},
	{bothVersions},
	{ipv6},
	{func(p *Params) { p.Peers = []netip.Addr{lower, higher} }},
	{func(*Params) {}, ipv6},
	{noPreempt, every(100 * time.Millisecond)},
	{prio(OwnerPriority), prio(OwnerPriority)},
	{func(*Params) {}, prio(254), ipv6},
	{probing},
	{probing, func(p *Params) { p.Probe, p.StartDelay = true, 7*second; ipv6(p) }},
}

// watched is a group, or a router by itself, and what its effects have made of the
// world.
type watched struct {
	t       *testing.T
	now     time.Time
	members []*Router
	group   *Group // nil: the one member is by itself
	alone   *Group // the same router once more, in a group of one: it must do the same
	told    []told // of each member
}

// told is what a member's effects say.
type told struct {
	state    State
	owns     bool
	zeros    int  // farewells since it became Active
	silenced bool // resuming: it has not sent an advert yet
	follows  netip.Addr
}

func newWatched(t *testing.T, changes []func(*Params)) *watched {
	w := &watched{t: t, now: time.Unix(1000, 0), told: make([]told, len(changes))}
	for _, change := range changes {
		w.members = append(w.members, NewRouter(params(change)))
	}
	if len(changes) > 1 {
		w.group = NewGroup(w.members...)
	} else {
		w.alone = NewGroup(NewRouter(params(changes[0])))
	}
	for i, m := range w.members {
		w.step(i, Source{w.address(m, 1)})
	}
	return w
}

// address is one of a few of the router's family: lower than ours, ours, higher.
func (w *watched) address(m *Router, which byte) netip.Addr {
	if m.params.ipv4() {
		return [...]netip.Addr{lower, own, higher}[which%3]
	}
	return [...]netip.Addr{lower6, own6, higher6}[which%3]
}

// play is one step of a script: which input, and one octet about it.
func (w *watched) play(what, how byte) {
	member := int(what>>5) % len(w.members)
	switch what % 16 {
	case 0:
		w.step(member, Start{})
	case 1:
		w.step(member, Stop{})
	case 2:
		w.step(member, Tick{})
	case 3, 4, 5:
		w.step(member, w.received(w.members[member], how))
	case 6:
		w.step(member, Priority{[...]uint8{1, 99, 100, 101, 254}[how%5]})
	case 7:
		w.step(member, Block{hindrance(how)})
	case 8:
		w.step(member, Unblock{hindrance(how)})
	case 9:
		w.step(member, Owned{OwnResult(how % 4)})
	case 10:
		w.step(member, Resume{Age: time.Duration(how) * 20 * time.Millisecond, HandedOff: how%2 == 1})
	case 11:
		w.step(member, Contested{})
	case 12:
		w.step(member, [...]Input{
			Woke{}, HostLost{higher}, HostLost{lower}, [...]Input{HostLost{}, HostBack{higher}}[how/7%2], Resign{}, Reclaim{}, w.reconfigured(w.members[member], how/7),
		}[how%7])
	case 13: // to the deadline
		if next := w.deadline(); next.After(w.now) {
			w.now = next
		}
		w.step(member, Tick{})
	case 14: // a little time
		w.now = w.now.Add(time.Duration(how) * time.Millisecond)
	case 15: // much
		w.now = w.now.Add(time.Duration(how) * 100 * time.Millisecond)
	}
}

// hindrance is a reason not to run, other than the group's own.
func hindrance(how byte) Reason {
	why := InterfaceMissing + Reason(how)%(InternalError-InterfaceMissing)
	if why == GroupMember {
		return LinkDown
	}
	return why
}

// longestInterval is the longest that a router has or may be given.
const longestInterval = 2 * second

// reconfigured is another configuration of a router.
func (w *watched) reconfigured(m *Router, how byte) Reconfigure {
	p := m.params
	p.Preempt, p.Handover = how%2 == 0, Handover(how/2%2)
	p.Refresh = time.Duration(how/4%2) * 3 * second
	p.Probe = p.Probe != (how%5 == 4)
	if p.Version == Version3 {
		p.Interval = [...]time.Duration{p.Interval, MinInterval, second, longestInterval}[how/8%4]
	}
	if how/32%2 == 0 {
		p.StartDelay, p.PreemptDelay = time.Duration(how)*second, time.Duration(how)*second
	}
	return Reconfigure{p}
}

// received is an advert of another router, or of one that has our address.
func (w *watched) received(m *Router, how byte) Received {
	in := Received{Source: w.address(m, how), Destination: m.params.group()}
	if len(m.params.Peers) > 0 {
		in.Destination = own
	}
	in.Advert = Advert{
		Version: 3, VRID: 51, Addresses: m.params.Addresses,
		Priority: [...]uint8{0, 1, 99, 100, 101, 254, 255}[how/3%7],
		Interval: [...]time.Duration{m.params.Interval, MinInterval, 2 * second, 0}[how/21%4],
		Checksum: Checksum(how / 84 % 2),
	}
	if m.params.Version == Version2 || m.params.Version == VersionBoth && how >= 168 {
		in.Advert.Version = 2
	}
	return in
}

func (w *watched) deadline() time.Time {
	if w.group != nil {
		return w.group.Deadline()
	}
	return w.members[0].Deadline()
}

// step gives an input, and checks its effects and what is true after them.
func (w *watched) step(member int, in Input) {
	if w.group == nil {
		effects := w.members[0].Step(w.now, in, nil)
		w.sameAlone(in, effects)
		for _, e := range effects {
			w.effect(0, e)
		}
	} else {
		for _, e := range w.group.Step(w.now, member, in, nil) {
			w.effect(e.Member, e.Effect)
		}
	}
	if _, tick := in.(Tick); tick {
		if d := w.deadline(); !d.IsZero() && !d.After(w.now) {
			w.t.Fatalf("after a Tick at %v the deadline is %v", w.now, d)
		}
	}
	for i := range w.members {
		w.settled(i)
	}
}

// sameAlone steps the group of one: the daemon has only groups.
func (w *watched) sameAlone(in Input, want []Effect) {
	var got []Effect
	for _, e := range w.alone.Step(w.now, 0, in, nil) {
		got = append(got, e.Effect)
	}
	if !slices.Equal(got, want) {
		w.t.Fatalf("%T: a group of one does %v, the router by itself %v", in, got, want)
	}
	if a, b := w.alone.Deadline(), w.members[0].Deadline(); !a.Equal(b) {
		w.t.Fatalf("%T: the deadline of a group of one is %v, by itself %v", in, a, b)
	}
}

// effect checks one effect in its place among the others.
func (w *watched) effect(member int, e Effect) {
	is := &w.told[member]
	switch e := e.(type) {
	case Transition:
		if e.From != is.state || e.To == e.From || e.To > Active {
			w.t.Fatalf("%+v in %v", e, is.state)
		}
		is.state, is.silenced = e.To, e.Reason == Resumed
		if e.To == Active {
			is.zeros = 0
		}
	case Send:
		w.sent(is, e.Priority)
	case Own:
		if e.Wanted && is.state != Active {
			w.t.Fatalf("own in %v", is.state)
		}
		if !e.Wanted && is.state == Active {
			w.t.Fatal("an Active gives its addresses away")
		}
		is.owns = e.Wanted
	case Silence:
		if is.state == Active || !is.owns {
			w.t.Fatalf("silent in %v, owns %v", is.state, is.owns)
		}
	case Follow:
		if e.Source == is.follows {
			w.t.Fatalf("follows %v, told twice", e.Source)
		}
		is.follows = e.Source
	case Doubt:
		if is.state != Backup || !is.follows.IsValid() {
			w.t.Fatalf("in doubt in %v, follows %v", is.state, is.follows)
		}
	case Announce:
		if is.state != Active || !is.owns || is.silenced {
			w.t.Fatalf("announced in %v, owns %v, silenced %v", is.state, is.owns, is.silenced)
		}
	}
}

// sent checks an advert: those of an Active, and at most three farewells.
func (w *watched) sent(is *told, priority uint8) {
	if priority > 0 {
		if is.state != Active {
			w.t.Fatalf("priority %d sent in %v", priority, is.state)
		}
		is.silenced = false
		return
	}
	is.zeros++
	if is.zeros > farewells {
		w.t.Fatalf("%d farewells", is.zeros)
	}
}

// settled checks what holds between two steps.
func (w *watched) settled(member int) {
	m, is := w.members[member], w.told[member]
	s := m.Status()
	switch {
	case s.State != is.state:
		w.t.Fatalf("state %v, told %v", s.State, is.state)
	case s.Owns != is.owns:
		w.t.Fatalf("owns %v, told %v, in %v %v", s.Owns, is.owns, s.State, s.Phase)
	case s.Owns != (s.State == Active || s.Phase == Releasing):
		w.t.Fatalf("owns %v in %v %v", s.Owns, s.State, s.Phase)
	case s.Phase == Resuming && s.State != Active:
		w.t.Fatalf("resuming in %v", s.State)
	case s.State == Active && s.Resigned:
		w.t.Fatal("an Active has resigned")
	case s.State == Active && is.zeros > 0:
		w.t.Fatal("an Active has said farewell")
	case s.State != Initialize && (len(s.Blocked) > 0 || !m.started):
		w.t.Fatalf("%v, though blocked by %v, started %v", s.State, s.Blocked, m.started)
	case s.State == Initialize && len(s.Blocked) == 0 && m.started:
		w.t.Fatal("nothing keeps it in Initialize")
	case s.State == Active && s.Phase == Settled && m.Deadline().After(w.now.Add(m.params.Interval)):
		w.t.Fatalf("an Active's next deadline is %v", m.Deadline().Sub(w.now))
	case m.params.Probe && s.Active.Source != is.follows, !m.params.Probe && is.follows.IsValid():
		w.t.Fatalf("probe %v, follows %v, told %v", m.params.Probe, s.Active.Source, is.follows)
	case s.State == Backup && s.TakeOver.IsZero():
		w.t.Fatal("a Backup waits for nothing")
	case (s.State == Active) != (w.told[0].state == Active),
		(s.State == Initialize) != (w.told[0].state == Initialize):
		w.t.Fatalf("one member is %v, another %v", s.State, w.told[0].state)
	}
	w.ends(m, s.Phase)
}

// ends checks that a phase has a deadline, and which at the latest.
func (w *watched) ends(m *Router, phase Phase) {
	latest := resumeListen
	switch phase {
	case Settled:
		return
	case Releasing:
		// A group that resigns waits for its slowest member, by the interval it had then.
		latest = longestInterval + releaseMargin
	}
	if d := m.Deadline(); d.IsZero() || d.After(w.now.Add(latest)) {
		w.t.Fatalf("%v, and the next deadline is %v", phase, d)
	}
}
