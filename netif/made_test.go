// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// Virtual links and routes that the host makes and removes by itself.

// making is a host that makes its virtual link.
func making(t *testing.T) *record {
	t.Helper()
	return startWith(t, netif.Config{Followed: netif.Followed{
		VirtualLinks: []netif.VirtualLink{{Name: virtualLink, Parent: "eth0", Hardware: virtualMAC}},
	}}, "eth0")
}

// It is there before the takeover, up while it has addresses, and gone at the end.
func TestVirtualLinkIsMade(t *testing.T) {
	newWorld(t)
	r := making(t)
	want := r.virtualWant(t, v4().wanted())
	want.Present = false
	if h := r.set(t, want); h.Err != nil {
		t.Fatal(h.Err)
	}
	demandOn(t, virtualLink, false)
	want.Present = true
	r.hold(t, want)
	demandOn(t, virtualLink, true, v4().held())
	want.Present = false
	if h := r.set(t, want); h.Err != nil {
		t.Error(h.Err)
	}
	demandOn(t, virtualLink, false)
	labtest.Must(t, r.stop())
	if _, err := netlink.LinkByName(virtualLink); err == nil {
		t.Error("still there after the end")
	}
}

// Somebody deletes it: it is made again.
func TestDeletedVirtualLinkComesBack(t *testing.T) {
	newWorld(t)
	r := making(t)
	want := r.virtualWant(t, v4().wanted())
	want.Lease = time.Minute
	r.hold(t, want)
	link, err := netlink.LinkByName(virtualLink)
	labtest.Must(t, err)
	labtest.Must(t, netlink.LinkDel(link))
	if h := r.awaitHolding(t, 2); !h.Held {
		t.Fatalf("%+v", h)
	}
	demandOn(t, virtualLink, true, v4().held())
}

// A link of that name that is another's is never touched, and said.
func TestForeignVirtualLink(t *testing.T) {
	newWorld(t)
	r := making(t)
	veth := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: "other"}
	veth.Name = virtualLink
	labtest.Must(t, netlink.LinkAdd(veth))
	t.Cleanup(func() { _ = netlink.LinkDel(veth) })
	if h := r.set(t, r.virtualWant(t, v4().wanted())); h.Held || h.Err == nil {
		t.Errorf("%+v", h)
	}
	demandAddresses(t)
}

// Routes come after the addresses that they need, come back when somebody deletes
// them, and go when they are not wanted; without its routes a router has nothing.
func TestRoutes(t *testing.T) {
	newWorld(t)
	r := startWith(t, netif.Config{Followed: netif.Followed{Routes: true}}, "eth0")
	w := r.want(t, time.Minute, v4().wanted())
	w.Routes = []netif.Route{{
		Destination: netip.MustParsePrefix("203.0.113.0/24"),
		Gateway:     netip.MustParseAddr(v4().peer), Source: netip.MustParseAddr(v4().virtual),
	}}
	r.hold(t, w)
	found := func() []netlink.Route {
		list, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: tag}, netlink.RT_FILTER_PROTOCOL)
		labtest.Must(t, err)
		return list
	}
	if got := found(); len(got) != 1 || got[0].Src.String() != v4().virtual {
		t.Fatalf("routes %v", got)
	}
	labtest.Must(t, netlink.RouteDel(&found()[0]))
	for deadline := time.Now().Add(patience); len(found()) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the route does not come back")
		}
	}
	w.Routes = append(w.Routes, netif.Route{
		Destination: netip.MustParsePrefix("198.51.100.0/24"), Gateway: netip.MustParseAddr(v4().peer),
	})
	if h := r.set(t, w); !h.Held || len(h.Added) > 0 || len(found()) != 2 {
		t.Errorf("a route more: %+v, routes %v", h, found())
	}
	w.Routes = nil
	r.hold(t, w)
	if got := found(); len(got) != 0 {
		t.Errorf("not wanted any more: %v", got)
	}
	w.Routes = []netif.Route{{Destination: netip.MustParsePrefix("203.0.113.0/24"), Gateway: netip.MustParseAddr("10.9.9.9")}}
	if h := r.set(t, w); h.Held || h.Err == nil {
		t.Errorf("a gateway that is nowhere: %+v", h)
	}
	demandAddresses(t)
}
