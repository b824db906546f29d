// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"errors"
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

func TestSetHoldsAndReleases(t *testing.T) { eachFamily(t, testSetHoldsAndReleases) }

func testSetHoldsAndReleases(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, 4*time.Second, f.wanted(), f.outside+f.length)
	r.hold(t, w)
	demandAddresses(t, f.held(), f.outside+f.length+" tag 112 leased")
	r.hold(t, w) // the same again
	demandAddresses(t, f.held(), f.outside+f.length+" tag 112 leased")
	w.Addresses = w.Addresses[:1]
	r.hold(t, w)
	r.settle(t)
	demandAddresses(t, f.held())
	w.Present = false
	if h := r.set(t, w); h.Held || h.Err != nil {
		t.Errorf("released: %+v", h)
	}
	demandAddresses(t)
}

func TestWithoutLeaseIsForEver(t *testing.T) { eachFamily(t, testWithoutLeaseIsForEver) }

func testWithoutLeaseIsForEver(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, 4*time.Second, f.wanted()))
	r.hold(t, r.want(t, 0, f.wanted()))
	demandAddresses(t, f.virtual+f.host+" tag 112")
}

func TestNoAddress(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	rows := []struct {
		name   string
		prefix netip.Prefix
	}{
		{"none", netip.Prefix{}},
		{"too long", netip.PrefixFrom(netip.MustParseAddr(v4().virtual), 33)},
		{"IPv4 in IPv6", netip.MustParsePrefix("::ffff:192.0.2.100/128")},
	}
	for _, row := range rows {
		w := r.want(t, 0, v4().wanted(), v6().wanted())
		w.Addresses = append(w.Addresses, netif.Address{Link: w.Addresses[0].Link, Prefix: row.prefix})
		if h := r.set(t, w); h.Held || h.Err == nil || !strings.Contains(h.Err.Error(), "is no address") {
			t.Errorf("%s: %+v", row.name, h)
		}
		w.Present = false
		if h := r.set(t, w); h.Held || h.Err != nil {
			t.Errorf("%s, released: %+v", row.name, h)
		}
	}
	demandAddresses(t)
}

// When one can't be added, none stays.
func TestAllOrNone(t *testing.T) { eachFamily(t, testAllOrNone) }

func testAllOrNone(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, time.Minute, f.wanted(), f.otherWanted(), f.wanted())
	h := r.set(t, w)
	if h.Held || !errors.Is(h.Err, netif.ErrForeign) { // the second finds the first
		t.Errorf("%+v", h)
	}
	demandAddresses(t)
	addAddress(t, f.virtual+f.host, func(a *netlink.Addr) { a.Protocol = tag })
	w.Present = false
	if h = r.set(t, w); h.Held || h.Err != nil { // the second finds it gone
		t.Errorf("%+v", h)
	}
}

func TestPromoteSecondariesIsOn(t *testing.T) {
	newWorld(t)
	const path = "/proc/sys/net/ipv4/conf/eth0/promote_secondaries"
	setting := func() string {
		got, err := os.ReadFile(path)
		labtest.Must(t, err)
		return string(got)
	}
	labtest.Must(t, os.WriteFile(path, []byte("0"), 0))
	r := start(t, "eth0")
	if got := setting(); got != "1\n" {
		t.Errorf("promote_secondaries is %q", got)
	}
	labtest.Must(t, r.stop())
	if got := setting(); got != "0\n" {
		t.Errorf("promote_secondaries is %q at the end", got)
	}
}

func TestLabelAndScope(t *testing.T) {
	newWorld(t)
	f := v4()
	r := start(t, "eth0")
	w := r.want(t, 4*time.Second, f.wanted())
	w.Addresses[0].Label, w.Addresses[0].Scope = "eth0:web", unix.RT_SCOPE_LINK
	r.hold(t, w)
	demandAddresses(t, f.held()+" label eth0:web")
	if scopes := scopesOf(t, f.virtual); !slices.Equal(scopes, []int{unix.RT_SCOPE_LINK}) {
		t.Errorf("scopes %v", scopes)
	}
	r.hold(t, r.want(t, 4*time.Second, f.wanted())) // without them
	demandAddresses(t, f.held())
}

func TestDeletedByHandComesBack(t *testing.T) { eachFamily(t, testDeletedByHandComesBack) }

func testDeletedByHandComesBack(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, 4*time.Second, f.wanted(), f.otherWanted()))
	for n := range 5 {
		deleteAddress(t, f.virtual+f.host)
		if h := r.awaitHolding(t, 2+n); !h.Held || h.Err != nil {
			t.Fatalf("%+v", h)
		}
		demandAddresses(t, f.held(), f.otherHeld())
	}
}

// Flushing deletes the address and what it needs at once.
func TestPutBackWithoutOwnNetwork(t *testing.T) { eachFamily(t, testPutBackWithoutOwnNetwork) }

func testPutBackWithoutOwnNetwork(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, 4*time.Second, f.wanted()))
	deleteAddress(t, f.own+f.length)
	deleteAddress(t, f.virtual+f.host)
	if h := r.awaitHolding(t, 2); !h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	got := addresses(t, "eth0")
	if !slices.Contains(got, f.held()) || len(got) != 2 {
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
func TestStaleAnswerIsLeftOut(t *testing.T) { eachFamily(t, testStaleAnswerIsLeftOut) }

func testStaleAnswerIsLeftOut(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, time.Minute, f.wanted())
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

func TestLinkThatIsGone(t *testing.T) { eachFamily(t, testLinkThatIsGone) }

func testLinkThatIsGone(t *testing.T, f family) {
	w := newWorld(t)
	r := start(t, "eth0")
	want := r.want(t, 4*time.Second, f.wanted(), f.otherWanted())
	r.hold(t, want)
	old, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	labtest.Must(t, netlink.LinkDel(old))
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
	_, err = w.plug("eth0")
	labtest.Must(t, err)
	r.awaitLink(t, "eth0", listening)
	r.hold(t, r.want(t, 4*time.Second, f.wanted(), f.otherWanted()))
	demandAddresses(t, f.held(), f.otherHeld())
}

func TestMovesToAnotherLink(t *testing.T) { eachFamily(t, testMovesToAnotherLink) }

func testMovesToAnotherLink(t *testing.T, f family) {
	w := newWorld(t)
	_, err := w.lan.Plug(nil, "eth1")
	labtest.Must(t, err)
	r := start(t, "eth0", "eth1")
	want := r.want(t, 4*time.Second, f.wanted())
	r.hold(t, want)
	want.Addresses = on(r.last(t, "eth1").Index, f.wanted())
	r.hold(t, want)
	r.settle(t)
	demandAddresses(t)
	if got := addresses(t, "eth1"); !slices.Equal(got, []string{f.wanted() + " tag 112 leased"}) {
		t.Errorf("%q", got)
	}
}

func TestLatestWordWins(t *testing.T) { eachFamily(t, testLatestWordWins) }

func testLatestWordWins(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, 4*time.Second, f.wanted())
	for range 100 {
		w.Present = !w.Present
		r.Set("web", w)
	}
	r.await(t, "the last answer", func() bool {
		return len(r.holdings) > 0 && r.holdings[len(r.holdings)-1].Held == w.Present
	})
	r.settle(t)
	demandAddresses(t, f.held())
}

func TestRunFinishesDeletions(t *testing.T) { eachFamily(t, testRunFinishesDeletions) }

func testRunFinishesDeletions(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, 4*time.Second, f.wanted())
	r.hold(t, w)
	r.Set("kept", netif.Want{Addresses: on(w.Addresses[0].Link, f.otherWanted()), Present: true, Lease: time.Minute})
	r.awaitHolding(t, 2)
	release := r.holdUp(t)
	w.Present = false
	r.Set("web", w)
	r.cancel()
	release()
	labtest.Must(t, r.stop())
	demandAddresses(t, f.otherHeld())
	if err := r.send([]netif.Datagram{f.advert(w.Addresses[0].Link)}); err == nil {
		t.Error("sent after the end")
	}
}

func TestManyAddresses(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	before, _, _ := r.counts()
	w := r.want(t, 4*time.Second, "198.19.0.1/32")
	for i := range 700 {
		text := fmt.Sprintf("198.18.%d.%d/32", i>>8, i&0xff)
		w.Addresses = append(w.Addresses, on(w.Addresses[0].Link, text)...)
	}
	r.hold(t, w)
	if got := addresses(t, "eth0"); len(got) != 703 {
		t.Errorf("%d addresses, want 703", len(got))
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
