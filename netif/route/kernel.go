// SPDX-License-Identifier: Apache-2.0

package route

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrForeign: at a route's place there is one set by somebody else. It is never
// touched.
var ErrForeign = errors.New("a route of the same destination, table and metric is there already and not ours")

// Add adds the routes, in the order given: one may be the way to another's gateway.
// One of ours at the same place is replaced.
//
// When one fails, those that this call added are removed again. The error names it; it
// may wrap [ErrForeign] or a system call's errno (ENETUNREACH: the gateway is not in a
// connected network; EINVAL: the source is not an address of the host).
func Add(h *netlink.Handle, routes []Route) error {
	var added []Route
	for _, r := range routes {
		anew, err := add(h, r)
		if err != nil {
			return errors.Join(fmt.Errorf("add route %v: %w", r, err), Remove(h, added))
		}
		if anew {
			added = append(added, r)
		}
	}
	return nil
}

// add tells whether there was nothing of ours at the place.
func add(h *netlink.Handle, r Route) (anew bool, err error) {
	err = h.RouteAdd(r.message())
	if !errors.Is(err, unix.EEXIST) {
		return err == nil, err
	}
	ours, err := places(h, r.family())
	if err != nil {
		return false, err
	}
	if !ours[r.place()] {
		return false, ErrForeign
	}
	return false, h.RouteReplace(r.message())
}

// Remove deletes what is ours at the places of the routes. What is gone already is no
// error. It goes on after one that can't be deleted; the error names each.
func Remove(h *netlink.Handle, routes []Route) error {
	return errors.Join(removeFamily(h, netlink.FAMILY_V4, routes),
		removeFamily(h, netlink.FAMILY_V6, routes))
}

func removeFamily(h *netlink.Handle, family int, routes []Route) error {
	if !slices.ContainsFunc(routes, func(r Route) bool { return r.family() == family }) {
		return nil
	}
	ours, err := places(h, family)
	if err != nil {
		return fmt.Errorf("remove routes: %w", err)
	}
	var errs []error
	for _, r := range routes {
		// Asked for metric 0, the kernel deletes one of any metric: look first.
		if r.family() != family || !ours[r.place()] {
			continue
		}
		if err := h.RouteDel(r.place().message()); err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("remove route %v: %w", r, err))
		}
	}
	return errors.Join(errs...)
}

// places are those of our routes.
func places(h *netlink.Handle, family int) (map[place]bool, error) {
	filter := &netlink.Route{Protocol: Protocol} // table 0: all tables
	list, err := h.RouteListFiltered(family, filter, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return nil, fmt.Errorf("read the routes: %w", err)
	}
	ours := make(map[place]bool)
	for _, route := range list {
		ours[placeOf(route)] = true
	}
	return ours, nil
}

func placeOf(route netlink.Route) place {
	ip := route.Dst.IP
	if route.Family == netlink.FAMILY_V4 {
		ip = ip.To4() // the library's 0.0.0.0 has 16 bytes
	}
	address, _ := netip.AddrFromSlice(ip)
	bits, _ := route.Dst.Mask.Size()
	return place{netip.PrefixFrom(address, bits), uint32(route.Table), uint32(route.Priority)}
}
