// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"net/netip"
	"time"
)

const maxNodes = 8

// percent is a probability.
type percent int

// lan is the network between the nodes.
type lan struct {
	cut  [maxNodes][maxNodes]uint8 // bits of members that are cut, from, to
	loss percent
	dup  percent
	rot  percent // one bit is flipped
	slow time.Duration
	// proxy: a switch answers questions for all hosts, also those that are gone.
	proxy bool

	// tamper may delay or drop one packet; nil: it does not.
	tamper func(from, to *node, priority uint8) (delay time.Duration, drop bool)
}

const (
	fastest = 20 * time.Microsecond // that a packet arrives
	usual   = time.Millisecond      // within which it arrives on a LAN that is well
)

// packet is an advert on the wire.
type packet struct {
	source, destination netip.Addr
	bytes               []byte
	rotten              bool
}

// both is the cut of all families.
const both = 0b11

// reaches reports whether packets of that virtual router go from one node to
// another, apart from those that are lost.
func (w *world) reaches(from, to *node, m int) bool {
	return from.linkUp && to.linkUp && w.lan.cut[from.id][to.id]&(1<<m) == 0
}

// delay is how long one packet takes.
func (w *world) delay() time.Duration { return fastest + w.upTo(w.lan.slow-fastest) }

// multicast sends a packet to every other node.
func (w *world) multicast(from *node, m int, priority uint8, b []byte) {
	if !from.linkUp {
		return
	}
	p := &packet{source: from.addresses[m], destination: w.families[m].group, bytes: append([]byte(nil), b...)}
	for _, to := range w.nodes {
		if to == from || !w.reaches(from, to, m) || w.chance(w.lan.loss) {
			continue
		}
		extra, drop := time.Duration(0), false
		if w.lan.tamper != nil {
			extra, drop = w.lan.tamper(from, to, priority)
		}
		if drop {
			continue
		}
		w.deliver(to, m, p, extra)
		if w.chance(w.lan.dup) {
			w.deliver(to, m, p, extra)
		}
	}
}

// unicast sends a packet to the node that has the address, if any.
func (w *world) unicast(from *node, m int, destination netip.Addr, b []byte) {
	to := w.host(m, destination)
	if to != nil && w.reaches(from, to, m) && !w.chance(w.lan.loss) {
		w.deliver(to, m, &packet{source: from.addresses[m], destination: destination, bytes: append([]byte(nil), b...)}, 0)
	}
}

// deliver brings one packet to one node.
func (w *world) deliver(to *node, m int, p *packet, extra time.Duration) {
	if w.chance(w.lan.rot) {
		p = &packet{p.source, p.destination, append([]byte(nil), p.bytes...), true}
		bit := w.rng.IntN(8 * len(p.bytes))
		p.bytes[bit/8] ^= 1 << (bit % 8)
	}
	w.after(w.delay()+extra, func() {
		if to.linkUp {
			to.post(news{member: m, packet: p})
		}
	})
}

// cutOff cuts one direction, for the members in the mask, or heals it.
func (w *world) cutOff(from, to int, mask uint8, cut bool) {
	if cut {
		w.lan.cut[from][to] |= mask
	} else {
		w.lan.cut[from][to] &^= mask
	}
}

// partition cuts the nodes in the set off from the others, or heals that.
func (w *world) partition(set uint8, cut bool) {
	for a := range w.nodes {
		for b := range w.nodes {
			if set>>a&1 != set>>b&1 {
				w.cutOff(a, b, both, cut)
			}
		}
	}
}
