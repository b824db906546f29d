// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// AgainstHost compares the configuration with this host, as far as a look from
// outside shows. Everything it finds is a warning: interfaces come and go.
func (c *Config) AgainstHost(file string) Problems {
	var problems Problems
	r := &reader{file: file, problems: &problems}
	for i := range c.Routers {
		r.againstHost(&c.Routers[i])
	}
	problems.sort()
	return problems
}

func (r *reader) againstHost(router *Router) {
	here := at(router.place, "interface")
	ifi, err := net.InterfaceByName(router.Interface)
	if err != nil {
		r.warn(here, "there is no interface %q on this host now: the router waits for it", router.Interface)
		return
	}
	if ifi.Flags&net.FlagRunning == 0 {
		r.warn(here, "%q is down, or has no carrier", router.Interface)
	}
	networks := ipv4Networks(ifi)
	if len(networks) == 0 {
		r.warn(here, "%q has no IPv4 address: adverts need one as their source", router.Interface)
		return
	}
	for _, virtual := range router.Addresses {
		if !slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(virtual) }) {
			r.warn(at(router.place, "addresses"), "%v is in none of the networks of %q: %s",
				virtual, router.Interface, fmt.Sprint(networks))
		}
	}
}

func ipv4Networks(ifi *net.Interface) []netip.Prefix {
	addresses, err := ifi.Addrs()
	if err != nil {
		return nil
	}
	var networks []netip.Prefix
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			networks = append(networks, p.Masked())
		}
	}
	return networks
}
