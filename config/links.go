// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"slices"

	"vipd/vrrp"
)

// Interfaces lists the interfaces that a router needs, sorted: its own, and those of
// its addresses and routes.
func (r *Router) Interfaces() []string {
	all := []string{r.Interface}
	for i := range r.Families {
		for _, a := range r.Families[i].Held {
			all = append(all, a.Interface)
		}
		for _, route := range r.Families[i].Routes {
			if route.Interface != "" {
				all = append(all, route.Interface)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Derived says in a line each which link-local addresses the file's routers have that
// are not in it.
func (f *File) Derived() []string {
	var lines []string
	for _, node := range slices.Sorted(maps.Keys(f.byNode)) {
		for router, family := range f.byNode[node].families() {
			for _, a := range family.Held {
				line := fmt.Sprintf("router %s: %v is added, and advertised first", router.Name, a.Prefix)
				if a.Derived && !slices.Contains(lines, line) {
					lines = append(lines, line)
				}
			}
		}
	}
	return lines
}

// VirtualLink names the interface that has the family's virtual MAC.
func (f *Family) VirtualLink() string {
	if f.IPv4() {
		return fmt.Sprintf("vrrp.%d", f.VRID)
	}
	return fmt.Sprintf("vrrp6.%d", f.VRID)
}

// VirtualMAC is the address of that interface.
func (f *Family) VirtualMAC() string { return vrrp.VirtualMAC(f.VRID, f.IPv4()) }
