// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"slices"
	"time"

	"vipd/vrrp"
)

// What holds after each step of one node.

// inspect sees what a step has done. The addresses are looked at when the effects
// are carried out: inspectOwning.
func (n *node) inspect(m int, in vrrp.Input) {
	d := n.daemon
	if _, tick := in.(vrrp.Tick); tick {
		if deadline := d.engine.Deadline(); !deadline.IsZero() && !deadline.After(n.now()) {
			n.w.fail("%s: after a Tick the deadline is not in the future", n.name)
		}
	}
	for i, fx := range d.effects {
		n.inspectEffect(i, fx.Member, fx.Effect)
	}
	switch in := in.(type) {
	case vrrp.Received:
		n.inspectReceived(m, &in)
	case vrrp.Owned:
		n.inspectOwned(m, in.Result)
	}
	for i := range d.statuses {
		if d.stopping && d.statuses[i].State != vrrp.Initialize {
			n.w.fail("%s: %v after Stop", n.name, d.statuses[i].State)
		}
		if d.statuses[i].State != d.statuses[0].State {
			n.w.fail("%s: one member is %v, another %v", n.name, d.statuses[0].State, d.statuses[i].State)
		}
	}
}

// inspectEffect sees one effect: who may send, who may own, and in which order.
func (n *node) inspectEffect(i, m int, effect vrrp.Effect) {
	was, is := n.daemon.was[m].State, n.daemon.statuses[m].State
	switch e := effect.(type) {
	case vrrp.Send:
		n.sent.count(n, e.Priority)
		if e.Priority > 0 && was != vrrp.Active && is != vrrp.Active {
			n.w.fail("%s: %v sends %d", n.name, is, e.Priority)
		}
	case vrrp.Own:
		if e.Wanted && is != vrrp.Active {
			n.w.fail("%s: %v wants the addresses", n.name, is)
		}
	case vrrp.Silence:
		if was == vrrp.Active || is == vrrp.Active && !n.elected(i, m) { // a late loop may do both at once
			n.w.fail("%s: %v falls silent", n.name, is)
		}
	case vrrp.Drain, vrrp.Report:
		if was == vrrp.Active && is == vrrp.Active {
			n.w.fail("%s: an Active %s", n.name, word(e))
		}
	case vrrp.Pass:
		if e.To.IsValid() && !n.daemon.statuses[m].Owns {
			n.w.fail("%s: %v passes segments on", n.name, is)
		}
	case vrrp.Announce:
		if is != vrrp.Active || n.daemon.statuses[m].Phase != vrrp.Settled {
			n.w.fail("%s: %v announces", n.name, is)
		}
	case vrrp.Transition:
		if e.To == vrrp.Active && e.Reason != vrrp.Resumed && !n.tookOver(i, m) {
			n.w.fail("%s: a new Active sends no advert, or not before it wants the addresses", n.name)
		}
	}
}

// elected reports whether the member becomes Active after the i-th effect.
func (n *node) elected(i, m int) bool {
	return slices.ContainsFunc(n.daemon.effects[i:], func(fx vrrp.MemberEffect) bool {
		t, ok := fx.Effect.(vrrp.Transition)
		return ok && fx.Member == m && t.To == vrrp.Active
	})
}

// tookOver reports whether after the i-th effect the member sends an advert, and
// then wants its addresses.
func (n *node) tookOver(i, m int) bool {
	sent := false
	for _, fx := range n.daemon.effects[i:] {
		if fx.Member != m {
			continue
		}
		switch e := fx.Effect.(type) {
		case vrrp.Send:
			sent = sent || e.Priority > 0
		case vrrp.Own:
			return sent && e.Wanted
		}
	}
	return false
}

// inspectReceived: an Active that hears a better one is Active no more.
func (n *node) inspectReceived(m int, in *vrrp.Received) {
	was, is := &n.daemon.was[m], &n.daemon.statuses[m]
	if was.State != vrrp.Active || in.Advert.Report || in.Advert.Priority == 0 || n.refused() {
		return
	}
	if was.Phase == vrrp.Resuming && is.State == vrrp.Active {
		n.w.fail("%s: resumes beside %v", n.name, in.Source)
	}
	better := in.Advert.Priority > was.Priority || // of equal ones a group's first member decides
		m == 0 && in.Advert.Priority == was.Priority && in.Source.Compare(n.addresses[m]) > 0
	if better && is.State == vrrp.Active {
		n.w.fail("%s: stays Active with priority %d against %d from %v", n.name, was.Priority, in.Advert.Priority, in.Source)
	}
}

// refused reports whether the last step refused its advert.
func (n *node) refused() bool {
	for _, fx := range n.daemon.effects {
		if _, refused := fx.Effect.(vrrp.Refused); refused {
			return true
		}
	}
	return false
}

// inspectOwned: once the addresses are there, they are announced.
func (n *node) inspectOwned(m int, result vrrp.OwnResult) {
	is := &n.daemon.statuses[m]
	if result != vrrp.Held || is.State != vrrp.Active || is.Phase != vrrp.Settled || n.spec.rfc {
		return
	}
	for _, fx := range n.daemon.effects {
		if _, announces := fx.Effect.(vrrp.Announce); announces && fx.Member == m {
			return
		}
	}
	n.w.fail("%s: holds its addresses and does not announce them", n.name)
}

// inspectOwning: the addresses are wanted exactly while a router is Active or
// releasing.
func (n *node) inspectOwning() {
	for m := range n.nics {
		s := &n.daemon.statuses[m]
		owns := s.State == vrrp.Active || s.Phase == vrrp.Releasing || s.Phase == vrrp.Draining
		if n.nics[m].wanted != owns || s.Owns != owns {
			n.w.fail("%s: %v %v, and its addresses are wanted: %v", n.name, s.State, s.Phase, n.nics[m].wanted)
		}
	}
}

// inspectEnd: of a router that has stopped nothing comes any more, but farewells.
func (n *node) inspectEnd() {
	d := n.daemon
	for range 3 {
		deadline := d.engine.Deadline()
		if deadline.IsZero() {
			return
		}
		d.effects = d.engine.Step(deadline, 0, vrrp.Tick{}, d.effects[:0])
		for _, fx := range d.effects {
			if fx.Effect != (vrrp.Send{Priority: 0}) {
				n.w.fail("%s: has stopped, and then %s", n.name, word(fx.Effect))
			}
		}
	}
	n.w.fail("%s: has stopped, and waits for something", n.name)
}

// inspectParsed: a packet with a flipped bit is refused, any other is not.
func (n *node) inspectParsed(p *packet, reject vrrp.Reject) {
	if p.rotten == (reject == vrrp.Accepted) {
		n.w.fail("%s: parsed %x: %v", n.name, p.bytes, reject)
	}
}

// window counts the adverts of one node in its interval.
type window struct {
	from time.Duration
	sent int
}

// maxSent is how many adverts a node may send in one interval: the usual ones,
// those in answer to others, those that tell of a change, and farewells. It is
// far more than there ever is, and far less than a storm.
const maxSent = 60

func (s *window) count(n *node, priority uint8) {
	if n.w.now-s.from > n.spec.interval {
		*s = window{from: n.w.now}
	}
	s.sent++
	if s.sent > maxSent && !n.spec.rfc { // which answers each losing advert
		n.w.fail("%s: a storm of %d adverts since %v, priority %d", n.name, s.sent, s.from, priority)
	}
}

// What holds between two nodes.

// pair is since when two nodes are at odds, for each virtual router.
type pair struct {
	active, holding, passing [2]since
	first                    [2]bool // the first of them was Active
}

// since is a time, or none.
type since struct {
	at time.Duration
	so bool
}

// tooLong notes whether something is so, and reports whether it has been for
// longer than the bound.
func (s *since) tooLong(now time.Duration, so bool, bound time.Duration) bool {
	if !so || !s.so {
		*s = since{now, so}
	}
	return so && now-s.at > bound
}

// checkPairs: two Actives that hear each other are soon one; two hosts do not hold
// the addresses for longer than a lease, or two, if first the one was frozen and
// then the other died; two pass segments to each other for a moment alone.
func (w *world) checkPairs() {
	for _, a := range w.nodes {
		for _, b := range w.nodes[a.id+1:] {
			p := &w.pairs[a.id*len(w.nodes)+b.id]
			for m := range w.families {
				active := a.isActive(m) && b.isActive(m) && a.awake() && b.awake() && w.hearEachOther(a, b, m)
				if p.active[m].tooLong(w.now, active && w.decides(a, b, m), w.soon(a, b)) {
					w.fail("%s and %s both Active since %v", a.name, b.name, p.active[m].at)
				}
				holding := a.letsGo(m) && b.letsGo(m) && w.hearEachOther(a, b, m)
				turned := a.isActive(m) != p.first[m]
				p.first[m] = a.isActive(m)
				circle := !turned && a.passesTo(m, b) && b.passesTo(m, a) && a.awake() && b.awake() && w.hearEachOther(a, b, m)
				if p.passing[m].tooLong(w.now, circle, w.soon(a, b)+turning) {
					w.fail("%s and %s pass segments to each other since %v", a.name, b.name, p.passing[m].at)
				}
				lease := vrrp.AutoLease(max(a.spec.interval, b.spec.interval), 0)
				if p.holding[m].tooLong(w.now, holding, w.soon(a, b)+2*lease) {
					w.fail("%s and %s both hold the addresses since %v", a.name, b.name, p.holding[m].at)
				}
			}
		}
	}
}

// decides reports whether a member decides between two nodes: the first one of a
// group does between equal priorities.
func (w *world) decides(a, b *node, m int) bool {
	return m == 0 || a.priority() != b.priority()
}

func (n *node) isActive(m int) bool {
	return n.daemon != nil && n.daemon.statuses[m].State == vrrp.Active
}

// turning is for how long a node passes to the one that is Active instead of it.
const turning = time.Second

// passesTo reports whether the node passes segments on to another one.
func (n *node) passesTo(m int, to *node) bool {
	return n.daemon != nil && n.daemon.statuses[m].PassesTo == to.addresses[m]
}

// letsGo reports whether the node holds addresses that it will let go in time when
// it should: other programs have no lease, and a paused machine's does not end.
func (n *node) letsGo(m int) bool {
	return n.nics[m].holds && !n.clock.paused && (!n.spec.rfc || n.daemon != nil && n.awake())
}

// hearEachOther reports whether every advert of each of two nodes counts with the
// other. One that has given up is not heard for an interval: what comes from it
// may have been overtaken.
func (w *world) hearEachOther(a, b *node, m int) bool {
	silent := max(a.spec.interval, b.spec.interval) + w.slowest
	return w.reaches(a, b, m) && w.reaches(b, a, m) && w.lan.loss == 0 && w.lan.rot == 0 && w.lan.tamper == nil &&
		w.now-a.lastZero > silent && w.now-b.lastZero > silent
}

// soon bounds how long two Actives go on that hear each other: until the next
// advert of the one that wins, which may just resume.
func (w *world) soon(a, b *node) time.Duration {
	const resuming = 50 * time.Millisecond
	interval := max(a.spec.interval, b.spec.interval)
	return interval + interval/100 + 2*w.slowest + resuming + 2*max(a.latest(), b.latest())
}
