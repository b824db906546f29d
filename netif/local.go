// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// localTime bounds the wait for the kernel to take packets for addresses.
	localTime = 20 * time.Millisecond
	// localAgain is when it is looked again. Go rounds it up to a millisecond at times.
	localAgain = 100 * time.Microsecond
)

// awaitLocal waits until the kernel takes packets for the IPv6 addresses that were added.
// It says that they are there, and lets a work queue add the routes by which they are its
// own (addrconf_dad_work): if they were announced before, what hosts send meanwhile would
// be lost. The queue keeps the order, so that the last one stands for all.
func (k *keeper) awaitLocal(tasks []*task) {
	last := lastAdded(tasks)
	if !last.IsValid() {
		return
	}
	for end := time.Now().Add(localTime); !k.isLocal(last) && time.Now().Before(end); {
		time.Sleep(localAgain)
	}
}

// lastAdded is the last IPv6 address that was added, if any. A link-local one is another
// on each link, and can't be asked for alone.
func lastAdded(tasks []*task) (last netip.Addr) {
	for _, t := range tasks {
		for _, c := range t.adds {
			if ip := c.prefix.Addr(); c.verb == add && c.err == nil && ip.Is6() && !ip.IsLinkLocalUnicast() {
				last = ip
			}
		}
	}
	return last
}

// isLocal tells whether the kernel takes packets for an address as its own.
func (k *keeper) isLocal(ip netip.Addr) bool {
	routes, err := k.handle.RouteGet(ip.AsSlice())
	return err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL
}
