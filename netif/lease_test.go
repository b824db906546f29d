// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

func TestRenewedLeaseStays(t *testing.T) { eachFamily(t, testRenewedLeaseStays) }

func testRenewedLeaseStays(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	added := countAdds(t)
	r.hold(t, r.want(t, time.Second, f.wanted(), f.otherWanted()))
	links, _, _ := r.counts()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	begin := time.Now()
	for range 150 { // 3 s
		<-tick.C
		r.Renew("web")
	}
	demandAddresses(t, f.held(), f.otherHeld())
	most := 2 + int(3*time.Since(begin)/time.Second)
	for ip, n := range added.total(t) {
		if n < 6 || n > most {
			t.Errorf("%v: %d changes in 3 s, want it at most 3 times a second, and not much less", ip, n)
		}
	}
	// Our own echoes tell nobody anything.
	if l, _, h := r.counts(); l != links || h != 1 {
		t.Errorf("%d link events more, %d holdings", l-links, h)
	}
}

// adds counts RTM_NEWADDR by address.
type adds struct {
	updates chan netlink.AddrUpdate
	n       map[string]int
}

// countAdds counts from now on. The kernel tells of a new IPv6 address only after it has
// answered, from a work queue: await it before what comes then is counted.
func countAdds(t *testing.T) *adds {
	t.Helper()
	a := &adds{make(chan netlink.AddrUpdate, 1024), make(map[string]int)}
	done := make(chan struct{})
	labtest.Must(t, netlink.AddrSubscribe(a.updates, done))
	t.Cleanup(func() { close(done) })
	return a
}

// await waits until an address has been counted that often.
func (a *adds) await(t *testing.T, ip string, times int) {
	t.Helper()
	timeout := time.After(patience)
	for a.n[ip] < times {
		select {
		case u := <-a.updates:
			a.count(u)
		case <-timeout:
			t.Fatalf("the kernel told of %s %d times, want %d", ip, a.n[ip], times)
		}
	}
}

func (a *adds) count(u netlink.AddrUpdate) {
	if u.NewAddr {
		a.n[u.LinkAddress.IP.String()]++
	}
}

// total is what has been told until now.
func (a *adds) total(t *testing.T) map[string]int {
	t.Helper()
	const marker = "127.9.9.9" // comes after all that was before
	lo, err := netlink.LinkByName("lo")
	labtest.Must(t, err)
	address, err := netlink.ParseAddr(marker + "/32")
	labtest.Must(t, err)
	labtest.Must(t, netlink.AddrAdd(lo, address))
	labtest.Must(t, netlink.AddrDel(lo, address))
	a.await(t, marker, 1)
	delete(a.n, marker)
	return a.n
}

func TestExpiredIsNotPutBack(t *testing.T) { eachFamily(t, testExpiredIsNotPutBack) }

func testExpiredIsNotPutBack(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, time.Second, f.wanted(), f.otherWanted()))
	h := r.awaitHolding(t, 2)
	if h.Held || !errors.Is(h.Err, netif.ErrExpired) || !strings.Contains(h.Err.Error(), f.virtual) {
		t.Errorf("%+v", h)
	}
	r.Renew("web") // too late
	r.Announce("web")
	r.settle(t) // all work before it is done
	demandAddresses(t)
}

func TestDeletedWithoutSignOfLifeHasExpired(t *testing.T) {
	eachFamily(t, testDeletedWithoutSignOfLifeHasExpired)
}

func testDeletedWithoutSignOfLifeHasExpired(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	// The kernel ends leases up to a second late; a deletion then is no other case.
	r.hold(t, r.want(t, time.Minute, f.wanted(), f.otherWanted()))
	r.AgeSignOfLife("web", time.Minute)
	deleteAddress(t, f.virtual+f.host)
	if h := r.awaitHolding(t, 2); h.Held || !errors.Is(h.Err, netif.ErrExpired) {
		t.Errorf("%+v", h)
	}
	demandAddresses(t)
}

// A sign of life that comes too late still renews what is there, and no more.
func TestLateSignOfLife(t *testing.T) { eachFamily(t, testLateSignOfLife) }

func testLateSignOfLife(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	added := countAdds(t)
	r.hold(t, r.want(t, time.Minute, f.wanted()))
	added.await(t, f.virtual, 1)
	r.AgeSignOfLife("web", time.Minute)
	r.Renew("web")
	r.settle(t)
	if n := added.total(t)[f.virtual]; n != 2 {
		t.Errorf("renewed %d times", n-1)
	}
	demandAddresses(t, f.held())
	deleteAddress(t, f.virtual+f.host) // it is alive now
	if h := r.awaitHolding(t, 3); !h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
}

// Signs of life came in time, only the keeper was held up: that is no reason to lose
// the address.
func TestExpiredByALateKeeperIsPutBack(t *testing.T) {
	eachFamily(t, testExpiredByALateKeeperIsPutBack)
}

func testExpiredByALateKeeperIsPutBack(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, time.Second, f.wanted()))
	release := r.holdUp(t)
	for deadline := time.Now().Add(patience); len(addresses(t, "eth0")) > 2; {
		r.Renew("web")
		if time.Now().After(deadline) {
			t.Fatal("the kernel has not ended the lease")
		}
	}
	r.Renew("web")
	release()
	if h := r.awaitHolding(t, 3); !h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	demandAddresses(t, f.held())
}

// A sign of life that came after the lease does not hide that it had run out.
func TestSignOfLifeAfterTheEnd(t *testing.T) { eachFamily(t, testSignOfLifeAfterTheEnd) }

func testSignOfLifeAfterTheEnd(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, time.Minute, f.wanted()))
	release := r.holdUp(t)
	r.AgeSignOfLife("web", time.Minute)
	deleteAddress(t, f.virtual+f.host)
	r.Renew("web")
	r.Renew("web")
	release()
	if h := r.awaitHolding(t, 3); h.Held || !errors.Is(h.Err, netif.ErrExpired) {
		t.Errorf("%+v", h)
	}
	demandAddresses(t)
}

// Whoever hears our last advert waits for as long as a lease: no address of a router may
// go before that.
func TestEveryLeaseIsAsLong(t *testing.T) {
	for _, n := range []int{2, 40} {
		t.Run(fmt.Sprintf("%d addresses", n), func(t *testing.T) {
			newWorld(t)
			r := start(t, "eth0")
			w := r.want(t, 9*time.Second)
			for i := range n {
				w.Addresses = append(w.Addresses, on(r.last(t, "eth0").Index, fmt.Sprintf("198.51.100.%d/32", i+1))...)
			}
			r.hold(t, w)
			for range 8 { // a bit more than two seconds
				<-time.After(300 * time.Millisecond)
				r.Renew("web")
			}
			r.Set("end", netif.Want{}) // after the renewal
			r.awaitHolding(t, 2)
			link, err := netlink.LinkByName("eth0")
			labtest.Must(t, err)
			list, err := netlink.AddrList(link, netlink.FAMILY_V4)
			labtest.Must(t, err)
			for _, a := range list {
				if a.Protocol == tag && a.ValidLft < 8 { // the last Renew is half a second old
					t.Errorf("%v has %d s left", a.IP, a.ValidLft)
				}
			}
		})
	}
}
