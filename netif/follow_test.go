// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// What is followed changes, and what stays does not notice.
func TestFollow(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	before, _, _ := r.counts()
	r.Follow(netif.Followed{Interfaces: []netif.Interface{{Name: "eth0", IPv4: true, IPv6: true}, {Name: "eth9"}}})
	r.awaitLink(t, "eth9", func(l netif.Link) bool { return l.Index == 0 })
	if after, _, _ := r.counts(); after != before+1 {
		t.Errorf("%d links were told: %+v", after-before, r.links[before:])
	}
	r.Follow(netif.Followed{Interfaces: []netif.Interface{{Name: "eth0", IPv4: true}}})
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return !l.ListeningIPv6 })
	r.Follow(netif.Followed{Interfaces: []netif.Interface{{Name: "eth0", IPv4: true, IPv6: true}}})
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.ListeningIPv6 })
	r.mu.Lock()
	for _, l := range r.links[before:] {
		if l.Name == "eth0" && !l.ListeningIPv4 {
			t.Errorf("it did not listen for a moment: %+v", l)
		}
	}
	r.mu.Unlock()
	r.Follow(netif.Followed{Interfaces: []netif.Interface{{Name: "eth0", IPv6: true}}})
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.ListeningIPv6 && !l.ListeningIPv4 })
	before = rawSockets(t)
	r.Follow(netif.Followed{Interfaces: []netif.Interface{{Name: "eth9"}}})
	awaitTrue(t, "the socket is closed", func() bool { return rawSockets(t) == before-1 })
	r.Follow(netif.Followed{Interfaces: []netif.Interface{{Name: "eth0", IPv4: true}}})
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.ListeningIPv4 && !l.ListeningIPv6 })
}

// Where only the state matters no socket is opened, nothing is changed, and addresses are
// no news; until more of it matters, and after that.
func TestFollowTheStateOnly(t *testing.T) {
	w := newWorld(t)
	cable, err := w.plug("eth1")
	labtest.Must(t, err)
	const setting = "/proc/sys/net/ipv4/conf/eth1/promote_secondaries"
	labtest.Must(t, os.WriteFile(setting, []byte("0"), 0))
	r := start(t, "eth0")
	follow := func(eth1 netif.Interface) {
		eth1.Name = "eth1"
		r.Follow(netif.Followed{Interfaces: []netif.Interface{{Name: "eth0", IPv4: true, IPv6: true}, eth1}})
	}
	stateOnly := func(l netif.Link) bool { return l.Index > 0 && l.Up && l.Problem == "" && len(l.Prefixes) == 0 }
	for range 2 {
		follow(netif.Interface{StateOnly: true})
		l := r.awaitLink(t, "eth1", stateOnly)
		awaitTrue(t, "no socket is open there", func() bool { return packetSockets(t, l.Index) == 0 })
		awaitTrue(t, "the setting is as it was", func() bool {
			text, err := os.ReadFile(setting)
			labtest.Must(t, err)
			return string(text) == "0\n"
		})
		labtest.Must(t, cable.Pull())
		r.awaitLink(t, "eth1", func(l netif.Link) bool { return l.Index > 0 && !l.Up })
		labtest.Must(t, cable.Restore())
		r.awaitLink(t, "eth1", stateOnly)
		follow(netif.Interface{IPv4: true})
		r.awaitLink(t, "eth1", func(l netif.Link) bool { return l.ListeningIPv4 && l.Up && len(l.Prefixes) > 0 })
		awaitTrue(t, "a socket is open there", func() bool { return packetSockets(t, l.Index) > 0 })
	}
}

// packetSockets counts those that are bound to an interface.
func packetSockets(t *testing.T, index int) (n int) {
	t.Helper()
	list, err := os.ReadFile("/proc/thread-self/net/packet")
	labtest.Must(t, err)
	for line := range strings.Lines(string(list)) {
		if fields := strings.Fields(line); fields[4] == fmt.Sprint(index) {
			n++
		}
	}
	return n
}

// rawSockets counts those for IPv6 of this namespace.
func rawSockets(t *testing.T) int {
	t.Helper()
	list, err := os.ReadFile("/proc/thread-self/net/raw6")
	labtest.Must(t, err)
	return strings.Count(string(list), "\n")
}

// Another address of the followed may become virtual, and then is not the link's own.
func TestFollowOtherVirtualAddresses(t *testing.T) {
	newWorld(t)
	addAddress(t, "192.0.2.55/24", nil)
	r := start(t, "eth0")
	other := netip.MustParsePrefix("192.0.2.55/24")
	if own := r.last(t, "eth0").Prefixes; !slices.Contains(own, other) {
		t.Fatalf("own addresses %v", own)
	}
	r.Follow(netif.Followed{Interfaces: []netif.Interface{{Name: "eth0", IPv4: true}}, Virtual: []netip.Addr{other.Addr()}})
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return !slices.Contains(l.Prefixes, other) })
}

// An address more, or one less, touches that one alone.
func TestSetLeavesWhatStays(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, time.Minute, v4().wanted()))
	added := countAdds(t)
	h := r.set(t, r.want(t, time.Minute, v4().wanted(), v4().otherWanted()))
	if !h.Held || !slices.Equal(h.Added, []netip.Addr{netip.MustParseAddr(v4().other)}) {
		t.Errorf("%+v", h)
	}
	if h = r.set(t, r.want(t, time.Minute, v4().otherWanted())); !h.Held || len(h.Added) > 0 {
		t.Errorf("%+v", h)
	}
	r.settle(t)
	demandAddresses(t, v4().otherHeld())
	if n := added.total(t); n[v4().virtual] != 0 || n[v4().other] != 1 {
		t.Errorf("address events: %v", n)
	}
}

// An address that leaves is marked so that no later run goes on with it, and one that is
// wanted again is not; each once.
func TestSetMarksWhatStays(t *testing.T) {
	eachFamily(t, testSetMarksWhatStays)
}

func testSetMarksWhatStays(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, time.Minute, f.wanted())
	added := countAdds(t)
	r.hold(t, w)
	added.await(t, f.virtual, 1)
	for _, leaving := range []bool{true, true, false, false} {
		w.Leaving = leaving
		r.hold(t, w)
		if leaving {
			demandAddresses(t, f.virtual+f.host+" tag 113 leased")
		} else {
			demandAddresses(t, f.held())
		}
	}
	if n := added.total(t)[f.virtual]; n != 3 {
		t.Errorf("%d address events, want 2", n-1)
	}
}

// A Set is a sign of life: it renews what was not renewed lately.
func TestSetRenewsWhatStays(t *testing.T) {
	eachFamily(t, testSetRenewsWhatStays)
}

func testSetRenewsWhatStays(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, 2*time.Second, f.wanted())
	r.hold(t, w)
	begin := time.Now()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for time.Since(begin) < 3*time.Second {
		<-tick.C
		r.hold(t, w)
	}
	demandAddresses(t, f.held())
	_, _, n := r.counts()
	for i := 2; i <= n; i++ {
		if h := r.awaitHolding(t, i); len(h.Added) > 0 {
			t.Errorf("it ran out, and was put back: %+v", h)
		}
	}
}

// All on a virtual link that was down are to be announced again.
func TestAllOnAVirtualLinkAreAdded(t *testing.T) {
	newWorld(t)
	r := startVirtual(t)
	r.hold(t, r.virtualWant(t, v4().wanted(), v4().otherWanted()))
	link, err := netlink.LinkByName(virtualLink)
	labtest.Must(t, err)
	labtest.Must(t, netlink.LinkSetDown(link))
	if h := r.awaitHolding(t, 2); !h.Held || len(h.Added) != 2 {
		t.Errorf("%+v", h)
	}
}

// Another lease concerns all, at once: the old one may end before it is renewed.
func TestSetAnotherLease(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, time.Minute, v4().wanted(), v4().otherWanted()))
	added := countAdds(t)
	r.hold(t, r.want(t, time.Hour, v4().wanted(), v4().otherWanted()))
	r.settle(t)
	if n := added.total(t); n[v4().virtual] != 1 || n[v4().other] != 1 {
		t.Errorf("address events: %v", n)
	}
}

// An added address is told even if the answer to the Set that added it was
// superseded.
func TestAddedIsToldOnce(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	release := r.holdUp(t)
	r.Set("web", r.want(t, time.Minute, v4().wanted()))
	r.Set("web", r.want(t, time.Minute, v4().wanted()))
	release()
	r.settle(t)
	_, _, n := r.counts()
	var told []netip.Addr
	for i := range n {
		told = append(told, r.awaitHolding(t, i+1).Added...)
	}
	if !slices.Equal(told, []netip.Addr{netip.MustParseAddr(v4().virtual)}) {
		t.Errorf("told: %v", told)
	}
}

func TestAnnounceSome(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, time.Minute, v4().wanted(), v4().otherWanted()))
	c := newCapture(t, w.peer, unix.ETH_P_ARP)
	r.Announce("web", netip.MustParseAddr(v4().other))
	if frame := c.next(t, gratuitous); frame[31] != 101 {
		t.Errorf("announced 192.0.2.%d first", frame[31])
	}
	r.Announce("web", netip.MustParseAddr(v4().other))
	if frame := c.next(t, gratuitous); frame[31] != 101 {
		t.Errorf("announced 192.0.2.%d then", frame[31])
	}
}

func TestFollowVirtualLinks(t *testing.T) {
	newWorld(t)
	r := making(t)
	w := r.want(t, time.Minute, v4().wanted())
	w.VirtualLink = virtualLink
	r.hold(t, w)
	w.Present = false
	r.set(t, w)
	r.Follow(netif.Followed{Interfaces: []netif.Interface{{Name: "eth0", IPv4: true}}})
	awaitTrue(t, "the virtual link has gone", func() bool {
		_, err := netlink.LinkByName(virtualLink)
		return err != nil
	})
	r.Follow(netif.Followed{
		Interfaces:   []netif.Interface{{Name: "eth0", IPv4: true}},
		VirtualLinks: []netif.VirtualLink{{Name: virtualLink, Parent: "eth0", Hardware: virtualMAC}},
	})
	w.Present = true
	r.hold(t, w)
	if !isUp(t, virtualLink) {
		t.Error("the virtual link is down")
	}
}

// Routes are looked after once they are followed.
func TestFollowRoutes(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	r.Follow(netif.Followed{Interfaces: []netif.Interface{{Name: "eth0", IPv4: true}, {Name: "eth9"}}, Routes: true})
	r.awaitLink(t, "eth9", func(netif.Link) bool { return true }) // it has been done
	w := r.want(t, time.Minute, v4().wanted())
	w.Routes = []netif.Route{{Destination: netip.MustParsePrefix("203.0.113.0/24"), Gateway: netip.MustParseAddr(v4().peer)}}
	r.hold(t, w)
	found := func() []netlink.Route {
		list, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: tag}, netlink.RT_FILTER_PROTOCOL)
		labtest.Must(t, err)
		return list
	}
	labtest.Must(t, netlink.RouteDel(&found()[0]))
	awaitTrue(t, "the route is back", func() bool { return len(found()) == 1 })
}

// awaitTrue waits for what the kernel sends no event for, here.
func awaitTrue(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not %s after %v", what, patience)
		}
	}
}
