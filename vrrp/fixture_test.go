// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The cast of every test: we are .11, and the others stand on both sides.
var (
	own    = netip.MustParseAddr("192.0.2.11")
	lower  = netip.MustParseAddr("192.0.2.9") // as a string it would be higher
	higher = netip.MustParseAddr("192.0.2.12")
	vip    = netip.MustParseAddr("192.0.2.100")
)

// addresses compares those of Follow.
var addresses = cmpopts.EquateComparable(netip.Addr{})

const second = time.Second

// rig is a router with a clock.
type rig struct {
	t      *testing.T
	now    time.Time
	router *Router
}

// params are those of most tests: priority 100, so that the skew is 609.375 ms.
func params(change ...func(*Params)) Params {
	p := Params{
		VRID: 51, Priority: 100, Interval: second, Preempt: true,
		Addresses: []netip.Addr{vip},
		Announce:  []time.Duration{0, 60 * time.Millisecond, 250 * time.Millisecond},
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

func newRig(t *testing.T, change ...func(*Params)) *rig {
	g := &rig{t: t, now: time.Unix(1000, 0), router: NewRouter(params(change...))}
	g.step(Source{own})
	return g
}

// step gives one input and checks what holds after every step.
func (g *rig) step(in Input) []Effect {
	g.t.Helper()
	fx := g.router.Step(g.now, in, nil)
	if _, tick := in.(Tick); tick {
		if d := g.router.Deadline(); !d.IsZero() && !d.After(g.now) {
			g.t.Fatalf("after a Tick at %v the deadline is %v", g.now, d)
		}
	}
	s := g.router.Status()
	if s.Owns != (s.State == Active || s.Phase == Releasing || s.Phase == Draining) {
		g.t.Fatalf("owns %v in %v %v", s.Owns, s.State, s.Phase)
	}
	return fx
}

// want gives one input and compares its effects.
func (g *rig) want(in Input, want ...Effect) {
	g.t.Helper()
	got := g.step(in)
	if diff := cmp.Diff(want, got, addresses); diff != "" {
		g.t.Fatalf("%T%+v: effects (-want +got):\n%s", in, in, diff)
	}
}

// pass lets time go by, with a Tick at every deadline on the way, and collects
// the effects.
func (g *rig) pass(d time.Duration) []Effect {
	g.t.Helper()
	end := g.now.Add(d)
	var fx []Effect
	for n := 0; ; n++ {
		next := g.router.Deadline()
		if next.IsZero() || next.After(end) {
			break
		}
		if n > 1000 {
			g.t.Fatalf("more than 1000 deadlines in %v", d)
		}
		g.now = next
		fx = append(fx, g.step(Tick{})...)
	}
	g.now = end
	return fx
}

// quiet lets time go by in which nothing may happen.
func (g *rig) quiet(d time.Duration) {
	g.t.Helper()
	if fx := g.pass(d); len(fx) > 0 {
		g.t.Fatalf("in %v of quiet: %+v", d, fx)
	}
}

// until lets exactly that time go by and wants these effects at its end.
func (g *rig) until(d time.Duration, want ...Effect) {
	g.t.Helper()
	g.quiet(d - 1)
	if diff := cmp.Diff(want, g.pass(1), addresses); diff != "" {
		g.t.Fatalf("after %v: effects (-want +got):\n%s", d, diff)
	}
}

// farewells lets the repetitions of a priority 0 pass.
func (g *rig) farewells() {
	g.t.Helper()
	g.until(farewellGap, Send{0})
	g.until(farewellGap, Send{0})
}

// letsGo is what a releasing router does after the next Active's advert.
func (g *rig) letsGo() {
	g.t.Helper()
	g.until(hush, Silence{})
	g.until(settle-hush, Own{false})
}

func (g *rig) state(want State) {
	g.t.Helper()
	if got := g.router.Status(); got.State != want || g.router.State() != want {
		g.t.Fatalf("state %v (%v), want %v", got.State, got.Reason, want)
	}
}

// heard is an advert of another router.
func heard(priority uint8, from netip.Addr) Received {
	return heardAt(priority, from, second)
}

func heardAt(priority uint8, from netip.Addr, interval time.Duration) Received {
	return Received{Source: from, Destination: GroupIPv4, Advert: Advert{
		Version: 3, VRID: 51, Priority: priority, Interval: interval, Addresses: []netip.Addr{vip},
	}}
}

// backup returns a router in Backup that follows an Active of that priority.
func backup(t *testing.T, followed uint8, change ...func(*Params)) *rig {
	g := newRig(t, change...)
	g.step(Start{})
	g.step(heard(followed, higher))
	g.state(Backup)
	return g
}

// active returns a router that became Active, has its addresses, and has made
// all announcements. Its Adver_Timer has just been set.
func active(t *testing.T, change ...func(*Params)) *rig {
	g := newRig(t, change...)
	g.step(Start{})
	for range 10 {
		if g.router.Status().State == Active {
			break
		}
		g.pass(second)
	}
	g.state(Active)
	g.step(Owned{Held})
	g.pass(second)
	g.pass(g.router.advert.Sub(g.now))
	return g
}

func noAnnouncements(p *Params)  { p.Announce = nil }
func noPreempt(p *Params)        { p.Preempt = false }
func pureRFC(p *Params)          { p.Handover = HandoverRFC }
func prio(v uint8) func(*Params) { return func(p *Params) { p.Priority = v } }
func every(d time.Duration) func(*Params) {
	return func(p *Params) { p.Interval = d }
}
