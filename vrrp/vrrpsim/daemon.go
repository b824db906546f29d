// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"net/netip"
	"time"

	"vipd/health"
	"vipd/vrrp"
)

const (
	queueLength = 1024        // of packets; more are dropped
	maxSleep    = time.Second // the daemon's loop wakes at least so often
)

// daemon is one life of the process.
type daemon struct {
	engine   engine
	members  []member
	statuses []vrrp.Status // after the last step
	was      []vrrp.Status // before it
	watches  []watch       // of each member; without a source: none
	tallies  []health.Tally
	blocked  map[vrrp.Reason]bool
	queue    []news
	armed    time.Time // what the timer is set to
	stopping bool
	effects  []vrrp.MemberEffect
	payload  []byte
}

// news is one event in the daemon's queue: a packet for a member, or anything else.
type news struct {
	member int
	packet *packet
	do     func()
}

// tell has the daemon do something in its next turn.
func (n *node) tell(do func()) { n.post(news{do: do}) }

// input gives the daemon one input.
func (n *node) input(m int, in vrrp.Input) { n.tell(func() { n.step(m, in) }) }

// post queues news. A full queue drops packets, and nothing else.
func (n *node) post(what news) {
	d := n.daemon
	if d == nil || what.packet != nil && len(d.queue) >= queueLength {
		return
	}
	d.queue = append(d.queue, what)
	n.turn()
}

// turn is a turn of the daemon's loop: what is queued comes before the deadlines.
func (n *node) turn() {
	d := n.daemon
	if d == nil || !n.awake() {
		return
	}
	n.noticeLateness()
	for len(d.queue) > 0 {
		first := d.queue[0]
		d.queue = d.queue[1:]
		if first.packet != nil {
			n.receive(first.member, first.packet)
		} else {
			first.do()
		}
	}
	if deadline := d.engine.Deadline(); !deadline.IsZero() && !n.now().Before(deadline) {
		n.step(0, vrrp.Tick{})
	}
	n.tickWatches()
	d.armed = n.now().Add(maxSleep)
	if deadline := d.deadline(); !deadline.IsZero() && deadline.Before(d.armed) {
		d.armed = deadline
	}
	n.finish()
	n.rearm()
}

// noticeLateness tells the routers that the loop has slept.
func (n *node) noticeLateness() {
	if d := n.daemon; !d.armed.IsZero() && n.now().Sub(d.armed) > n.spec.interval {
		n.step(0, vrrp.Woke{})
	}
}

// finish ends a daemon that was asked to and owns nothing any more.
func (n *node) finish() {
	d := n.daemon
	if !d.stopping {
		return
	}
	for _, s := range d.statuses {
		if s.Owns {
			return
		}
	}
	n.inspectEnd()
	for m := range n.nics {
		n.hold(m, false)
	}
	next := n.next
	n.crash()
	if next != nil {
		n.configure(*next)
		n.start()
	}
}

// step gives an input and carries out what follows, as the daemon does.
func (n *node) step(m int, in vrrp.Input) {
	d := n.daemon
	n.w.steps++
	d.was, d.statuses = d.statuses, d.was
	d.effects = d.engine.Step(n.now(), m, in, d.effects[:0])
	for i, r := range d.members {
		d.statuses[i] = r.Status()
	}
	n.inspect(m, in)
	for _, fx := range d.effects {
		n.apply(fx.Member, fx.Effect)
	}
	n.inspectOwning()
}

// apply carries out one effect.
func (n *node) apply(m int, effect vrrp.Effect) {
	n.w.trace.add(entry{at: n.w.now, node: n, member: m, effect: effect, dull: n.dull(m, effect)})
	switch e := effect.(type) {
	case vrrp.Transition:
		n.nics[m].leaving, n.nics[m].sent = e.From == vrrp.Active, nil
		n.w.transition(n, m, e)
	case vrrp.Send:
		n.nics[m].sent = e
		n.send(m, e.Priority)
	case vrrp.Own:
		n.nics[m].silent, n.nics[m].drains = false, false
		n.own(m, e.Wanted)
	case vrrp.Silence:
		n.nics[m].silent = true
	case vrrp.Drain:
		n.nics[m].drains = true
		n.own(m, true)
	case vrrp.Report:
		n.report(m, e)
	case vrrp.Announce:
		n.nics[m].announced = n.w.now
	case vrrp.Follow:
		n.follow(m, e.Source)
	case vrrp.Doubt:
		n.daemon.watches[m].Doubt(n.now())
	}
}

// dull reports whether a reader of the trace need not see an effect: an advert
// that says what the one before it said, or what the RFC wants logged.
func (n *node) dull(m int, effect vrrp.Effect) bool {
	switch e := effect.(type) {
	case vrrp.Notice:
		return true
	case vrrp.Send:
		return e.Priority > 0 && effect == n.nics[m].sent
	}
	return false
}

// send puts an advert on the wire. One that leaves renews the lease.
func (n *node) send(m int, priority uint8) {
	d := n.daemon
	d.payload = d.members[m].Encode(priority, d.payload[:0], func(destination netip.Addr, b []byte) {
		n.w.multicast(n, m, priority, b)
	})
	if priority == 0 {
		n.lastZero = n.w.now
		return
	}
	n.lastSent = n.w.now
	if n.linkUp {
		n.renew(m)
	}
}

// report says to a successor that the node drains, or not any more. In the end no
// connection is left.
func (n *node) report(m int, r vrrp.Report) {
	d := n.daemon
	d.payload = d.members[m].(*vrrp.Router).EncodeReport(r, d.payload[:0], func(destination netip.Addr, b []byte) {
		n.w.unicast(n, m, destination, b)
	})
	if !r.Last && n.w.one(8) {
		n.w.after(n.latest(), func() {
			if n.daemon == d {
				n.input(m, vrrp.Drained{})
			}
		})
	}
}

// receive is a packet's way through the daemon.
func (n *node) receive(m int, p *packet) {
	meta := vrrp.Meta{Source: p.source, Destination: p.destination, TTL: vrrp.TTL}
	advert, reject := vrrp.Parse(p.bytes, meta, n.w.scratch[:0])
	n.inspectParsed(p, reject)
	if reject == vrrp.Accepted && advert.VRID == vrid {
		n.step(m, vrrp.Received{Advert: advert, Source: p.source, Destination: p.destination})
		if !n.refused() {
			n.heardHost(m, p.source)
		}
	}
}
