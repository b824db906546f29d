// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"slices"

	"vipd/vrrp"
)

const (
	// linkLocalBits is the length of every link-local network (RFC 4291 §2.5.6).
	linkLocalBits = 64
	// An IPv6 advert of more than these bytes leaves in fragments on Ethernet. Over
	// IPv4 the most that an advert can have, 255 addresses, is 1056.
	ethernetMTU = 1500
	ipv6Header  = 40
	vrrpHeader  = 8
	ipv6Address = 16
)

// Family is one virtual router of the RFC: a router's part of one address family.
type Family struct {
	// Params is complete: Addresses are the advertised ones of the family, over IPv6
	// a link-local one first; Peers are those of the family.
	vrrp.Params
	// Source is where unicast adverts come from. Zero: the interface's primary
	// address (IPv4) or its link-local one (IPv6).
	Source netip.Addr
	// Held is what comes and goes with it: its own addresses, advertised or not, and
	// those of the other family when that one is no Family.
	Held []Address
	// Routes are those of the family, or of both when there is one Family.
	Routes []Route
}

// IPv4 reports the family.
func (f *Family) IPv4() bool { return f.Addresses[0].Is4() }

// name is the family, for messages.
func (f *Family) name() string {
	if f.IPv4() {
		return "IPv4"
	}
	return "IPv6"
}

// assemble sorts what was read by family.
func (d *draft) assemble() {
	d.deriveLinkLocal()
	for _, ipv4 := range []bool{true, false} {
		if advertised := d.advertised(ipv4); len(advertised) > 0 {
			f := Family{Params: d.Params}
			f.Addresses = advertised
			d.Families = append(d.Families, f)
		}
	}
	for i := range d.Families {
		d.fill(&d.Families[i])
	}
}

// fill gives a family what it holds; the only one holds everything.
func (d *draft) fill(f *Family) {
	alone := len(d.Families) == 1
	for _, a := range d.addresses {
		if alone || a.Prefix.Addr().Is4() == f.IPv4() {
			f.Held = append(f.Held, a)
		}
		f.DerivedLinkLocal = f.DerivedLinkLocal || a.Derived && !f.IPv4()
	}
	for _, route := range d.routes {
		if alone || route.Destination.Addr().Is4() == f.IPv4() {
			f.Routes = append(f.Routes, route)
		}
	}
	if d.unicast != nil {
		d.unicast.fill(f)
	}
}

// deriveLinkLocal adds the link-local address that the adverts of an IPv6 virtual
// router begin with (RFC 9568 §5.2.9), if the file has none.
func (d *draft) deriveLinkLocal() {
	advertised := d.advertised(false)
	if d.VRID == 0 || len(advertised) == 0 || advertised[0].IsLinkLocalUnicast() {
		return
	}
	derived := Address{
		Prefix:    netip.PrefixFrom(vrrp.VirtualLinkLocal(d.VRID), linkLocalBits),
		Interface: d.Interface, Advertised: true, Derived: true,
	}
	first := slices.IndexFunc(d.addresses, func(a Address) bool { return a.Prefix.Addr().Is6() })
	d.addresses = slices.Insert(d.addresses, first, derived)
}

// advertised lists the addresses in one family's adverts: as written, but over IPv6
// a link-local one first, if there is one.
func (d *draft) advertised(ipv4 bool) []netip.Addr {
	var all []netip.Addr
	for _, a := range d.addresses {
		if address := a.Prefix.Addr(); a.Advertised && address.Is4() == ipv4 {
			all = append(all, address)
		}
	}
	if i := slices.IndexFunc(all, netip.Addr.IsLinkLocalUnicast); !ipv4 && i > 0 {
		linkLocal := all[i]
		all = slices.Insert(slices.Delete(all, i, i+1), 0, linkLocal)
	}
	return all
}

// familiesAreWhole sees that each family has what a virtual router needs.
func (r *reader) familiesAreWhole(d *draft) {
	here := at(d.place, "addresses")
	if len(d.Families) == 0 {
		r.problem(here, "no address is advertised: at least one must be")
		return
	}
	for i := range d.Families {
		r.advertHasRoom(here, d, &d.Families[i])
	}
	if d.unicast != nil {
		r.unicastIsWhole(d)
	}
	if d.VirtualMAC {
		r.virtualMACIsThere(here, d)
	}
}

// advertHasRoom refuses more addresses than an advert can count, and warns of more
// than fit into one packet.
func (r *reader) advertHasRoom(here value, d *draft, f *Family) {
	n := len(f.Addresses)
	if n > vrrp.MaxAddresses {
		included := ""
		if f.DerivedLinkLocal {
			included = ", the link-local one included"
		}
		r.problem(here, "%d advertised %s addresses%s: at most %d", n, f.name(), included, vrrp.MaxAddresses)
		return
	}
	length := ipv6Header + vrrpHeader + n*ipv6Address
	switch tooLong := !f.IPv4() && length > ethernetMTU; {
	case tooLong && d.VirtualMAC && len(f.Peers) == 0:
		r.problem(here, "%d advertised IPv6 addresses make packets of %d bytes, which can't leave in fragments from a virtual MAC: want at most %d, the others with `advertised: false`",
			n, length, (ethernetMTU-ipv6Header-vrrpHeader)/ipv6Address)
	case tooLong:
		r.warn(here, "%d advertised IPv6 addresses make packets of %d bytes, which leave in fragments: want at most %d, the others with `advertised: false`",
			n, length, (ethernetMTU-ipv6Header-vrrpHeader)/ipv6Address)
	}
}

// virtualMACIsThere refuses an address that would need a virtual MAC which is not
// there: each family's is another interface.
func (r *reader) virtualMACIsThere(here value, d *draft) {
	for _, a := range d.addresses {
		own := func(f Family) bool { return f.IPv4() == a.Prefix.Addr().Is4() }
		if a.Interface == d.Interface && !slices.ContainsFunc(d.Families, own) {
			r.problem(here, "%v has no virtual MAC, because no address of its family is advertised: want another `interface` for it than %s",
				a.Prefix.Addr(), d.Interface)
		}
	}
}
