// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

const drainTime = 10 * time.Second

func draining10s(p *Params) { p.Drain = drainTime }

// report is what the draining router at that address says to us.
func report(from netip.Addr) Received {
	in := heard(50, from)
	in.Destination, in.Advert.Report = own, true
	return in
}

// lastReport is what it says when it drains no more.
func lastReport(from netip.Addr) Received {
	in := report(from)
	in.Advert.Priority = 0
	return in
}

// drains returns a router that has resigned and drains, with its first reports behind
// it. Its successor is higher.
func drains(t *testing.T, change ...func(*Params)) *rig {
	g := active(t, append(change, draining10s)...)
	g.want(Resign{}, Send{0}, Transition{Active, Backup, Resigned})
	g.farewells()
	g.want(heard(50, higher), Pass{higher})
	g.want(Tick{}, Report{To: higher})
	g.until(hush, Silence{})
	g.until(settle-hush, Drain{})
	if s := g.router.Status(); s.Phase != Draining || !s.Owns || s.DrainEnds != g.now.Add(drainTime) {
		t.Fatalf("%v, owns %v, until %v", s.Phase, s.Owns, s.DrainEnds)
	}
	return g
}

func TestDrainsUntilNoConnectionIsLeft(t *testing.T) {
	g := drains(t)
	g.until(reportEvery-settle, Report{To: higher})
	g.want(heard(50, higher))
	g.until(reportEvery, Pass{}, Report{To: higher})
	g.want(Drained{}, Report{higher, true}, Own{false})
	g.quiet(down100 - reportEvery - 1)
	g.want(Drained{}) // the answer to an older question
}

func TestDrainsUntilTheTimeIsOver(t *testing.T) {
	g := drains(t)
	end := g.router.Status().DrainEnds
	for g.now.Before(end) {
		g.want(heard(50, higher))
		for _, effect := range g.pass(min(second, end.Sub(g.now)-1)) {
			if effect != (Report{To: higher}) && effect != (Pass{}) {
				t.Fatalf("%+v", effect)
			}
		}
		if end.Sub(g.now) == 1 {
			break
		}
	}
	g.until(1, Report{higher, true}, Own{false})
}

func TestDrainsAfter(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before Input
		leave  Input
		drains bool
	}{
		{"maintenance", nil, Block{Maintenance}, true},
		{"the return of a better node", nil, heard(200, higher), true},
		{"the return of a better node, while a check fails here", Priority{50}, heard(100, higher), false},
		{"a check that fails for good", nil, Block{CheckFailed}, false},
		{"a stop", nil, Stop{}, false},
		{"a stop of one that resigns", Resign{}, Stop{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := active(t, draining10s)
			if tt.before != nil {
				g.step(tt.before)
				g.pass(repeatAfter)
			}
			g.step(tt.leave)
			g.step(heard(200, higher))
			if g.pass(settle); (g.router.Status().Phase == Draining) != tt.drains {
				t.Errorf("phase %q", g.router.Status().Phase)
			}
		})
	}
}

// Of several that took over, the one that wins hears the reports.
func TestReportsToWhoWins(t *testing.T) {
	for _, tt := range []struct {
		name  string
		heard []Received
	}{
		{"the lower priority first", []Received{heard(50, higher), heard(90, lower)}},
		{"the higher priority first", []Received{heard(90, lower), heard(50, higher)}},
		{"the lower address last", []Received{heard(50, lower.Prev()), heard(50, lower), heard(50, lower.Prev())}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := active(t, draining10s)
			g.step(Resign{})
			for _, in := range tt.heard {
				g.step(in)
			}
			if to := g.router.Status().Successor; to != lower {
				t.Errorf("to %v", to)
			}
		})
	}
}

// Nobody took over, so there is nobody to serve new connections.
func TestDoesNotDrainWithoutASuccessor(t *testing.T) {
	g := active(t, draining10s)
	g.step(Block{Maintenance})
	g.farewells()
	g.until(open-2*farewellGap, Own{false})
}

func TestDoesNotDrainUnlessConfigured(t *testing.T) {
	g := resigned(t, 50)
	if g.router.Status().Owns {
		t.Error("it drains")
	}
	b := backup(t, 200, noAnnouncements)
	b.step(heard(0, higher))
	b.until(skew100, Transition{Backup, Active, ActiveStopped}, Send{100}, Own{true})
}

func TestDrainEndsWith(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   Input
		want []Effect
	}{
		{"a stop", Stop{}, []Effect{Report{higher, true}, Pass{}, Own{false}, Transition{Backup, Initialize, Stopped}}},
		{"addresses that can't be kept", Owned{Failed}, []Effect{Report{higher, true}, Pass{}, Own{false}}},
		{"an interface that has gone", Block{InterfaceMissing}, []Effect{Pass{}, Own{false}, Transition{Backup, Initialize, InterfaceMissing}}},
		{"a lease that ran out", Owned{Expired}, []Effect{Report{higher, true}, Pass{}, Own{false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := drains(t)
			g.want(tt.in, tt.want...)
			if g.router.Status().Owns {
				t.Error("it owns its addresses")
			}
		})
	}
}

// The successor passes on to who has given up, before it knows whether that one drains.
func TestSaysThatItDoesNotDrain(t *testing.T) {
	for name, leave := range map[string]Input{"a stop": Stop{}, "a check": Block{CheckFailed}} {
		t.Run(name, func(t *testing.T) {
			g := active(t, draining10s)
			g.step(leave)
			g.farewells()
			g.want(heard(50, higher))
			g.until(hush, Silence{})
			g.until(settle-hush, Report{higher, true}, Own{false})
		})
	}
	g := active(t, draining10s)
	g.step(Resign{})
	g.step(heard(50, higher))
	g.want(Tick{}, Report{To: higher})
	g.want(Stop{}, Transition{Backup, Initialize, Stopped})
	g.until(hush, Silence{})
	g.until(settle-hush, Report{higher, true}, Pass{}, Own{false})
}

// Nobody passes on to who was preempted because something fails there; nor where nobody
// drains at all.
func TestSaysNothingUnlessExpected(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Params)
		leave  []Input
	}{
		{"a check that lowers the priority", draining10s, []Input{Priority{50}, heard(100, higher), heard(100, higher)}},
		{"drain is off", func(*Params) {}, []Input{Stop{}, heard(50, higher)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := active(t, tt.change)
			for _, in := range tt.leave {
				g.step(in)
			}
			for _, effect := range g.pass(settle) {
				if _, is := effect.(Report); is {
					t.Errorf("%+v", effect)
				}
			}
			if g.router.Status().Owns {
				t.Error("it has not let go")
			}
		})
	}
}

func TestDrainGoesOnDespite(t *testing.T) {
	for _, in := range []Input{Block{Maintenance}, Block{CheckFailed}, Block{LinkDown}, Owned{Held}, Owned{Added}, Reclaim{}} {
		g := drains(t)
		g.step(in)
		if g.router.Status().Phase != Draining {
			t.Errorf("%T%+v ends it", in, in)
		}
	}
}

// It is Active again, and its connections are where they were.
func TestTakesOverWhileDraining(t *testing.T) {
	g := drains(t, noAnnouncements)
	g.want(heard(0, higher))
	fx := g.pass(skew100)
	if len(fx) != 5 || fx[0] != (Report{To: higher}) || fx[3] != (Pass{higher}) || fx[4] != (Own{true}) {
		t.Fatalf("%+v", fx)
	}
	if s := g.router.Status(); s.Phase != Settled || !s.DrainEnds.IsZero() {
		t.Errorf("%v until %v", s.Phase, s.DrainEnds)
	}
	g.until(repeatAfter, Send{100})
}

func TestReloadOfDrain(t *testing.T) {
	for _, tt := range []struct {
		name string
		is   time.Duration
		ends time.Duration
	}{
		{"longer", 2 * drainTime, 2 * drainTime},
		{"off", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := drains(t)
			from := g.now
			g.step(Reconfigure{Params: params(func(p *Params) { p.Drain = tt.is })})
			if got := g.router.Status().DrainEnds.Sub(from); got != tt.ends {
				t.Errorf("it ends after %v, want %v", got, tt.ends)
			}
		})
	}
	g := passes(t)
	g.step(Reconfigure{Params: params(noAnnouncements)})
	g.want(Tick{}, Pass{})
	g.want(report(higher))
}

func TestEncodeReport(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Params)
		form   Checksum
	}{
		{"multicast", func(*Params) {}, ChecksumPseudoHeader},
		{"unicast", func(p *Params) { p.Peers = []netip.Addr{lower, higher} }, ChecksumPseudoHeader},
		{"with the checksum of the peers", func(p *Params) { p.Checksum = ChecksumFixedRFC9568 }, ChecksumRFC9568},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, tt.change)
			for _, last := range []bool{false, true} {
				sent := 0
				g.router.EncodeReport(Report{higher, last}, nil, func(destination netip.Addr, packet []byte) {
					sent++
					a, reject := Parse(packet, Meta{Source: own, Destination: destination, TTL: TTL}, nil)
					if reject != Accepted || destination != higher || !a.Report || (a.Priority == 0) != last || a.Checksum != tt.form {
						t.Errorf("to %v: %v %+v", destination, reject, a)
					}
				})
				if sent != 1 {
					t.Errorf("%d packets", sent)
				}
			}
		})
	}
}

func TestGroupDrainsTogether(t *testing.T) {
	for _, tt := range []struct {
		name   string
		member int
		leave  Input
		drains bool
	}{
		{"resigned", 0, Resign{}, true},
		{"maintenance of one", 0, Block{Maintenance}, true},
		{"a better node in one family", 1, heard6(200, higher6), true},
		{"a check", 0, Block{CheckFailed}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := activeBand(t, draining10s)
			b.step(tt.member, tt.leave)
			b.step(0, heard(200, higher))
			b.step(1, heard6(200, higher6))
			b.pass(settle + settlePerAddress)
			for _, m := range []*Router{b.four, b.six} {
				if got := m.Status().Phase == Draining; got != tt.drains {
					t.Errorf("%v: %q", m.source, m.Status().Phase)
				}
			}
		})
	}
}

// What fails in one member, fails in the group.
func TestGroupThatFailsDoesNotDrain(t *testing.T) {
	b := activeBand(t, draining10s)
	b.step(1, Priority{50})
	b.pass(repeatAfter)
	b.step(0, heard(90, higher))
	b.step(1, heard6(90, higher6))
	b.pass(settle + settlePerAddress)
	if b.four.Status().Owns || b.six.Status().Owns {
		t.Error("it drains")
	}
}
