// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"slices"

	"vipd/vrrp"
)

// linkChanged hears the state of an interface.
func (d *Daemon) linkChanged(l Link) {
	d.log.Info("interface", "interface", l.Name, "index", l.Index, "up", l.Up, "source", l.Source(), "problem", l.Problem)
	for _, r := range d.routers {
		if r.config.Interface == l.Name {
			d.linkOf(r, l)
		}
	}
}

// linkOf tells a router what its interface is like now. Reasons that hold it back
// come first, then what it runs with, then the reasons that are gone.
func (d *Daemon) linkOf(r *router, l Link) {
	if l.Index != r.link.Index {
		d.setBlocked(r, vrrp.InterfaceMissing, true) // another interface, if one at all
		r.swept = false
	}
	reasons := []struct {
		why   vrrp.Reason
		holds bool
	}{
		{vrrp.LinkDown, l.Index != 0 && !l.Up},
		{vrrp.NoSocket, l.Index != 0 && !l.Listening},
		{vrrp.NoSourceAddress, l.Index != 0 && !l.Source().IsValid()},
		{vrrp.InterfaceMissing, l.Index == 0},
	}
	for _, reason := range reasons {
		if reason.holds {
			d.setBlocked(r, reason.why, true)
		}
	}
	d.flush() // what the old source address sends, it sends before this
	r.link = l
	d.step(r, vrrp.Source{Address: l.Source()})
	d.sweep(r)
	d.warnOutside(r)
	for _, reason := range reasons {
		if !reason.holds {
			d.setBlocked(r, reason.why, false)
		}
	}
}

// sweep removes what a crashed daemon has left behind on an interface, before the
// router runs there.
func (d *Daemon) sweep(r *router) {
	if r.link.Index != 0 && !r.swept {
		r.swept = true
		d.own(r, false)
	}
}

// warnOutside warns of virtual addresses in none of the interface's networks: it
// works, but hosts must find their way there.
func (d *Daemon) warnOutside(r *router) {
	if !r.link.Source().IsValid() {
		return
	}
	var outside []netip.Prefix
	for _, virtual := range r.config.Prefixes {
		if !slices.ContainsFunc(r.link.Prefixes, func(own netip.Prefix) bool { return own.Contains(virtual.Addr()) }) {
			outside = append(outside, virtual)
		}
	}
	if len(outside) > 0 && !slices.Equal(outside, r.outside) {
		d.log.Warn("addresses outside of the interface's networks", "router", r.config.Name,
			"interface", r.link.Name, "addresses", outside, "networks", r.link.Prefixes)
	}
	r.outside = outside
}
