// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// Whoever has set an address keeps it as it is.
func TestForeignIsNeverTouched(t *testing.T) {
	rows := []struct {
		name          string
		family        family
		length, shown string
		change        func(*netlink.Addr)
	}{
		{"as it would be set", v4(), "/32", "", nil},
		{"as configured", v4(), "/24", "", nil},
		{"another prefix length", v4(), "/28", "", nil},
		{"with a lifetime", v4(), "/32", " leased", func(a *netlink.Addr) { a.ValidLft, a.PreferedLft = 600, 600 }},
		{"another tag", v4(), "/32", " tag 100", func(a *netlink.Addr) { a.Protocol = 100 }},
		{"with a label", v4(), "/32", " label eth0:1", func(a *netlink.Addr) { a.Label = "eth0:1" }},
		{"point to point", v4(), "/32", "", func(a *netlink.Addr) {
			a.Peer, _ = netlink.ParseIPNet("203.0.113.1/32")
		}},
		{"as it would be set", v6(), "/128", "", nil},
		{"as configured", v6(), "/64", "", nil},
		{"with a lifetime", v6(), "/128", " leased", func(a *netlink.Addr) { a.ValidLft, a.PreferedLft = 600, 600 }},
		{"another tag", v6(), "/128", " tag 100", func(a *netlink.Addr) { a.Protocol = 100 }},
		{"never preferred", v6(), "/128", " leased", func(a *netlink.Addr) { a.ValidLft = 600 }},
		{"point to point", v6(), "/128", "", func(a *netlink.Addr) {
			a.Peer, _ = netlink.ParseIPNet("2001:db8:2::1/128")
		}},
	}
	for _, row := range rows {
		t.Run(row.family.name+" "+row.name, func(t *testing.T) {
			f := row.family
			newWorld(t)
			addAddress(t, f.virtual+row.length, row.change)
			shown := f.virtual + row.length + row.shown
			r := start(t, "eth0")
			w := r.want(t, 4*time.Second, f.otherWanted(), f.wanted())
			h := r.set(t, w)
			if h.Held || !errors.Is(h.Err, netif.ErrForeign) || !strings.Contains(h.Err.Error(), f.virtual) {
				t.Errorf("set: %+v", h)
			}
			demandAddresses(t, shown)
			r.Renew("web")
			w.Present = false
			if h := r.set(t, w); h.Held || h.Err != nil {
				t.Errorf("release: %+v", h)
			}
			demandAddresses(t, shown)
		})
	}
}

func TestTakenOverByTheAdministrator(t *testing.T) { eachFamily(t, testTakenOverByTheAdministrator) }

func testTakenOverByTheAdministrator(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, time.Minute, f.otherWanted(), f.wanted()))
	addAddress(t, f.virtual+f.host, nil) // ip address replace
	if h := r.awaitHolding(t, 2); h.Held || !errors.Is(h.Err, netif.ErrForeign) {
		t.Errorf("%+v", h)
	}
	demandAddresses(t, f.virtual+f.host)
}

func TestLeftoversAreRemoved(t *testing.T) { eachFamily(t, testLeftoversAreRemoved) }

func testLeftoversAreRemoved(t *testing.T, f family) {
	newWorld(t)
	addAddress(t, f.virtual+f.host, ours)
	if f == v4() { // IPv6 has an address only once on an interface
		addAddress(t, f.virtual+"/25", ours)
	}
	addAddress(t, f.other+f.host, nil)
	addAddress(t, f.outside+f.host, ours) // of another key
	r := start(t, "eth0")
	w := r.want(t, 0, f.wanted(), f.otherWanted())
	w.Present = false
	if h := r.set(t, w); h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	demandAddresses(t, f.other+f.host, f.outside+f.host+" tag 112 leased")
}

// ours makes an address one that a run before has left.
func ours(a *netlink.Addr) {
	a.Protocol, a.ValidLft = tag, 600
	if a.IP.To4() != nil {
		a.PreferedLft = 600
	}
}

// Under whatever prefix length, label and scope they were left.
func TestLeftoversAreTakenOver(t *testing.T) {
	rows := []struct {
		name   string
		family family
		left   []string
		change func(*netlink.Addr)
	}{
		{"the same", v4(), []string{"/32"}, ours},
		{"one of two prefix lengths", v4(), []string{"/32", "/25"}, ours},
		{"another prefix length", v4(), []string{"/24"}, ours},
		{"with a label", v4(), []string{"/32"}, func(a *netlink.Addr) { ours(a); a.Label = "eth0:9" }},
		{"another scope", v4(), []string{"/32"}, func(a *netlink.Addr) { ours(a); a.Scope = unix.RT_SCOPE_LINK }},
		{"the same", v6(), []string{"/128"}, ours},
		{"another prefix length", v6(), []string{"/64"}, ours},
	}
	for _, row := range rows {
		t.Run(row.family.name+" "+row.name, func(t *testing.T) {
			f := row.family
			newWorld(t)
			for _, length := range row.left {
				addAddress(t, f.virtual+length, row.change)
			}
			r := start(t, "eth0")
			r.hold(t, r.want(t, 4*time.Second, f.wanted()))
			r.settle(t)
			demandAddresses(t, f.held())
			if scopes := scopesOf(t, f.virtual); !slices.Equal(scopes, []int{unix.RT_SCOPE_UNIVERSE}) {
				t.Errorf("scopes %v", scopes)
			}
		})
	}
}

// scopesOf lists the scopes of an address on eth0.
func scopesOf(t *testing.T, ip string) (scopes []int) {
	t.Helper()
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	list, err := netlink.AddrList(link, netlink.FAMILY_ALL)
	labtest.Must(t, err)
	for _, a := range list {
		if a.IP.String() == ip {
			scopes = append(scopes, a.Scope)
		}
	}
	return scopes
}

// What a run before us has left on another interface goes, too.
func TestLeftoversElsewhereAreRemoved(t *testing.T) { eachFamily(t, testLeftoversElsewhereAreRemoved) }

func testLeftoversElsewhereAreRemoved(t *testing.T, f family) {
	for _, present := range []bool{false, true} {
		t.Run(fmt.Sprintf("present %v", present), func(t *testing.T) {
			w := newWorld(t)
			_, err := w.lan.Plug(nil, "eth1")
			labtest.Must(t, err)
			addAddress(t, f.virtual+f.host, ours)
			addAddress(t, f.other+f.host, nil)
			r := start(t, "eth0", "eth1")
			index := r.last(t, "eth1").Index
			r.set(t, netif.Want{Addresses: on(index, f.wanted(), f.otherWanted()), Present: present})
			r.settle(t)
			demandAddresses(t, f.other+f.host)
			if got := addresses(t, "eth1"); (len(got) == 2) != present {
				t.Errorf("on eth1 %q", got)
			}
		})
	}
}

// A link-local address is another one on each link.
func TestLinkLocalAddressesOfOtherLinksStay(t *testing.T) {
	const virtual = "fe80::100"
	w := newWorld(t)
	_, err := w.lan.Plug(nil, "eth1")
	labtest.Must(t, err)
	link, err := netlink.LinkByName("eth1")
	labtest.Must(t, err)
	a, err := netlink.ParseAddr(virtual + "/128")
	labtest.Must(t, err)
	ours(a) // perhaps of a key that is not set yet
	labtest.Must(t, netlink.AddrAdd(link, a))
	r := start(t, "eth0", "eth1")
	want := r.want(t, 4*time.Second, virtual+"/64")
	r.hold(t, want)
	r.settle(t)
	demandAddresses(t, virtual+"/128 tag 112 leased")
	want.Present = false
	r.set(t, want)
	demandAddresses(t)
	if got := addresses(t, "eth1"); len(got) != 1 {
		t.Errorf("on eth1 %q", got)
	}
}
