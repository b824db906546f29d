// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// A virtual address is never a source, ours or not, primary or not.
func TestSourceIsNeverVirtual(t *testing.T) {
	newWorld(t)
	own := v4().own + "/24"
	deleteAddress(t, own)
	deleteAddress(t, v6().own+"/64")
	addAddress(t, "192.0.2.101/24", nil) // virtual by the config; an administrator's, and primary
	addAddress(t, "2001:db8::101/64", nil)
	r := start(t, "eth0")
	l := r.awaitLink(t, "eth0", func(l netif.Link) bool { return len(l.Prefixes) == 1 })
	if l.SourceIPv4().IsValid() || l.SourceIPv6() != l.Prefixes[0].Addr() {
		t.Errorf("sources %v and %v of %v", l.SourceIPv4(), l.SourceIPv6(), l.Prefixes)
	}
	r.hold(t, r.want(t, 4*time.Second, "203.0.113.1/24", "fe80::1/64")) // ours, not in the config
	addAddress(t, own, nil)
	addAddress(t, "192.0.2.13/24", nil)
	addAddress(t, "198.51.100.11/24", nil)
	l = r.awaitLink(t, "eth0", func(l netif.Link) bool { return len(l.Prefixes) == 4 })
	// The first two came into a network that the virtual address has as its primary.
	want := fmt.Sprintf("[198.51.100.11/24 192.0.2.11/24 192.0.2.13/24 %v/64]", l.SourceIPv6())
	if render(l) != want {
		t.Errorf("%v, want %v", render(l), want)
	}
	deleteAddress(t, "192.0.2.101/24") // the kernel makes the next one primary
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.SourceIPv4().String() == v4().own })
}

// The source of IPv6 adverts is the lowest link-local address.
func TestSourceIPv6IsTheLowestLinkLocal(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	for _, ip := range []string{"fe80::9", "fe80::7", "fe80::8"} {
		addAddress(t, ip+"/64", nil)
	}
	r.awaitLink(t, "eth0", func(l netif.Link) bool {
		return len(l.Prefixes) == 6 && l.SourceIPv6().String() == "fe80::7"
	})
}

// An address is no source before duplicate address detection has ended, nor after it
// has failed.
func TestTentativeIsNoSource(t *testing.T) {
	w := newWorld(t)
	peer, err := w.peer.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	taken, err := netlink.ParseAddr("fe80::2/64")
	labtest.Must(t, err)
	labtest.Must(t, w.peer.Handle().AddrAdd(peer, taken))
	r := start(t, "eth0")
	lowest := r.last(t, "eth0").SourceIPv6()
	labtest.Must(t, os.WriteFile("/proc/sys/net/ipv6/conf/eth0/accept_dad", []byte("1"), 0o644))
	tentative := func(a *netlink.Addr) { a.Flags = 0 }
	addAddress(t, "fe80::1/64", tentative)
	addAddress(t, "fe80::2/64", tentative)
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.SourceIPv6().String() == "fe80::1" })
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.links {
		if strings.Contains(render(l), "fe80::2/64") {
			t.Errorf("shown although another host has it: %v", l.Prefixes)
		}
	}
	if first := r.links[len(r.links)-1]; lowest.Less(first.SourceIPv6()) {
		t.Errorf("%v was lower than %v: the test tests nothing", lowest, first.SourceIPv6())
	}
}
