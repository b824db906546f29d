// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"vipd/netif/filter"
	"vipd/netif/route"
)

// Leftovers are what a run that has ended may have left.
type Leftovers struct {
	Addresses    []netip.Addr   // on whatever link, with whatever prefix length
	Networks     []netip.Prefix // of addresses that may have drained
	Routes       []Route        // their destinations, tables and metrics count
	VirtualLinks []VirtualLink
}

// Release removes what is ours of the leftovers, and our packet filter; no [Host] may be
// open. It goes on after what can't be removed, which the error names; it wraps
// [os.ErrPermission] when it may not (CAP_NET_ADMIN). The removed addresses are
// returned, each with its interface. Connections to those on the loopback interface are
// reset.
func Release(l Leftovers) (removed []string, err error) {
	writer, err := openWriter()
	if err != nil {
		return nil, fmt.Errorf("open netlink (needs CAP_NET_ADMIN): %w", err)
	}
	defer writer.close()
	virtual, err := openVirtualLinks(&stations{}, l.VirtualLinks)
	if err != nil {
		return nil, err
	}
	defer virtual.handle.Close()
	k := newKeeper(writer, virtual, virtual.nameOf, Config{})
	for _, n := range l.Networks {
		l.Routes = append(l.Routes, Route{Destination: n.Masked(), Metric: networkMetric})
	}
	routes := route.Remove(k.handle, l.Routes) // first: they may need the addresses
	removed, addresses := k.releaseAddresses(l.Addresses)
	return removed, errors.Join(routes, addresses, virtual.removeAll(), filter.Remove())
}

// releaseAddresses deletes those that are ours, wherever they are.
func (k *keeper) releaseAddresses(wanted []netip.Addr) (removed []string, err error) {
	there, err := k.look(func(ip netip.Addr) bool { return slices.Contains(wanted, ip) })
	if err != nil {
		return nil, err
	}
	var changes []change
	var drained []netip.Addr
	for _, ip := range wanted {
		for _, a := range there.of[ip] {
			if there.isOurs(a) {
				changes = append(changes, change{verb: remove, link: a.link, prefix: a.prefix()})
				if a.link == loopback {
					drained = append(drained, ip)
				}
			}
		}
	}
	failed := reset(drained)
	k.rtnl.apply(changes)
	for _, c := range changes {
		if c.err == nil {
			removed = append(removed, fmt.Sprintf("%v from %s", c.prefix, k.nameOf(c.link)))
		}
	}
	return removed, errors.Join(failed, k.failure(changes))
}

// nameOf asks the kernel for the name of a link.
func (v *virtualLinks) nameOf(index int) string {
	link, err := v.handle.LinkByIndex(index)
	if err != nil {
		return fmt.Sprintf("interface %d", index)
	}
	return link.Attrs().Name
}
