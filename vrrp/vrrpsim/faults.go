// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"fmt"
	"time"

	"vipd/vrrp"
)

// fault is something that goes wrong at a time, for a while.
type fault struct {
	at, lasts time.Duration
	kind      faultKind
	node      int
	peer      int   // of a cut
	how       uint8 // whatever the kind makes of it
}

type faultKind uint8

const (
	cutOneWay faultKind = iota
	cutOneFamily
	cutApart // a partition
	losing
	doubling
	slowing // and so reordering
	rotting
	crashing // and resuming, if it is back in time
	stopping
	leavingKilled // killed while releasing
	handingOff
	lagging // the daemon's loop wakes late
	freezing
	pausing
	ailing // a check fails
	addFailing
	notRenewing
	reloading
	unplugging
	maintaining
	resigning
	unanswered // the Active's host was asked, and no answer came
	muting     // the host answers no questions, though it is there
	numFaults
)

var faultWords = [numFaults]string{
	"cut one way", "cut one family", "partition", "loss", "duplicates", "delay", "bit errors", "crash", "stop",
	"killed while releasing", "hand-off", "late loop", "freeze", "pause", "check", "address add", "lease", "reload", "unplug", "maintenance",
	"resignation", "unanswered", "mute",
}

func (f fault) String() string {
	return fmt.Sprintf("fault: %s node %d peer %d how %d for %v", faultWords[f.kind], f.node, f.peer, f.how, f.lasts)
}

// plan has a fault happen. It ends by itself, unless the world is calmed before.
func (w *world) plan(f fault) {
	w.unlessCalm(f.at, func() {
		w.trace.add(entry{at: w.now, text: f.String()})
		w.begin(f)
		w.unlessCalm(f.lasts, func() {
			w.trace.add(entry{at: w.now, text: "ended: " + f.String()})
			w.end(f)
		})
	})
}

// unlessCalm has something happen later, if the world is not calmed before.
func (w *world) unlessCalm(d time.Duration, do func()) {
	era := w.era
	w.after(d, func() {
		if w.era == era {
			do()
		}
	})
}

func (w *world) begin(f fault) {
	if f.kind <= rotting {
		w.disturb(f, true)
		return
	}
	switch n := w.nodes[f.node]; f.kind {
	case crashing:
		n.crash()
	case stopping:
		n.stop()
	case leavingKilled:
		n.stop()
		w.unlessCalm(time.Duration(f.how)*time.Millisecond, n.crash)
	case handingOff:
		n.handOff()
	case lagging:
		n.lag(time.Duration(f.how) * n.spec.interval / 64)
	case freezing:
		n.freeze(true)
	case pausing:
		n.pause(true)
	case ailing:
		n.ail(f.how, false)
	case addFailing:
		n.addFails = !n.spec.rfc
	case notRenewing:
		n.stuck = true
	case reloading:
		n.reload(n.spec.changed(f.how))
	case unplugging:
		n.setLink(false)
	case maintaining:
		n.maintain(true)
	case resigning:
		n.input(0, vrrp.Resign{})
	case unanswered:
		n.missAnswers()
	case muting:
		n.mute = true
	}
}

func (w *world) end(f fault) {
	if f.kind <= rotting {
		w.disturb(f, false)
		return
	}
	switch n := w.nodes[f.node]; f.kind {
	case crashing, stopping, leavingKilled, handingOff:
		n.start()
	case lagging:
		n.lag(0)
	case freezing:
		n.freeze(false)
	case pausing:
		n.pause(false)
	case ailing:
		n.ail(f.how, true)
	case addFailing:
		n.addFails = false
	case notRenewing:
		n.stuck = false
	case unplugging:
		n.setLink(true)
	case maintaining:
		n.maintain(false)
	case resigning:
		n.input(0, vrrp.Reclaim{})
	case muting:
		n.mute = false
	}
}

// disturb makes the network bad, or well again.
func (w *world) disturb(f fault, bad bool) {
	rate := percent(0)
	if bad {
		rate = percent(f.how % 60)
	}
	switch f.kind {
	case cutOneWay:
		w.cutOff(f.node, f.peer, both, bad)
	case cutOneFamily:
		w.cutOff(f.node, f.peer, 1<<(f.how%2), bad)
	case cutApart:
		w.partition(f.how, bad)
	case losing:
		w.lan.loss = rate
	case doubling:
		w.lan.dup = rate
	case rotting:
		w.lan.rot = rate
	case slowing:
		w.setSlow(usual)
		if bad {
			w.setSlow(usual + time.Duration(f.how)*time.Millisecond/4)
		}
	}
}

// ail makes one of the node's services ill or well. By how odd, its process dies.
func (n *node) ail(how uint8, well bool) {
	if len(n.serving) > 0 {
		n.serve(int(how/2)%len(n.serving), well, how%2 == 1)
	}
}

// The advert intervals of the random worlds.
const shortest, longest = 100 * time.Millisecond, 3 * time.Second

// changed is the configuration after somebody has edited it.
func (s spec) changed(how uint8) spec {
	intervals := [...]time.Duration{s.interval, s.interval, s.interval / 2, 2 * s.interval}
	s.priority = min(max(how, 1), 254)
	s.probe = s.probe != (how%8 == 7)
	s.interval = min(max(intervals[how%4].Truncate(10*time.Millisecond), shortest), longest)
	return s
}
