// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"time"

	"vipd/vrrp"
)

// What holds when nothing goes wrong any more.

// calm ends all faults but those that are left on purpose: nodes that are down,
// checks that fail, and a clean partition.
func (w *world) calm(partition uint8) {
	w.era++
	w.calmed = w.now
	w.lan = lan{proxy: w.lan.proxy}
	w.setSlow(usual)
	w.partition(partition, true)
	for _, n := range w.nodes {
		n.addFails, n.stuck, n.mute = false, false, false
		n.lag(0)
		n.pause(false)
		n.freeze(false)
		n.maintain(false)
		n.input(0, vrrp.Reclaim{})
		n.setLink(true)
	}
}

// settle waits for the end of everything that is under way.
func (w *world) settle() {
	interval := w.longest
	var retry, delay, checks time.Duration
	for _, n := range w.nodes {
		delay = max(delay, n.spec.preemptDelay+n.spec.startDelay)
		if len(n.spec.penalties) > 0 {
			checks = (rise + 2) * checkInterval
		}
		if n.blockedBy(vrrp.AddressFailed) {
			retry = 31 * time.Second // it tries again
		}
	}
	w.run(12*interval + retry + delay + checks + time.Second)
}

func (n *node) blockedBy(why vrrp.Reason) bool {
	if n.daemon != nil {
		for _, s := range n.daemon.statuses {
			for _, reason := range s.Blocked {
				if reason == why {
					return true
				}
			}
		}
	}
	return false
}

// checkSettled: in each part where a node may run there is one Active, which alone holds the addresses
// and, if everybody preempts, has the highest priority.
func (w *world) checkSettled() {
	for _, p := range w.parts() {
		may := p.eligible()
		active := p.active()
		switch {
		case active == nil && len(may) == 0:
			continue
		case active == nil:
			w.fail("settled, and there is not one Active: %s", p)
			return
		}
		if best := may.best(); p.preempts() && active.priority() < best.priority() {
			w.fail("settled, and %s is Active with %d, not %s with %d", active.name, active.priority(), best.name, best.priority())
		}
		w.checkHolder(p, active)
		w.checkAnnounced(active)
	}
}

// checkHolder: what nobody runs holds nothing, but for other programs that were
// killed.
func (w *world) checkHolder(p part, active *node) {
	for _, n := range w.nodes {
		for m := range n.nics {
			switch holds := n.nics[m].holds; {
			case n == active && !holds:
				w.fail("settled, and the Active %s does not hold its addresses", n.name)
			case n.daemon == nil && holds && !n.spec.rfc:
				w.fail("settled, and %s, which does not run, holds addresses", n.name)
			}
		}
	}
	for _, n := range p {
		if n != active && (n.holds() || n.isActive(0)) {
			w.fail("settled, and %s holds addresses beside %s", n.name, active.name)
		}
	}
}

// checkAnnounced: hosts that have followed another node are told. Where packets are
// lost the other one may go unheard, and a program that knows only the RFC is.
func (w *world) checkAnnounced(active *node) {
	if active.spec.rfc {
		return
	}
	for _, n := range w.nodes {
		for m := range n.nics {
			left, letGo := n.nics[m].left, n.nics[m].letGo
			if left > w.calmed && letGo > active.nics[m].announced && w.reaches(n, active, m) && !n.spec.rfc && n != active {
				w.fail("%s has let its addresses go at %v, and %s has not announced them since", n.name, letGo, active.name)
			}
		}
	}
}

// checkQuiet: nothing moves, and the Actives alone advertise.
func (w *world) checkQuiet(d time.Duration) {
	moves, start := w.moves, w.now
	w.run(d)
	if w.err == nil && w.moves != moves {
		w.fail("an election in the quiet phase since %v", start)
	}
	for _, n := range w.nodes {
		if n.daemon != nil && !n.isActive(0) && n.lastSent > start {
			w.fail("%s advertises in the quiet phase, and is not Active", n.name)
		}
	}
}

// rest is to settle and to see that all is well.
func (w *world) rest() bool {
	w.settle()
	w.slowest = w.lan.slow // what was slower has arrived
	if w.err == nil {
		w.checkSettled()
	}
	if w.err == nil {
		w.checkQuiet(w.quietTime())
	}
	return w.err == nil
}

// quietTime is some intervals.
func (w *world) quietTime() time.Duration {
	longest := time.Duration(0)
	for _, n := range w.nodes {
		longest = max(longest, n.spec.interval)
	}
	return 6 * longest
}
