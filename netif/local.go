// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// localTime bounds the wait for the kernel to take packets for addresses.
	localTime = 100 * time.Millisecond
	// movedTime is the same for those that are elsewhere, too: nothing is lost meanwhile,
	// but no lease is renewed. On a busy machine the queue may be late by 0.1 s.
	movedTime = 300 * time.Millisecond
	// localAgain is when it is looked again, the first time; then at doubled pauses of up
	// to localSeldom. We may be a real-time process, which must leave the queue some time.
	localAgain  = 100 * time.Microsecond
	localSeldom = 2 * time.Millisecond
)

// awaitLocal waits until the kernel takes packets for the IPv6 addresses that were added.
// It says that they are there, and lets a work queue add the routes by which they are its
// own (addrconf_dad_work): if they were announced before, what hosts send meanwhile would
// be lost. The queue keeps the order, so that the last one stands for all.
func (k *keeper) awaitLocal(tasks []*task) {
	last := lastAdded(tasks, func(*change) bool { return true })
	k.await(last, localTime, func() bool { return k.isLocal(last.prefix.Addr()) })
}

// awaitMoved waits before addresses go from where they were: until then they have no other
// route than the one that goes with them.
func (k *keeper) awaitMoved(tasks []*task) {
	going := make(map[netip.Addr]bool)
	for _, t := range tasks {
		for _, c := range t.removes {
			going[c.prefix.Addr()] = going[c.prefix.Addr()] || c.verb == remove
		}
	}
	last := lastAdded(tasks, func(c *change) bool { return going[c.prefix.Addr()] })
	k.await(last, movedTime, func() bool { return k.isLocalOn(last) })
}

// await looks again and again, if there is something to look for.
func (k *keeper) await(added *change, limit time.Duration, there func() bool) {
	if added == nil {
		return
	}
	pause := localAgain
	for end := time.Now().Add(limit); !there() && time.Now().Before(end); pause = min(2*pause, localSeldom) {
		time.Sleep(pause)
	}
}

// lastAdded is the last IPv6 address of a kind that was added, if any. A link-local one is
// another on each link, and can't be asked for alone.
func lastAdded(tasks []*task, counts func(*change) bool) (last *change) {
	for _, t := range tasks {
		for i := range t.adds {
			c := &t.adds[i]
			if ip := c.prefix.Addr(); c.verb == add && c.err == nil && ip.Is6() && !ip.IsLinkLocalUnicast() && counts(c) {
				last = c
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

// isLocalOn tells whether it does so because of the address on that link: there is a route
// for each.
func (k *keeper) isLocalOn(added *change) bool {
	ip := added.prefix.Addr()
	own := &netlink.Route{
		Table: unix.RT_TABLE_LOCAL, LinkIndex: added.link,
		Dst: &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(ip.BitLen(), ip.BitLen())},
	}
	routes, err := k.handle.RouteListFiltered(unix.AF_INET6, own, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_DST|netlink.RT_FILTER_OIF)
	return err == nil && len(routes) > 0
}
