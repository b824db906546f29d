// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// formsToLearn is how many accepted adverts in a row must show the other form of
// the checksum before it is sent.
const formsToLearn = 3

// outgoing is one destination of the adverts, and the form of the checksum that it
// seems to want.
type outgoing struct {
	destination netip.Addr
	form        Checksum
	others      int // accepted adverts in a row with the other form
}

// newOutgoing lists the destinations: the group, or each peer.
func newOutgoing(p *Params) []outgoing {
	form := ChecksumPseudoHeader
	if p.Checksum == ChecksumFixedRFC9568 {
		form = ChecksumRFC9568
	}
	if len(p.Peers) == 0 {
		return []outgoing{{destination: p.group(), form: form}}
	}
	var all []outgoing
	for _, peer := range p.Peers {
		all = append(all, outgoing{destination: peer, form: form})
	}
	return all
}

// Encode makes the packets of one Send, one for each version and destination, and
// hands each to emit. They are appended to b, which is returned to be used again.
func (r *Router) Encode(priority uint8, b []byte, emit func(destination netip.Addr, packet []byte)) []byte {
	for i := range r.outgoing {
		to := &r.outgoing[i]
		for _, version := range [...]uint8{3, 2} {
			if !r.params.Version.speaks(version) {
				continue
			}
			a := r.advertOf(version, priority)
			a.Checksum = to.form
			start := len(b)
			b = a.AppendTo(b, r.source, to.destination)
			emit(to.destination, b[start:len(b):len(b)])
		}
	}
	return b
}

// advertOf is our advert in one version. Beside a sub-second VRRPv3 the interval in
// VRRPv2 is the shortest that it can say, 1 s (§8.4.2).
func (r *Router) advertOf(version, priority uint8) Advert {
	a := Advert{
		Version: version, VRID: r.params.VRID, Priority: priority,
		Interval: r.params.Interval, Addresses: r.params.Addresses,
	}
	if version == 2 {
		a.Auth = r.params.Auth
		a.Interval = (a.Interval + time.Second - 1).Truncate(time.Second)
	}
	return a
}

// learnForm learns the form of the checksum from an accepted advert. What is
// remembered is bounded: one form for the group, or one for each peer.
func (r *Router) learnForm(a *Advert, source netip.Addr) {
	if r.params.Checksum != ChecksumAuto || a.Version != 3 || !source.Is4() {
		return
	}
	for i := range r.outgoing {
		to := &r.outgoing[i]
		if len(r.params.Peers) > 0 && to.destination != source {
			continue
		}
		if to.form == a.Checksum {
			to.others = 0
			continue
		}
		to.others++
		if to.others == formsToLearn {
			to.form, to.others = a.Checksum, 0
		}
	}
}
