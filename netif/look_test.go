// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"errors"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// Whoever deletes an address each time that it is back does not keep us busy; and when
// that ends it is back.
func TestEndlessDeletions(t *testing.T) { eachFamily(t, testEndlessDeletions) }

func testEndlessDeletions(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, 10*time.Second, f.wanted()))
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	a, err := netlink.ParseAddr(f.virtual + f.host)
	labtest.Must(t, err)
	_, _, before := r.counts()
	deleted, begin := 0, time.Now()
	for deleted <= 20 || time.Since(begin) < 1500*time.Millisecond { // into the next period
		switch err := netlink.AddrDel(link, a); {
		case err == nil:
			deleted++
		case !errors.Is(err, unix.EADDRNOTAVAIL):
			t.Fatal(err)
		case time.Since(begin) > patience:
			t.Fatalf("only %d times in %v", deleted, patience)
		}
	}
	took := time.Since(begin)
	if most := 20 * (2 + int(took/time.Second)); deleted > most { // in each second that was begun
		t.Errorf("deleted %d times in %v", deleted, took)
	}
	r.await(t, "the address", func() bool { return len(r.holdings) >= before+deleted })
	demandAddresses(t, f.held())
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.holdings[before:] {
		if !h.Held || !h.PutBack || len(h.Added) != 1 || h.Err != nil {
			t.Errorf("%+v", h)
		}
	}
}

// A port of a bridge still says what it is, and whose.
func TestPortOfABridge(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	link := intoBridge(t)
	l := r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.Master == "br0" })
	if l.Problem != "it is a port of br0, which takes its packets" || !l.Up || l.Index != link.Attrs().Index {
		t.Errorf("%+v", l)
	}
	labtest.Must(t, netlink.LinkSetNoMaster(link))
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.Master == "" && l.Problem == "" })
}
