// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"

	"vipd/vrrp"
)

// addressBuffer is where an advert's addresses are parsed to.
type addressBuffer [vrrp.MaxAddresses]netip.Addr

// rejects counts the packets that were refused before a router was found.
type rejects [vrrp.NumRejects]uint64

// receive takes one received packet to its router.
func (d *Daemon) receive(p *Packet) {
	advert, reject := vrrp.Parse(p.Payload, vrrp.Meta{Source: p.Source, Destination: p.Destination, TTL: p.TTL}, d.scratch[:0])
	if reject != vrrp.Accepted {
		d.refuse(p, reject)
		return
	}
	f := d.familyFor(p.Link, advert.VRID, p.Source.Is4())
	if f == nil {
		d.refuse(p, vrrp.RejectVRID)
		return
	}
	if f.router.group.opening.on() {
		f.keepEarly(p, &advert)
		return
	}
	d.heard = p
	d.step(f, vrrp.Received{Advert: advert, Source: p.Source, Destination: p.Destination})
	d.heard = nil
	d.heardHost(f, p.Source)
	d.warnOutranked(f, p.Source, advert.Priority)
}

// refuse counts a packet that belongs to no router.
func (d *Daemon) refuse(p *Packet, why vrrp.Reject) {
	d.rejected[why]++
	d.logRefused(p, why)
}

func (d *Daemon) logRefused(p *Packet, why vrrp.Reject) {
	d.logBounded(p.Source, why.String(), "advert refused", "interface", p.Link, "ttl", p.TTL, "length", len(p.Payload))
}
