// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// again gives a router its configuration with a change.
func (g *rig) again(change ...func(*Params)) {
	g.t.Helper()
	p := g.router.params
	for _, c := range change {
		c(&p)
	}
	g.want(Reconfigure{p})
}

func TestReconfiguredAsBefore(t *testing.T) {
	g := active(t)
	before := g.router.Status()
	g.again()
	if after := g.router.Status(); after.Since != before.Since || after.State != before.State || after.Counters != before.Counters {
		t.Errorf("%+v became %+v", before, after)
	}
	g.until(second, Send{100})
}

func TestTheAdvertHasTheNewAddresses(t *testing.T) {
	other := netip.MustParseAddr("192.0.2.101")
	g := active(t)
	g.again(func(p *Params) { p.Addresses = []netip.Addr{vip, other} })
	g.until(second, Send{100})
	g.router.Encode(100, nil, func(destination netip.Addr, packet []byte) {
		a, reject := Parse(packet, Meta{Source: own, Destination: destination, TTL: 255}, nil)
		if reject != Accepted || !slices.Equal(a.Addresses, []netip.Addr{vip, other}) {
			t.Errorf("%v with %v", reject, a.Addresses)
		}
	})
	g.want(heard(99, higher), Notice{AddressesDiffer}, Send{100}, Announce{})
	g.again(func(p *Params) { p.Addresses = []netip.Addr{other} })
	g.want(heard(99, higher), Notice{AddressesDiffer})
}

func TestAnActivesNewInterval(t *testing.T) {
	t.Run("a longer one counts from the advert that tells it", func(t *testing.T) {
		g := active(t)
		g.again(every(3 * second))
		g.until(second, Send{100})
		g.until(3*second, Send{100})
	})
	t.Run("a shorter one at once", func(t *testing.T) {
		g := active(t)
		g.again(every(200 * time.Millisecond))
		g.until(200*time.Millisecond, Send{100})
		g.until(200*time.Millisecond, Send{100})
	})
	t.Run("not later than it was due", func(t *testing.T) {
		g := active(t)
		g.quiet(900 * time.Millisecond)
		g.again(every(200 * time.Millisecond))
		g.until(100*time.Millisecond, Send{100})
	})
}

func TestABackupsNewInterval(t *testing.T) {
	t.Run("its own, while it hears nobody", func(t *testing.T) {
		g := newRig(t)
		g.step(Start{})
		g.again(every(200 * time.Millisecond))
		g.until(ActiveDownInterval(100, 200*time.Millisecond), Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
	})
	t.Run("the Active's, which it hears", func(t *testing.T) {
		g := backup(t, 200)
		g.again(every(200 * time.Millisecond))
		g.until(ActiveDownInterval(100, second), Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
	})
}

func TestDelaysThatRunAlready(t *testing.T) {
	t.Run("start_delay", func(t *testing.T) {
		g := newRig(t, func(p *Params) { p.StartDelay = 10 * second })
		g.step(Start{})
		g.quiet(second)
		g.again(func(p *Params) { p.StartDelay = 20 * second })
		g.until(19*second, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
	})
	t.Run("preempt_delay", func(t *testing.T) {
		g := backup(t, 50, func(p *Params) { p.PreemptDelay = 10 * second })
		g.again(func(p *Params) { p.PreemptDelay = second })
		g.quiet(999 * time.Millisecond)
		g.want(heard(50, higher)) // the last one that counts
		g.quiet(second)
		g.want(heard(50, higher))
		if got := g.router.Status().TakeOver; got != g.now.Add(2*second+SkewTime(100, second)) {
			t.Errorf("takes over in %v", got.Sub(g.now))
		}
	})
}

func TestHandoverSwitchedOn(t *testing.T) {
	g := backup(t, 200, pureRFC)
	g.step(heard(50, higher))
	g.again(func(p *Params) { p.Handover = HandoverFast })
	g.until(SkewTime(100, second), Transition{Backup, Active, ActiveResigned}, Send{100}, repeatOwn)
}

// repeatOwn is the end of a takeover's effects.
var repeatOwn = Own{true}

func TestOtherTimesOfAnnouncement(t *testing.T) {
	tests := map[string]struct {
		at      []time.Duration
		refresh time.Duration
		next    time.Duration // after 1 s; 0: none
	}{
		"none are left":            {[]time.Duration{0}, 0, 0},
		"a later one":              {[]time.Duration{0, 3 * second}, 0, 2 * second},
		"one that is past":         {[]time.Duration{0, 500 * time.Millisecond}, 0, 0},
		"a refresh that was not":   {[]time.Duration{0}, 5 * second, 5 * second},
		"a refresh, and no more":   {params().Announce, 5 * second, 5 * second},
		"a refresh after the last": {[]time.Duration{0, 2 * second}, 5 * second, second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := active(t)
			g.router.announce.from = g.now.Add(-second)
			g.again(func(p *Params) { p.Announce, p.Refresh = test.at, test.refresh })
			var want time.Time
			if test.next > 0 {
				want = g.now.Add(test.next)
			}
			if got := g.router.announce.next; got != want {
				t.Errorf("next %v, want %v", got, want)
			}
		})
	}
	t.Run("before the addresses are there", func(t *testing.T) {
		g := newRig(t)
		g.step(Start{})
		g.pass(4 * second)
		g.state(Active)
		g.again(func(p *Params) { p.Refresh = 100 * time.Millisecond })
		g.until(g.router.Deadline().Sub(g.now), Send{100})
	})
	t.Run("of a Backup", func(t *testing.T) {
		g := backup(t, 200)
		g.again(noAnnouncements, func(p *Params) { p.Refresh = second })
		g.quiet(3 * second)
	})
}

// What was learned of a peer's checksum stays, unless it is not to be learned.
func TestFormsOfTheChecksumStay(t *testing.T) {
	learned := func(t *testing.T) *rig {
		g := backup(t, 200, func(p *Params) { p.Peers = []netip.Addr{lower, higher} })
		for range formsToLearn {
			in := heard(200, higher)
			in.Destination, in.Advert.Checksum = own, ChecksumRFC9568
			g.step(in)
		}
		return g
	}
	plain := func(g *rig, peer netip.Addr) bool {
		for _, to := range g.router.outgoing {
			if to.destination == peer {
				return to.plain.other
			}
		}
		t.Fatalf("no adverts for %v", peer)
		return false
	}
	third := netip.MustParseAddr("192.0.2.13")
	g := learned(t)
	g.again(func(p *Params) { p.Peers = []netip.Addr{third, higher} })
	if !plain(g, higher) || plain(g, third) || len(g.router.outgoing) != 2 {
		t.Errorf("%+v", g.router.outgoing)
	}
	g = learned(t)
	g.again(func(p *Params) { p.Checksum = ChecksumFixedPseudoHeader })
	if plain(g, higher) {
		t.Errorf("%+v", g.router.outgoing)
	}
}

// That a derived link-local address is to be left out stays known, as long as there is
// one: an address of the configuration is never left out.
func TestDerivedLinkLocalStaysLeftOut(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Params)
		want   int // addresses in the advert that is sent then
	}{
		"nothing changes":        {func(*Params) {}, 1},
		"another checksum":       {func(p *Params) { p.Checksum = ChecksumFixedRFC9568 }, 1},
		"it is configured now":   {func(p *Params) { p.DerivedLinkLocal = false }, 2},
		"it is not there at all": {func(p *Params) { p.DerivedLinkLocal, p.Addresses = false, p.Addresses[1:] }, 1},
	} {
		g := newRig(t, ipv6, func(p *Params) { p.DerivedLinkLocal = true })
		g.step(Source{own6})
		g.step(Start{})
		bare := heard6(50, higher6)
		bare.Advert.Addresses = bare.Advert.Addresses[1:]
		g.step(bare)
		g.again(test.change)
		g.router.Encode(100, nil, func(_ netip.Addr, b []byte) {
			a, reject := Parse(b, Meta{Source: own6, Destination: GroupIPv6, TTL: TTL}, nil)
			if reject != Accepted || len(a.Addresses) != test.want {
				t.Errorf("%s: sent %v (%v), want %d addresses", name, a.Addresses, reject, test.want)
			}
		})
	}
}

// Addresses that are added are announced, and the others are not.
func TestAddedAddressesAreAnnounced(t *testing.T) {
	g := active(t)
	g.want(Owned{Added}, Announce{Added: true})
	g.until(60*time.Millisecond, Announce{Added: true})
	g.until(190*time.Millisecond, Announce{Added: true})
	g.until(750*time.Millisecond, Send{100})
	g.want(Owned{Added}, Announce{Added: true})
	g.want(Owned{Added}, Announce{Added: true}) // while these are under way
	g.until(60*time.Millisecond, Announce{Added: true})
	g.until(190*time.Millisecond, Announce{Added: true})
	g.quiet(750*time.Millisecond - 1)
}

func TestAddedAddressesWhileAllAreAnnounced(t *testing.T) {
	g := active(t)
	g.want(Owned{Held}, Announce{})
	g.want(Owned{Added}, Announce{})
	g.until(60*time.Millisecond, Announce{})
}

func TestARefreshIsForAllAddresses(t *testing.T) {
	g := active(t, func(p *Params) { p.Announce, p.Refresh = p.Announce[:1], 400*time.Millisecond })
	g.want(Owned{Added}, Announce{Added: true})
	g.until(400*time.Millisecond, Announce{})
}

func TestAddedAddressesOfAResumingRouterWait(t *testing.T) {
	g := newRig(t)
	g.step(Resume{Age: second})
	g.want(Owned{Added})
}

func TestAddedAddressesBeforeAnyAnnouncement(t *testing.T) {
	g := newRig(t)
	g.step(Start{})
	g.pass(4 * second)
	g.state(Active)
	g.want(Owned{Added}, Announce{})
}

// What a router is about to do when it is given another configuration goes on.
func TestReconfiguredOnTheWay(t *testing.T) {
	later := func(p *Params) { p.PreemptDelay += second }
	t.Run("out: priority 0 is said three times, and the addresses go in two steps", func(t *testing.T) {
		g := active(t)
		g.step(Resign{})
		g.again(later)
		g.farewells()
		g.want(heard(50, higher))
		g.again(later)
		g.letsGo()
	})
	t.Run("resigned: its successor is let be", func(t *testing.T) {
		g := resigned(t, 50)
		g.again(later)
		for range 20 {
			g.want(heard(50, higher))
			g.quiet(second)
		}
		g.state(Backup)
	})
	t.Run("late: the last advert was as long ago as before", func(t *testing.T) {
		g := active(t)
		g.now = g.now.Add(3 * second)
		g.again(later)
		g.want(Woke{}, Transition{Active, Backup, Overslept}, Own{false})
	})
	t.Run("in: it listens before its first advert", func(t *testing.T) {
		g := newRig(t)
		g.step(Resume{Age: second})
		g.pass(20 * time.Millisecond)
		g.again(every(500 * time.Millisecond))
		g.until(resumeListen-20*time.Millisecond, Send{100}, Announce{})
		g.want(Owned{Held}, Announce{})
	})
}
