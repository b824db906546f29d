// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// formsToLearn is how many accepted adverts in a row must show another form before it
// is sent.
const formsToLearn = 3

// learned is a form that is sent because the peers send it.
type learned struct {
	other bool // it is not the one to begin with
	shown int  // accepted adverts in a row with the one that is not sent
}

// see takes the form of an accepted advert.
func (l *learned) see(other bool) {
	if other == l.other {
		l.shown = 0
		return
	}
	l.shown++
	if l.shown == formsToLearn {
		*l = learned{other: other}
	}
}

// outgoing is one destination of the adverts, and the forms that it seems to want.
type outgoing struct {
	destination netip.Addr
	// plain is the checksum of RFC 9568 over IPv4, without the pseudo-header.
	plain learned
	// bare leaves the derived link-local address out, as the last advert heard did.
	// keepalived up to 2.3.2 drops adverts with another number of addresses than its
	// own, and many of its configurations have no link-local one: both would be Active.
	bare bool
}

// newOutgoing lists the destinations: the group, or each peer.
func newOutgoing(p *Params) []outgoing {
	begin := outgoing{destination: p.group(), plain: learned{other: p.Checksum == ChecksumFixedRFC9568}}
	if len(p.Peers) == 0 {
		return []outgoing{begin}
	}
	var all []outgoing
	for _, peer := range p.Peers {
		begin.destination = peer
		all = append(all, begin)
	}
	return all
}

// Encode makes the packets of one Send, one for each version and destination, and
// hands each to emit. They are appended to b, which is returned to be used again.
func (r *Router) Encode(priority uint8, b []byte, emit func(destination netip.Addr, packet []byte)) []byte {
	for i := range r.outgoing {
		b = r.encode(&r.outgoing[i], Advert{Priority: priority}, b, emit)
	}
	return b
}

// EncodeReport makes the packets of one Report, like Encode. The last one has priority 0,
// as the last advert of an Active has.
func (r *Router) EncodeReport(report Report, b []byte, emit func(destination netip.Addr, packet []byte)) []byte {
	form := r.outgoing[0]
	for _, known := range r.outgoing {
		if known.destination == report.To {
			form = known
		}
	}
	form.destination = report.To
	a := Advert{Report: true}
	if !report.Last {
		a.Priority = r.params.Priority
	}
	return r.encode(&form, a, b, emit)
}

// encode makes the packets for one destination.
func (r *Router) encode(to *outgoing, a Advert, b []byte, emit func(destination netip.Addr, packet []byte)) []byte {
	for _, version := range [...]uint8{3, 2} {
		if !r.params.Version.speaks(version) {
			continue
		}
		r.complete(&a, version)
		to.shape(&a)
		start := len(b)
		b = a.AppendTo(b, r.source, to.destination)
		emit(to.destination, b[start:len(b):len(b)])
	}
	return b
}

// complete makes it our advert in one version. Beside a sub-second VRRPv3 the interval in
// VRRPv2 is the shortest that it can say, 1 s (§8.4.2).
func (r *Router) complete(a *Advert, version uint8) {
	a.Version, a.VRID, a.Checksum = version, r.params.VRID, ChecksumPseudoHeader
	a.Interval, a.Addresses = r.params.Interval, r.params.Addresses
	if version == 2 {
		a.Auth = r.params.Auth
		a.Interval = (a.Interval + time.Second - 1).Truncate(time.Second)
	}
}

// shape gives an advert the forms of a destination.
func (to *outgoing) shape(a *Advert) {
	if to.plain.other {
		a.Checksum = ChecksumRFC9568
	}
	if to.bare {
		a.Addresses = a.Addresses[1:]
	}
}

// learnForms learns from an accepted advert what its sender wants to hear. What is
// remembered is bounded: it is of the group, or of each peer.
func (r *Router) learnForms(a *Advert, source netip.Addr) {
	if a.Version != 3 {
		return
	}
	for i := range r.outgoing {
		to := &r.outgoing[i]
		if len(r.params.Peers) > 0 && to.destination != source {
			continue
		}
		if r.params.Checksum == ChecksumAuto && source.Is4() {
			to.plain.see(a.Checksum == ChecksumRFC9568)
		}
		if r.params.DerivedLinkLocal {
			to.bare = !a.Addresses[0].IsLinkLocalUnicast()
		}
	}
}
