// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
)

// AgainstHost compares the configuration with this host, as far as a look from
// outside shows. What it finds is a warning, as interfaces come and go; but for a
// script that could not be run, and what keeps connections from being drained.
func (c *Config) AgainstHost(file string) Problems {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return Problems{{File: file, Text: "the addresses of this host can't be read: " + err.Error(), Warning: true}}
	}
	return c.against(file, hostInterface{addresses: addresses}, lookAt, readSysctl)
}

// against compares with a host: all its addresses, and ways to look at one of its
// interfaces, and at one of the kernel's settings.
func (c *Config) against(file string, all hostInterface, look func(name string) (hostInterface, error), sysctl func(path string) (int, error)) Problems {
	var problems Problems
	h := host{reader: &reader{file: file, problems: &problems}, look: look, sysctl: sysctl, virtual: c.Virtual()}
	h.own = h.prefixes(all)
	for i := range c.Routers {
		h.compare(&c.Routers[i])
	}
	h.passesOn(c)
	problems = append(problems, c.Scripts(file)...)
	problems.sort()
	return problems
}

// host is this host, seen from outside.
type host struct {
	*reader
	look    func(name string) (hostInterface, error)
	sysctl  func(path string) (int, error) // of a path under /proc/sys
	virtual []netip.Addr                   // do not count as the host's
	own     []netip.Prefix                 // addresses of all interfaces
}

// hostInterface is what is seen of an interface.
type hostInterface struct {
	running   bool
	vrf       bool // is in one
	addresses []net.Addr
}

// lookAt looks at an interface of this host.
func lookAt(name string) (hostInterface, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return hostInterface{}, err
	}
	addresses, err := ifi.Addrs()
	if err != nil {
		return hostInterface{}, err
	}
	vrf, err := inVRF(name)
	return hostInterface{ifi.Flags&net.FlagRunning != 0, vrf, addresses}, err
}

// inVRF reports whether an interface is enslaved to a VRF.
func inVRF(name string) (bool, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return false, err
	}
	slave := link.Attrs().Slave
	return slave != nil && slave.SlaveType() == "vrf", nil
}

// compare looks at all interfaces that a router names.
func (h *host) compare(router *Router) {
	found := map[string][]netip.Prefix{} // addresses of the interfaces that are there
	for _, named := range interfacesOf(router) {
		if own, ok := h.find(named.name, at(router.place, named.key)); ok {
			found[named.name] = own
		}
	}
	for i := range router.Families {
		f := &router.Families[i]
		if own, ok := found[router.Interface]; ok {
			h.hasSource(router, f, own)
		}
		for _, a := range f.Held {
			h.hasNetwork(router, a, found[a.Interface])
		}
	}
	h.tracked(router)
	h.drains(router)
}

// tracked looks at the interfaces that a router tracks.
func (h *host) tracked(router *Router) {
	here := at(router.place, "track_interfaces")
	for _, t := range router.Tracked {
		switch ifi, err := h.look(t.Name); {
		case err != nil:
			h.warn(here, "there is no interface %q on this host now: that counts as a failure", t.Name)
		case !ifi.running:
			h.warn(here, "%q is down, or has no carrier: that counts as a failure", t.Name)
		}
	}
}

// namedInterface is an interface and the key of a router that names it.
type namedInterface struct{ name, key string }

// interfacesOf lists the interfaces that a router names, each once.
func interfacesOf(router *Router) []namedInterface {
	all := []namedInterface{{router.Interface, "interface"}}
	add := func(name, key string) {
		if name != "" && !slices.ContainsFunc(all, func(n namedInterface) bool { return n.name == name }) {
			all = append(all, namedInterface{name, key})
		}
	}
	for i := range router.Families {
		for _, a := range router.Families[i].Held {
			add(a.Interface, "addresses")
		}
	}
	for i := range router.Families {
		for _, route := range router.Families[i].Routes {
			add(route.Interface, "routes")
		}
	}
	return all
}

// find looks for an interface, and lists its own addresses.
func (h *host) find(name string, here value) ([]netip.Prefix, bool) {
	ifi, err := h.look(name)
	if err != nil {
		h.warn(here, "there is no interface %q on this host now: the router waits for it", name)
		return nil, false
	}
	if !ifi.running {
		h.warn(here, "%q is down, or has no carrier", name)
	}
	return h.prefixes(ifi), true
}

// prefixes lists the interface's addresses without those that a running vipd set.
func (h *host) prefixes(ifi hostInterface) []netip.Prefix {
	var own []netip.Prefix
	for _, a := range ifi.addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !slices.Contains(h.virtual, p.Addr()) {
			own = append(own, p)
		}
	}
	return own
}

// hasSource looks for the address that a family's adverts come from.
func (h *host) hasSource(router *Router, f *Family, own []netip.Prefix) {
	here := at(router.place, "interface")
	is := func(fits func(netip.Addr) bool) func(netip.Prefix) bool {
		return func(p netip.Prefix) bool { return fits(p.Addr()) }
	}
	switch {
	case f.Source.IsValid():
		if !slices.ContainsFunc(h.own, is(func(a netip.Addr) bool { return a == f.Source })) {
			h.warn(at(router.place, "unicast"), "%v, the source of this node, is on no interface of this host now", f.Source)
		}
	case f.IPv4() && !slices.ContainsFunc(own, is(netip.Addr.Is4)):
		h.warn(here, "%q has no IPv4 address: adverts need one as their source", router.Interface)
	case !f.IPv4() && !slices.ContainsFunc(own, is(isLinkLocal)):
		h.warn(here, "%q has no IPv6 link-local address: adverts need one as their source", router.Interface)
	}
}

// hasNetwork looks for the network of a virtual address among those of the same
// family that the interface has. A link-local one needs none.
func (h *host) hasNetwork(router *Router, a Address, own []netip.Prefix) {
	address := a.Prefix.Addr()
	var networks []netip.Prefix
	for _, p := range own {
		if p.Addr().Is4() == address.Is4() && !isLinkLocal(p.Addr()) {
			networks = append(networks, p.Masked())
		}
	}
	contains := func(n netip.Prefix) bool { return n.Contains(address) }
	if len(networks) > 0 && !isLinkLocal(address) && !slices.ContainsFunc(networks, contains) {
		h.warn(at(router.place, "addresses"), "%v is in none of the networks of %q: %s",
			address, a.Interface, fmt.Sprint(networks))
	}
}

// isLinkLocal reports a link-local address of IPv6: every interface has its own.
func isLinkLocal(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() }
