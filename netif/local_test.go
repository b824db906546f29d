// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"net"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/netif"
)

// When it is told that addresses are held, the kernel takes packets for them: they are
// announced next.
func TestHeldMeansThatPacketsAreTaken(t *testing.T) { eachFamily(t, testHeldIsLocal) }

func testHeldIsLocal(t *testing.T, f family) {
	newWorld(t)
	r := start(t, "eth0")
	early := 0
	r.mu.Lock()
	r.onHolding = func(h netif.Holding) {
		if !h.Held {
			return
		}
		routes, err := netlink.RouteGet(net.ParseIP(f.virtual))
		if err != nil || routes[0].Type != unix.RTN_LOCAL {
			early++
		}
	}
	r.mu.Unlock()
	want := r.want(t, 4*time.Second, f.wanted())
	for range 50 {
		r.hold(t, want)
		r.set(t, netif.Want{Addresses: want.Addresses})
	}
	if early > 0 {
		t.Errorf("too early %d times of 50", early)
	}
}
