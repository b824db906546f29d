// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"maps"
	"net/netip"
	"slices"

	"vipd/vrrp"
)

// linkChanged hears the state of an interface.
func (d *Daemon) linkChanged(l Link) {
	d.log.Info("interface", "interface", l.Name, "index", l.Index, "up", l.Up, "addresses", l.Prefixes, "problem", l.Problem)
	d.links[l.Name] = l
	for _, r := range d.routers {
		if slices.Contains(r.config.Interfaces(), l.Name) {
			d.linkOf(r, l)
			d.tryAddresses(r)
		}
		if r.config.Tracks(l.Name) {
			d.judge(r)
		}
	}
	if d.waiting != nil {
		d.tryReload(d.waiting)
	}
}

// tryAddresses lets a router whose addresses could not be set try again: what was in the
// way may have gone with the interface's change.
func (d *Daemon) tryAddresses(r *router) {
	for _, f := range r.families {
		d.step(f, vrrp.Unblock{Reason: vrrp.AddressFailed})
	}
}

// hindrance is a reason that an interface may be, for one family.
type hindrance struct {
	family *family
	why    vrrp.Reason
	holds  bool
}

// linkOf tells a router what one of its interfaces is like now. Reasons that hold it
// back come first, then what it runs with, then the reasons that are gone.
func (d *Daemon) linkOf(r *router, l Link) {
	if l.Index != r.links[l.Name].Index {
		d.block(r, vrrp.InterfaceMissing, true) // another interface, if one at all
		if o := &r.group.opening; o.asked {
			o.ends = d.now // the answer is about the one before
		}
		for _, f := range r.families {
			f.swept = false
		}
	}
	links := maps.Clone(r.links)
	links[l.Name] = l
	hindrances := r.hindrances(links)
	for _, h := range hindrances {
		if h.holds {
			h.family.deletions.excuse() // they may have gone with the interface
			d.setBlocked(h.family, h.why, true)
		}
	}
	d.flush() // what is sent from where the router was, leaves from there
	r.links = links
	for _, f := range r.families {
		d.moveTo(f)
	}
	for _, h := range hindrances {
		if !h.holds {
			d.setBlocked(h.family, h.why, false)
		}
	}
}

// hindrances are what interfaces that are like this hold back, and what they don't,
// for each family.
func (r *router) hindrances(links map[string]Link) (all []hindrance) {
	missing, down := false, false
	for _, name := range r.config.Interfaces() {
		l := links[name]
		missing = missing || l.Index == 0
		down = down || l.Index != 0 && !l.Up
	}
	own := links[r.config.Interface]
	there := own.Index != 0
	for _, f := range r.families {
		all = append(all,
			hindrance{f, vrrp.LinkDown, down},
			hindrance{f, vrrp.NoSocket, f.noSocket(links)},
			hindrance{f, vrrp.NoSourceAddress, there && !f.sourceOn(&own).IsValid()},
			hindrance{f, vrrp.InterfaceMissing, missing})
	}
	return all
}

// moveTo makes a family run with its interfaces as they are now.
func (d *Daemon) moveTo(f *family) {
	f.link = f.router.links[f.router.config.Interface]
	d.index = nil
	f.source = f.sourceOn(&f.link)
	f.place()
	d.step(f, vrrp.Source{Address: f.source})
	d.sweep(f)
	d.warnOutside(f)
}

// sweep removes what a crashed daemon has left behind on an interface, before the
// router runs there.
func (d *Daemon) sweep(f *family) {
	if f.link.Index != 0 && !f.swept && !f.router.group.opening.on() {
		f.swept = true
		d.own(f, false)
	}
}

// warnOutside warns of virtual addresses in none of their interface's networks: it
// works, but hosts must find their way there.
func (d *Daemon) warnOutside(f *family) {
	var outside []netip.Prefix
	for _, virtual := range f.config.Held {
		l := f.router.links[virtual.Interface]
		ip := virtual.Prefix.Addr()
		known := l.source(ip.Is4()).IsValid() && !ip.IsLinkLocalUnicast()
		if known && !slices.ContainsFunc(l.Prefixes, func(own netip.Prefix) bool { return own.Contains(ip) }) {
			outside = append(outside, virtual.Prefix)
		}
	}
	if len(outside) > 0 && !slices.Equal(outside, f.outside) {
		d.log.Warn("addresses outside of the interface's networks", f.attrs("addresses", outside)...)
	}
	f.outside = outside
}

// attrs are the attributes of a log line about a family.
func (f *family) attrs(more ...any) []any {
	return append([]any{"router", f.router.config.Name, "family", f.name}, more...)
}
