// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// earlyDemux are the switches of the kernel's early demultiplexing, of both families: it
// finds the socket of a segment before the segment comes to the rule that passes on what
// has none.
func earlyDemux() []string { return []string{"net/ipv4/ip_early_demux", "net/ipv4/tcp_early_demux"} }

// strictReversePath is RFC 3704's strict mode: a packet must come in where the route back
// to its source leaves.
const strictReversePath = 1

// readSysctl reads a number under /proc/sys. The path has slashes, because the name of an
// interface may have dots. The error is fs.ErrNotExist where there is no such interface.
func readSysctl(path string) (int, error) {
	text, err := os.ReadFile("/proc/sys/" + path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// sysctlName is the name as sysctl(8) writes it: a dot in an interface's name is a slash.
func sysctlName(path string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '/':
			return '.'
		case '.':
			return '/'
		}
		return r
	}, path)
}

// passesOn refuses a host on which no router could pass anything on.
func (h *host) passesOn(c *Config) {
	i := slices.IndexFunc(c.Routers, func(r Router) bool { return r.Drain > 0 })
	if i < 0 {
		return
	}
	here := at(c.Routers[i].place, "drain")
	for _, path := range earlyDemux() {
		switch value, err := h.sysctl(path); {
		case err != nil:
			h.warn(here, "%s must be 1, and can't be read: %v", sysctlName(path), err)
		case value == 0:
			h.problem(here, "%s is 0: the kernel can't tell then which connections are this node's own, and vipd passes on nothing to a node that drains: want 1",
				sysctlName(path))
		}
	}
}

// drains looks for what keeps this host from draining a router.
func (h *host) drains(router *Router) {
	if router.Drain == 0 {
		return
	}
	for _, named := range interfacesOf(router) {
		if ifi, err := h.look(named.name); err == nil && ifi.vrf && named.key != "routes" {
			h.problem(at(router.place, named.key), "%q is in a VRF: an address that drains is on the loopback interface, outside of it: want `drain: off`", named.name)
		}
	}
	h.drainsBeside(router)
}

// drainsBeside refuses the strict reverse path filter where the segments that are passed
// on come in, for an address on another interface: the way back to its clients leaves by that.
// IPv6 has no such filter.
func (h *host) drainsBeside(router *Router) {
	a := router.beside()
	if a == nil {
		return
	}
	here := at(router.place, "addresses")
	switch filter, err := h.reversePath(router.Interface); {
	case errors.Is(err, fs.ErrNotExist): // the interface is not there, which is said already
	case err != nil:
		h.warn(here, "whether the reverse path filter of %q drops what is passed on for %v can't be read: %v", router.Interface, a.Prefix.Addr(), err)
	case filter == strictReversePath:
		h.problem(here, "%v is on %q, but while this node drains its segments come in by %q, where the reverse path filter drops them: "+
			"the higher of net.ipv4.conf.all.rp_filter and %s is 1 (strict), want 2 (loose)",
			a.Prefix.Addr(), a.Interface, router.Interface, sysctlName(reversePathOf(router.Interface)))
	}
}

// reversePath is what counts of an interface's filter and that of all: the higher one.
func (h *host) reversePath(ifname string) (int, error) {
	all, err := h.sysctl(reversePathOf("all"))
	if err != nil {
		return 0, err
	}
	own, err := h.sysctl(reversePathOf(ifname))
	return max(all, own), err
}

func reversePathOf(ifname string) string { return "net/ipv4/conf/" + ifname + "/rp_filter" }

// beside is the first IPv4 address on another interface than the router's; nil: there is none.
func (r *Router) beside() *Address {
	for i := range r.Families {
		for j := range r.Families[i].Held {
			if a := &r.Families[i].Held[j]; a.Prefix.Addr().Is4() && a.Interface != r.Interface {
				return a
			}
		}
	}
	return nil
}
