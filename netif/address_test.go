// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/netif"
)

func TestSetHoldsAndReleases(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, 4*time.Second, virtual+"/24", "198.51.100.1/24")
	r.hold(t, w)
	demandAddresses(t, "192.0.2.100/32 tag 112 leased", "198.51.100.1/24 tag 112 leased")
	r.hold(t, w) // the same again
	demandAddresses(t, "192.0.2.100/32 tag 112 leased", "198.51.100.1/24 tag 112 leased")
	w.Addresses = w.Addresses[:1]
	r.hold(t, w)
	r.settle(t)
	demandAddresses(t, "192.0.2.100/32 tag 112 leased")
	w.Present = false
	if h := r.set(t, w); h.Held || h.Err != nil {
		t.Errorf("released: %+v", h)
	}
	demandAddresses(t)
}

func TestWithoutLeaseIsForEver(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, 4*time.Second, virtual+"/24"))
	r.hold(t, r.want(t, 0, virtual+"/24"))
	demandAddresses(t, "192.0.2.100/32 tag 112")
}

func TestNoIPv4Address(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, 0, virtual+"/24", "2001:db8::1/64")
	w.Addresses = append(w.Addresses, netif.Address{Link: w.Addresses[0].Link})
	for range 2 {
		if h := r.set(t, w); h.Held || w.Present != (h.Err != nil) {
			t.Errorf("present %v: %+v", w.Present, h)
		}
		w.Present = false
	}
	demandAddresses(t)
}

// When one can't be added, none stays.
func TestAllOrNone(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, time.Minute, virtual+"/24", "192.0.2.101/24", virtual+"/24")
	h := r.set(t, w)
	if h.Held || !errors.Is(h.Err, netif.ErrForeign) { // the second finds the first
		t.Errorf("%+v", h)
	}
	demandAddresses(t)
	addAddress(t, virtual+"/32", func(a *netlink.Addr) { a.Protocol = tag })
	w.Present = false
	if h = r.set(t, w); h.Held || h.Err != nil { // the second finds it gone
		t.Errorf("%+v", h)
	}
}

func TestPromoteSecondariesIsOn(t *testing.T) {
	newWorld(t)
	start(t, "eth0")
	got, err := os.ReadFile("/proc/sys/net/ipv4/conf/eth0/promote_secondaries")
	check(t, err)
	if string(got) != "1\n" {
		t.Errorf("promote_secondaries is %q", got)
	}
}

// Whoever has set an address keeps it as it is.
func TestForeignIsNeverTouched(t *testing.T) {
	rows := []struct {
		name, address string
		change        func(*netlink.Addr)
		shown         string
	}{
		{"as it would be set", virtual + "/32", nil, "192.0.2.100/32"},
		{"as configured", virtual + "/24", nil, "192.0.2.100/24"},
		{"another prefix length", virtual + "/28", nil, "192.0.2.100/28"},
		{"with a lifetime", virtual + "/32", func(a *netlink.Addr) { a.ValidLft, a.PreferedLft = 600, 600 }, "192.0.2.100/32 leased"},
		{"another tag", virtual + "/32", func(a *netlink.Addr) { a.Protocol = 100 }, "192.0.2.100/32 tag 100"},
		{"with a label", virtual + "/32", func(a *netlink.Addr) { a.Label = "eth0:1" }, "192.0.2.100/32"},
		{"point to point", virtual + "/32", func(a *netlink.Addr) {
			a.Peer, _ = netlink.ParseIPNet("203.0.113.1/32")
		}, "192.0.2.100/32"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			newWorld(t)
			addAddress(t, row.address, row.change)
			r := start(t, "eth0")
			w := r.want(t, 4*time.Second, "192.0.2.101/24", virtual+"/24")
			h := r.set(t, w)
			if h.Held || !errors.Is(h.Err, netif.ErrForeign) || !strings.Contains(h.Err.Error(), virtual) {
				t.Errorf("set: %+v", h)
			}
			demandAddresses(t, row.shown)
			r.Renew("web")
			w.Present = false
			if h := r.set(t, w); h.Held || h.Err != nil {
				t.Errorf("release: %+v", h)
			}
			demandAddresses(t, row.shown)
		})
	}
}

func TestTakenOverByTheAdministrator(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, time.Minute, "192.0.2.101/24", virtual+"/24"))
	addAddress(t, virtual+"/32", nil) // ip address replace
	if h := r.awaitHolding(t, 2); h.Held || !errors.Is(h.Err, netif.ErrForeign) {
		t.Errorf("%+v", h)
	}
	demandAddresses(t, "192.0.2.100/32")
}

func TestLeftoversAreRemoved(t *testing.T) {
	newWorld(t)
	ours := func(a *netlink.Addr) { a.Protocol, a.ValidLft, a.PreferedLft = tag, 600, 600 }
	addAddress(t, virtual+"/32", ours)
	addAddress(t, virtual+"/25", ours)
	addAddress(t, "192.0.2.101/32", nil)
	addAddress(t, "192.0.2.102/32", ours) // of another key
	r := start(t, "eth0")
	w := r.want(t, 0, virtual+"/24", "192.0.2.101/24")
	w.Present = false
	if h := r.set(t, w); h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	demandAddresses(t, "192.0.2.101/32", "192.0.2.102/32 tag 112 leased")
}

func TestLeftoversAreTakenOver(t *testing.T) {
	newWorld(t)
	ours := func(a *netlink.Addr) { a.Protocol = tag }
	addAddress(t, virtual+"/32", ours)
	addAddress(t, virtual+"/25", ours)
	r := start(t, "eth0")
	r.hold(t, r.want(t, 4*time.Second, virtual+"/24"))
	r.settle(t)
	demandAddresses(t, "192.0.2.100/32 tag 112 leased")
}

func TestDeletedByHandComesBack(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, 4*time.Second, virtual+"/24", "192.0.2.101/24"))
	for n := range 5 {
		deleteAddress(t, virtual+"/32")
		if h := r.awaitHolding(t, 2+n); !h.Held || h.Err != nil {
			t.Fatalf("%+v", h)
		}
		demandAddresses(t, "192.0.2.100/32 tag 112 leased", "192.0.2.101/32 tag 112 leased")
	}
}

// Flushing deletes the address and what it needs at once.
func TestPutBackWithoutOwnNetwork(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, 4*time.Second, virtual+"/24"))
	deleteAddress(t, ownIP+"/24")
	deleteAddress(t, virtual+"/32")
	if h := r.awaitHolding(t, 2); !h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	if got := addresses(t, "eth0"); !slices.Equal(got, []string{"192.0.2.100/32 tag 112 leased"}) {
		t.Errorf("%q", got)
	}
}

// settle waits until the keeper has done all that it was asked before.
func (r *record) settle(t *testing.T) {
	t.Helper()
	_, _, n := r.counts()
	r.Set("other", netif.Want{Addresses: on(r.last(t, "eth0").Index, "203.0.113.9/32")})
	r.awaitHolding(t, n+1)
}

// An answer that a later Set has made stale is not given.
func TestStaleAnswerIsLeftOut(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, time.Minute, virtual+"/24")
	release := r.holdUp(t)
	r.Set("slow", netif.Want{})
	w.Present = false
	r.Set("web", w)
	release()
	r.awaitHolding(t, 2) // slow's; web's is next
	w.Present = true
	r.Set("web", w)
	release()
	if h := r.awaitHolding(t, 3); h.Key != "web" || !h.Held {
		t.Errorf("%+v", h)
	}
}

// holdUp keeps the keeper busy, by an answer for "slow" that nobody takes until
// release. Further ones are held up, too.
func (r *record) holdUp(t *testing.T) (release func()) {
	t.Helper()
	busy := make(chan struct{})
	r.mu.Lock()
	r.onHolding = func(h netif.Holding) {
		if h.Key == "slow" {
			<-busy
		}
	}
	r.mu.Unlock()
	_, _, n := r.counts()
	r.Set("slow", netif.Want{})
	r.awaitHolding(t, n+1)
	return func() { busy <- struct{}{} }
}

func TestLinkThatIsGone(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	want := r.want(t, 4*time.Second, virtual+"/24", "192.0.2.101/24")
	r.hold(t, want)
	old, err := netlink.LinkByName("eth0")
	check(t, err)
	check(t, netlink.LinkDel(old))
	h := r.awaitHolding(t, 2)
	if h.Held || !errors.Is(h.Err, unix.ENODEV) {
		t.Errorf("deleted under it: %+v", h)
	}
	if h := r.set(t, want); h.Held || !errors.Is(h.Err, unix.ENODEV) ||
		!strings.Contains(h.Err.Error(), fmt.Sprintf("index %d", want.Addresses[0].Link)) {
		t.Errorf("set: %+v", h)
	}
	r.Renew("web")
	gone := want
	gone.Present = false
	if h := r.set(t, gone); h.Held || h.Err != nil {
		t.Errorf("release: %+v", h)
	}
	_, err = w.lan.Plug(nil, "eth0", ownIP+"/24")
	check(t, err)
	for i := range want.Addresses {
		want.Addresses[i].Link = r.awaitLink(t, "eth0", listening).Index
	}
	r.hold(t, want)
	demandAddresses(t, "192.0.2.100/32 tag 112 leased", "192.0.2.101/32 tag 112 leased")
}

func TestMovesToAnotherLink(t *testing.T) {
	w := newWorld(t)
	_, err := w.lan.Plug(nil, "eth1")
	check(t, err)
	r := start(t, "eth0", "eth1")
	want := r.want(t, 4*time.Second, virtual+"/24")
	r.hold(t, want)
	want.Addresses[0].Link = r.last(t, "eth1").Index
	r.hold(t, want)
	r.settle(t)
	demandAddresses(t)
	if got := addresses(t, "eth1"); !slices.Equal(got, []string{"192.0.2.100/24 tag 112 leased"}) {
		t.Errorf("%q", got)
	}
}

func TestLatestWordWins(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, 4*time.Second, virtual+"/24")
	for range 100 {
		w.Present = !w.Present
		r.Set("web", w)
	}
	r.await(t, "the last answer", func() bool {
		return len(r.holdings) > 0 && r.holdings[len(r.holdings)-1].Held == w.Present
	})
	r.settle(t)
	demandAddresses(t, "192.0.2.100/32 tag 112 leased")
}

func TestRunFinishesDeletions(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, 4*time.Second, virtual+"/24")
	r.hold(t, w)
	r.Set("kept", netif.Want{Addresses: on(w.Addresses[0].Link, "192.0.2.101/24"), Present: true, Lease: time.Minute})
	r.awaitHolding(t, 2)
	release := r.holdUp(t)
	w.Present = false
	r.Set("web", w)
	r.cancel()
	release()
	check(t, r.stop())
	demandAddresses(t, "192.0.2.101/32 tag 112 leased")
	if err := r.send([]netif.Datagram{advert(w.Addresses[0].Link)}); err == nil {
		t.Error("sent after the end")
	}
}

func TestManyAddresses(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	before, _, _ := r.counts()
	w := r.want(t, 4*time.Second)
	for i := range 700 {
		w.Addresses = append(w.Addresses, on(r.last(t, "eth0").Index, fmt.Sprintf("198.18.%d.%d/32", i>>8, i&0xff))...)
	}
	r.hold(t, w)
	if got := addresses(t, "eth0"); len(got) != 701 {
		t.Errorf("%d addresses, want 701", len(got))
	}
	w.Present = false
	if h := r.set(t, w); h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	demandAddresses(t)
	links, _, holdings := r.counts()
	if links != before || holdings != 2 {
		t.Errorf("%d links told of, %d holdings: own echoes count", links-before, holdings)
	}
}
