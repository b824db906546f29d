// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// drains is a host whose address drains, with a connection of a client's.
type drains struct {
	*clientWorld
	r       *record
	c       *labtest.Conversation
	present netif.Want // what it was before
}

func startDraining(t *testing.T, f family, lease time.Duration) *drains {
	t.Helper()
	d := &drains{clientWorld: newClientWorld(t, f), r: start(t, "eth0")}
	d.present = d.r.want(t, time.Minute, f.wanted())
	d.r.hold(t, d.present)
	d.echo(t, nil, f.virtual)
	d.c = d.dial(t, f.virtual)
	labtest.Must(t, d.c.Exchange("before"))
	d.present.Lease = lease
	d.r.move(t, draining(d.present))
	d.takeOver(t, f.virtual)
	labtest.Must(t, d.c.Exchange("drains"))
	return d
}

// demandReset: the client hears that the connection has ended, and nothing is left.
func (d *drains) demandReset(t *testing.T) {
	t.Helper()
	if err := d.c.Ended(); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("the client reads %v", err)
	}
	demandDrained(t)
	demandAddresses(t)
}

func TestDrainingIsPutBack(t *testing.T) { eachFamily(t, testDrainingIsPutBack) }

func testDrainingIsPutBack(t *testing.T, f family) {
	d := startDraining(t, f, time.Minute)
	_, _, n := d.r.counts()
	lo, err := netlink.LinkByName("lo")
	labtest.Must(t, err)
	a, err := netlink.ParseAddr(f.virtual + f.host)
	labtest.Must(t, err)
	labtest.Must(t, netlink.AddrDel(lo, a))
	if h := d.r.awaitHolding(t, n+1); !h.Held || !h.PutBack {
		t.Errorf("%+v", h)
	}
	demandDrained(t, f.drained())
	labtest.Must(t, d.c.Exchange("it is back"))
	if h := d.r.set(t, draining(d.present)); !h.Held || len(h.Added) > 0 {
		t.Errorf("said again: %+v", h)
	}
	demandDrained(t, f.drained())
	labtest.Must(t, d.c.Exchange("still"))
}

// While it is renewed the lease goes on; then it ends, and nothing is left of it.
func TestDrainingLease(t *testing.T) { eachFamily(t, testDrainingLease) }

func testDrainingLease(t *testing.T, f family) {
	d := startDraining(t, f, time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 15 {
		<-tick.C
		d.r.Renew("web")
	}
	labtest.Must(t, d.c.Exchange("after its first lease"))
	_, _, n := d.r.counts()
	if h := d.r.awaitHolding(t, n+1); h.Held || !errors.Is(h.Err, netif.ErrExpired) {
		t.Errorf("%+v", h)
	}
	demandDrained(t)
	demandAddresses(t)
	demandNoARP(t)
}

// Without this process an address that drains has no meaning.
func TestStopWhileDraining(t *testing.T) {
	eachFamily(t, func(t *testing.T, f family) {
		d := startDraining(t, f, time.Minute)
		labtest.Must(t, d.r.stop())
		d.demandReset(t)
	})
}

// A run that was killed, as one that was told to keep everything, leaves it to the next.
func TestDrainingIsLeftBehind(t *testing.T) {
	rows := []struct {
		name string
		next func(t *testing.T, d *drains)
	}{
		{"the next run knows the address", func(t *testing.T, _ *drains) { start(t, "eth0") }},
		{"it is told by the next run's Set", func(t *testing.T, d *drains) {
			r := startUnknowing(t)
			d.present.Present = false
			if h := r.set(t, d.present); h.Err != nil {
				t.Error(h.Err)
			}
		}},
		{"it is released", func(t *testing.T, d *drains) {
			removed, err := netif.Release(netif.Leftovers{Addresses: []netip.Addr{netip.MustParseAddr(d.virtual)}})
			if want := []string{d.virtual + d.host + " from lo"}; err != nil || !slices.Equal(removed, want) {
				t.Errorf("removed %q, want %q; %v", removed, want, err)
			}
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			eachFamily(t, func(t *testing.T, f family) {
				d := startDraining(t, f, time.Minute)
				d.r.Keep()
				labtest.Must(t, d.r.stop())
				demandDrained(t, f.drained())
				row.next(t, d)
				d.demandReset(t)
			})
		})
	}
}

// An address in no network of its interface makes a route to its network, which the
// connections still need when it drains.
func TestDrainOutsideTheNetworks(t *testing.T) { eachFamily(t, testDrainOutsideTheNetworks) }

func testDrainOutsideTheNetworks(t *testing.T, f family) {
	w := newClientWorld(t, f)
	r := start(t, "eth0")
	present := r.want(t, time.Minute, f.outside+f.length)
	r.hold(t, present)
	w.echo(t, nil, f.outside)
	c := w.dial(t, f.outside)
	labtest.Must(t, c.Exchange("before"))
	r.move(t, draining(present))
	w.takeOver(t, f.outside)
	labtest.Must(t, c.Exchange("drains"))
	r.move(t, present)
	w.giveBack(t, f.outside)
	if n := ourRoutes(t); n != 0 {
		t.Errorf("%d routes of ours are left", n)
	}
	labtest.Must(t, c.Exchange("here again"))
	r.move(t, draining(present))
	if n := ourRoutes(t); n != 1 {
		t.Errorf("%d routes of ours", n)
	}
	r.Keep()
	labtest.Must(t, r.stop())
	_, err := netif.Release(netif.Leftovers{Networks: []netip.Prefix{netip.MustParsePrefix(f.outside + f.length)}})
	labtest.Must(t, err)
	if n := ourRoutes(t); n != 0 {
		t.Errorf("%d routes of ours are left after the release", n)
	}
	r = start(t, "eth0")
	r.hold(t, present)
	r.move(t, draining(present))
	r.Keep()
	labtest.Must(t, r.stop())
	r = startUnknowing(t)
	present.Present = false
	if h := r.set(t, present); h.Err != nil {
		t.Error(h.Err)
	}
	if n := ourRoutes(t); n != 0 {
		t.Errorf("%d routes of ours are left", n)
	}
	demandDrained(t)
	if err := c.Ended(); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("the client reads %v", err)
	}
}

// Two keys whose addresses are in one network, which the interface has from nowhere else:
// the route to it stays until both have gone, whichever goes first.
func TestDrainInASharedNetwork(t *testing.T) {
	eachFamily(t, func(t *testing.T, f family) {
		for name, keys := range map[string][2]string{"the first goes first": {"a", "b"}, "the second goes first": {"b", "a"}} {
			t.Run(name, func(t *testing.T) {
				w := newClientWorld(t, f)
				r := start(t, "eth0")
				wants := map[string]netif.Want{"a": r.want(t, time.Minute, f.outside+f.length), "b": r.want(t, time.Minute, f.outside2+f.length)}
				for _, key := range []string{"a", "b"} {
					demandHeld(t, r.setKey(t, key, wants[key]))
				}
				going, staying := keys[0], wants[keys[1]]
				address := staying.Addresses[0].Prefix.Addr().String()
				w.echo(t, nil, address)
				c := w.dial(t, address)
				labtest.Must(t, c.Exchange("before"))
				for _, key := range []string{"a", "b"} {
					demandHeld(t, r.setKey(t, key, draining(wants[key])))
				}
				r.settle(t)
				w.takeOver(t, address)
				labtest.Must(t, c.Exchange("both drain"))
				gone := wants[going]
				gone.Present = false
				r.setKey(t, going, gone)
				labtest.Must(t, c.Exchange("one drains"))
				staying.Present = false
				r.setKey(t, keys[1], staying)
				if n := ourRoutes(t); n != 0 {
					t.Errorf("%d routes of ours are left", n)
				}
			})
		}
	})
}

func demandHeld(t *testing.T, h netif.Holding) {
	t.Helper()
	if !h.Held || h.Err != nil {
		t.Fatalf("%+v", h)
	}
}

// startUnknowing starts a host that does not know which addresses are virtual.
func startUnknowing(t *testing.T) *record {
	t.Helper()
	return startWith(t, netif.Config{Followed: netif.Followed{Virtual: []netip.Addr{netip.MustParseAddr("203.0.113.1")}}}, "eth0")
}

func ourRoutes(t *testing.T) int {
	t.Helper()
	list, err := netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Protocol: tag}, netlink.RT_FILTER_PROTOCOL)
	labtest.Must(t, err)
	return len(list)
}

// What was on a virtual link drains beside it: the link goes down, because another node
// has its hardware address now.
func TestDrainFromVirtualLink(t *testing.T) {
	eachFamily(t, func(t *testing.T, f family) {
		w := newClientWorld(t, f)
		r := startWith(t, netif.Config{Followed: netif.Followed{
			VirtualLinks: []netif.VirtualLink{{Name: virtualLink, Parent: "eth0", Hardware: virtualMAC, IPv6: true}},
		}}, "eth0")
		present := r.virtualWant(t, f.wanted())
		present.Lease = time.Minute
		r.hold(t, present)
		w.echo(t, nil, f.virtual)
		c := w.dial(t, f.virtual)
		labtest.Must(t, c.Exchange("before"))
		r.move(t, draining(present))
		demandOn(t, virtualLink, false)
		demandDrained(t, f.drained())
		w.takeOver(t, f.virtual)
		labtest.Must(t, c.Exchange("drains"))
		r.move(t, present)
		w.giveBack(t, f.virtual)
		demandOn(t, virtualLink, true, f.held())
		labtest.Must(t, c.Exchange("here again"))
	})
}

// A renewal that is due just when the addresses are to be back leaves nothing undone.
func TestBackOnVirtualLinkWithARenewal(t *testing.T) {
	eachFamily(t, func(t *testing.T, f family) {
		newWorld(t)
		r := startVirtual(t)
		present := r.virtualWant(t, f.wanted())
		present.Lease = time.Minute
		r.hold(t, present)
		r.move(t, draining(present))
		release := r.holdUp(t)
		_, _, n := r.counts()
		r.AgeSignOfLife("web", time.Minute)
		r.Renew("web")
		r.Set("web", present)
		release()
		if h := r.awaitHolding(t, n+1); !h.Held || h.Err != nil {
			t.Errorf("%+v", h)
		}
		demandOn(t, virtualLink, true, f.held())
	})
}

// A link-local address can't drain: it goes, and the others stay. Nobody waits for its
// connections.
func TestLinkLocalDoesNotDrain(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	f := v6()
	for _, row := range []struct{ also, left []string }{
		{[]string{f.wanted()}, []string{f.drained()}},
		{nil, nil},
	} {
		present := r.want(t, time.Minute, append(row.also, "fe80::100/64")...)
		r.hold(t, present)
		connectToItself(t, fmt.Sprintf("fe80::100%%%d", present.Addresses[0].Link))
		r.move(t, draining(present))
		demandDrained(t, row.left...)
		demandAddresses(t)
		counted := len(r.counted)
		r.Count("web")
		r.await(t, "the count", func() bool { return len(r.counted) > counted })
		if got := r.counted[counted]; got.N != 0 || got.Err != nil {
			t.Errorf("counted %+v", got)
		}
		for _, ifname := range []string{"lo", "eth0"} {
			if isOn(t, ifname, "fe80::100") {
				t.Errorf("the link-local address is on %s", ifname)
			}
		}
		r.Renew("web")
		r.settle(t)
	}
}

// connectToItself makes a connection that a drain would count.
func connectToItself(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	labtest.Must(t, err)
	t.Cleanup(func() { l.Close() })
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	c, err := net.Dial("tcp", net.JoinHostPort(address, port))
	labtest.Must(t, err)
	t.Cleanup(func() { c.Close() })
}

func isOn(t *testing.T, ifname, address string) bool {
	t.Helper()
	link, err := netlink.LinkByName(ifname)
	labtest.Must(t, err)
	list, err := netlink.AddrList(link, netlink.FAMILY_ALL)
	labtest.Must(t, err)
	return slices.ContainsFunc(list, func(a netlink.Addr) bool { return a.IP.Equal(net.ParseIP(address)) })
}
