// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// A virtual address may be the primary one of its network: it was there first.
const (
	primary   = "198.51.100.1/24"
	secondary = "198.51.100.5/24" // the administrator's, in the same network
)

// holdPrimary holds a primary address, beside which the administrator sets another.
func holdPrimary(t *testing.T, lease time.Duration) *record {
	t.Helper()
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, lease, primary))
	addAddress(t, secondary, nil)
	demandSecondary(t, true)
	return r
}

// demandSecondary sees whether the administrator's address is a secondary one.
func demandSecondary(t *testing.T, want bool) {
	t.Helper()
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	list, err := netlink.AddrList(link, netlink.FAMILY_V4)
	labtest.Must(t, err)
	for _, a := range list {
		if a.IPNet.String() == secondary {
			if got := a.Flags&unix.IFA_F_SECONDARY != 0; got != want {
				t.Errorf("%s is secondary: %v, want %v", secondary, got, want)
			}
			return
		}
	}
	t.Errorf("%s has gone", secondary)
}

// Its lease is renewed where it is: it becomes no second address, and no other network's.
func TestPrimaryIsRenewed(t *testing.T) {
	r := holdPrimary(t, time.Second)
	added := countAdds(t)
	for range 4 {
		<-time.After(400 * time.Millisecond)
		r.Renew("web")
	}
	r.settle(t)
	demandAddresses(t, primary+" tag 112 leased", secondary)
	demandSecondary(t, true)
	if n := added.total(t); n["198.51.100.1"] != 4 || n["198.51.100.5"] != 0 {
		t.Errorf("changes %v, want 4 of the virtual address", n)
	}
}

// When its lease ends, the kernel makes the administrator's address the primary one, and
// does not take it along.
func TestExpiredPrimary(t *testing.T) {
	r := holdPrimary(t, time.Second)
	if h := r.awaitHolding(t, 2); h.Held || !errors.Is(h.Err, netif.ErrExpired) {
		t.Errorf("%+v", h)
	}
	demandAddresses(t, secondary)
	demandSecondary(t, false)
}

// So does a deletion by us, and one by others: then it comes back beside the other.
func TestDeletedPrimary(t *testing.T) {
	r := holdPrimary(t, time.Minute)
	deleteAddress(t, primary)
	if h := r.awaitHolding(t, 2); !h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	demandAddresses(t, primary+" tag 112 leased", secondary)
	demandSecondary(t, false)
	r.set(t, netif.Want{})
	demandAddresses(t, secondary)
}

// An address beside the interface's own is of no network: it stays when that goes.
func TestOwnNetworkGoes(t *testing.T) { eachFamily(t, testOwnNetworkGoes) }

func testOwnNetworkGoes(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, time.Minute, f.wanted()))
	deleteAddress(t, f.own+f.length)
	r.settle(t)
	addAddress(t, f.own+f.length, nil)
	demandAddresses(t, f.held())
	if _, _, n := r.counts(); n != 2 { // and of settle
		t.Errorf("%d holdings: it was touched", n)
	}
}

// The kernel tells of each renewal, and that is no reason to look at anything.
func TestRenewalsAreNotHeardOf(t *testing.T) {
	for name, format := range map[string]string{"IPv4": "198.18.%d.%d/32", "IPv6": "2001:db8:2::%x:%x/128"} {
		t.Run(name, func(t *testing.T) { testRenewalsAreNotHeardOf(t, format) })
	}
}

func testRenewalsAreNotHeardOf(t *testing.T, format string) {
	newWorld(t)
	r := start(t, "eth0")
	const addresses = 1000
	w := r.want(t, 3*time.Second)
	for i := range addresses {
		w.Addresses = append(w.Addresses, on(r.last(t, "eth0").Index, fmt.Sprintf(format, i>>8, i&0xff))...)
	}
	r.hold(t, w)
	due := time.After(w.Lease/3 + 10*time.Millisecond) // of all, not of the first one alone
	r.drain(t, 1400)
	<-due // and the kernel's own work on new addresses is done
	before := r.MessagesSent()
	r.settle(t)
	settling := r.MessagesSent() - before
	r.Renew("web")
	r.settle(t) // it was done
	r.drain(t, 1300)
	r.settle(t) // what was heard of it, too
	if got, want := r.MessagesSent()-before, 3*settling+addresses; got != want {
		t.Errorf("%d messages sent, want %d: %d renewals", got, want, addresses)
	}
}

// drain waits until all that the kernel has told until now was heard: then comes the
// MTU.
func (r *record) drain(t *testing.T, mtu int) {
	t.Helper()
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	labtest.Must(t, netlink.LinkSetMTU(link, mtu))
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.MTU == mtu })
}
