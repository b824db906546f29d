// SPDX-License-Identifier: Apache-2.0

package pair

import "time"

const nobody = -1

// ledger is who has what, as the hosts of the LANs are told. Its times are since 1970.
type ledger struct {
	interval time.Duration
	holders  []int  // of each address: the node that has announced it last
	held     [2]int // how many addresses each node has announced last
	routers  []router
	changed  time.Duration // when an address was last announced by another node, or a node became Active
	count    Count
	gaps     []time.Duration // between the adverts of a router by the better node; nil: not recorded
}

// Count is what has happened since it was last asked.
type Count struct {
	Announcements int    // gratuitous ARPs or unsolicited neighbor advertisements
	Takeovers     [2]int // how often each node has become the Active of a router
	Flaps         int    // those takeovers that were not the first one of their router
}

// router is a virtual router, as its adverts tell.
type router struct {
	last  [2]time.Duration // each node's last advert, 0 when it has resigned by that
	moved bool             // since it was last counted
}

func newLedger(s Setting) ledger {
	l := ledger{interval: s.Interval, holders: make([]int, s.Total()), routers: make([]router, s.Routers)}
	for i := range l.holders {
		l.holders[i] = nobody
	}
	return l
}

// announced notes that a node has announced an address.
func (l *ledger) announced(i, node int, at time.Duration) {
	l.count.Announcements++
	before := l.holders[i]
	if before == node {
		return
	}
	if before != nobody {
		l.held[before]--
	}
	l.held[node]++
	l.holders[i], l.changed = node, at
}

// advertised notes an advert. Its node has become Active by it, if it was silent before:
// it has resigned, or not said anything for so long as nobody who is Active may, while
// the other node did.
func (l *ledger) advertised(i, node int, at time.Duration, priority uint8) {
	r := &l.routers[i]
	before, other := r.last[node], r.last[1-node]
	if priority == 0 {
		r.last[node] = 0
		return
	}
	r.last[node] = at
	if l.gaps != nil && node == Better && before > 0 {
		l.gaps = append(l.gaps, at-before)
	}
	if before == 0 || other > before && at-before >= 3*l.interval {
		l.tookOver(r, node, at)
	}
}

func (l *ledger) tookOver(r *router, node int, at time.Duration) {
	l.count.Takeovers[node]++
	if r.moved {
		l.count.Flaps++
	}
	r.moved, l.changed = true, at
}

// settle returns the count, and begins a new one.
func (l *ledger) settle() Count {
	count := l.count
	l.count = Count{}
	for i := range l.routers {
		l.routers[i].moved = false
	}
	return count
}
