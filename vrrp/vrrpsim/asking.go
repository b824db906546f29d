// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"net/netip"
	"time"

	"vipd/vrrp"
)

// watch is what a daemon knows of the host of the Active that one of its routers
// follows.
type watch struct {
	*vrrp.HostWatch
	source netip.Addr
}

// follow begins to watch a host, or ends it.
func (n *node) follow(m int, source netip.Addr) {
	n.daemon.watches[m] = watch{}
	if source.IsValid() {
		n.daemon.watches[m] = watch{vrrp.NewHostWatch(n.now(), n.spec.every), source}
	}
}

// heardHost tells the watch of an accepted advert.
func (n *node) heardHost(m int, source netip.Addr) {
	if w := n.daemon.watches[m]; w.source == source && w.HostWatch != nil {
		w.Heard(n.now())
	}
}

// tickWatches asks what is to be asked, and tells the routers what they should know.
func (n *node) tickWatches() {
	for m, w := range n.daemon.watches {
		if w.HostWatch == nil {
			continue
		}
		said := w.Tick(n.now())
		if said.Back {
			n.judgeHost(m, "the Active's host is back", vrrp.HostBack{Source: w.source})
		}
		if said.Lost {
			n.judgeHost(m, "the Active's host is lost", vrrp.HostLost{Source: w.source})
		}
		if said.Ask {
			n.question(m, w.source)
		}
	}
}

func (n *node) judgeHost(m int, text string, in vrrp.Input) {
	n.w.trace.add(entry{at: n.w.now, node: n, member: m, text: text})
	n.step(m, in)
}

// deadline is when the daemon's loop has something to do.
func (d *daemon) deadline() time.Time {
	next := d.engine.Deadline()
	for _, w := range d.watches {
		if w.HostWatch != nil && (next.IsZero() || w.Deadline().Before(next)) {
			next = w.Deadline()
		}
	}
	return next
}

// question asks a host by ARP or ND. Its kernel answers, whatever its daemon does, or
// a switch does on its behalf.
func (n *node) question(m int, target netip.Addr) {
	w, d := n.w, n.daemon
	answer := func() { n.answered(d, m, target) }
	if w.lan.proxy && n.linkUp && !w.spoiled() {
		w.after(w.delay(), answer)
		return
	}
	to := w.host(m, target)
	if to == nil || !w.carries(n, to, m) {
		return
	}
	w.after(w.delay(), func() {
		if to.answersQuestions() && w.carries(to, n, m) {
			w.after(w.delay(), answer)
		}
	})
}

// answersQuestions reports whether the host's kernel answers for its own addresses.
func (n *node) answersQuestions() bool { return n.linkUp && !n.clock.paused && !n.mute && !n.shy }

// host is who has an address of its own; nil: nobody.
func (w *world) host(m int, address netip.Addr) *node {
	for _, n := range w.nodes {
		if n.addresses[m] == address {
			return n
		}
	}
	return nil
}

// carries reports whether one packet arrives.
func (w *world) carries(from, to *node, m int) bool {
	return w.reaches(from, to, m) && !w.spoiled()
}

// spoiled reports whether one packet is lost, or of no use.
func (w *world) spoiled() bool { return w.chance(w.lan.loss) || w.chance(w.lan.rot) }

// answered brings an answer to the daemon. A process that is stopped finds it in its
// socket when it goes on, a moment after its deadlines have woken it.
func (n *node) answered(d *daemon, m int, source netip.Addr) {
	const reading = 20 * time.Millisecond
	if !n.awake() {
		n.later = append(n.later, func() {
			n.w.after(n.w.upTo(reading), func() { n.answered(d, m, source) })
		})
		return
	}
	n.w.after(n.w.upTo(n.latest()), func() {
		if n.daemon != d {
			return
		}
		n.tell(func() {
			if w := n.daemon.watches[m]; w.source == source && w.HostWatch != nil {
				w.Answered(n.now())
			}
		})
	})
}
