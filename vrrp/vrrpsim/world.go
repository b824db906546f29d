// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime/debug"
	"time"

	"vipd/vrrp"
)

// world is some nodes on a LAN, with a time of its own. The same seed makes the
// same world.
type world struct {
	now      time.Duration
	rng      *rand.Rand
	events   events
	sequence uint64
	era      int // of the faults; those of an earlier one are void
	calmed   time.Duration
	nodes    []*node
	families []family // of the virtual routers
	lan      lan
	trace    trace
	scratch  [8]netip.Addr
	steps    int
	err      error // the first violation

	slowest   time.Duration // that a packet ever was
	longest   time.Duration // interval there ever was
	elections int           // transitions to Active, a node's members counted once
	moves     int           // transitions of any kind
	gaps      int           // how often the last holder of an address let it go
	holders   []int         // of each virtual router
	pairs     []pair
}

// event is something that happens at a time.
type event struct {
	at       time.Duration
	sequence uint64 // of events at the same time, the first made is the first
	do       func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].sequence < e[j].sequence
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// newWorld makes an empty world.
func newWorld(seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 0))}
	w.setFamilies(ipv4)
	w.setSlow(usual)
	w.trace.reset()
	return w
}

// setFamilies says which virtual routers the nodes have, before there are nodes.
func (w *world) setFamilies(families ...family) {
	w.families, w.holders = families, make([]int, len(families))
}

// add adds a node that is not started yet. host is its place in the network: of
// two equal priorities, the higher wins.
func (w *world) add(name string, host ...byte) *node {
	n := &node{w: w, id: len(w.nodes), name: name, linkUp: true, wakes: never, lastZero: -time.Hour}
	for m, f := range w.families {
		n.addresses = append(n.addresses, f.node(host[m]))
	}
	n.clock.shown = time.Unix(1000, 0).Add(w.upTo(time.Hour)) // it booted before
	n.nics = make([]nic, len(w.families))
	w.nodes = append(w.nodes, n)
	w.pairs = make([]pair, len(w.nodes)*len(w.nodes))
	return n
}

// after has something happen later.
func (w *world) after(d time.Duration, do func()) {
	w.sequence++
	heap.Push(&w.events, event{w.now + d, w.sequence, do})
}

// upTo is a random time from 0 to d.
func (w *world) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(w.rng.Int64N(int64(d) + 1))
}

func (w *world) chance(p percent) bool { return p > 0 && w.rng.IntN(100) < int(p) }

func (w *world) setSlow(d time.Duration) {
	w.lan.slow = d
	w.slowest = max(w.slowest, d)
}

// fail notes a violation. The first one ends the world.
func (w *world) fail(format string, arguments ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("at %v: %s", w.now, fmt.Sprintf(format, arguments...))
	}
}

// guard does something in the world. A panic in it is a violation.
func (w *world) guard(do func()) error {
	defer func() {
		if p := recover(); p != nil {
			w.fail("panic: %v\n%s", p, debug.Stack())
		}
	}()
	do()
	return w.err
}

// run lets time go by.
func (w *world) run(d time.Duration) { w.await(d, func() bool { return false }) }

// await lets time go by until something is so. It reports whether it was within
// the limit, and how long that took.
func (w *world) await(limit time.Duration, so func() bool) (time.Duration, bool) {
	start := w.now
	end := start + limit
	for w.err == nil && !so() {
		if !w.next(end) {
			w.now = end
			return limit, so()
		}
	}
	return w.now - start, w.err == nil
}

// next lets the next thing happen, if it does before the end: a packet or a fault
// that comes at the same time as a deadline comes first.
func (w *world) next(end time.Duration) bool {
	first := w.nodes[0]
	for _, n := range w.nodes {
		if n.wakes < first.wakes {
			first = n
		}
	}
	switch {
	case len(w.events) > 0 && w.events[0].at <= min(first.wakes, end):
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.do()
	case first.wakes <= end:
		w.now = max(w.now, first.wakes)
		first.wake()
	default:
		return false
	}
	w.checkPairs()
	return true
}

// transition hears of a changed state.
func (w *world) transition(n *node, m int, t vrrp.Transition) {
	w.moves++
	if t.From == vrrp.Active {
		n.nics[m].left = w.now
	}
	if t.To == vrrp.Active && m == 0 {
		w.elections++
	}
}

// held hears that a node has addresses, or has them no more.
func (w *world) held(n *node, m int, holds bool) {
	w.trace.add(entry{at: w.now, node: n, member: m, text: map[bool]string{true: "holds", false: "holds no more"}[holds]})
	if holds {
		w.holders[m]++
		return
	}
	if n.daemon != nil {
		n.nics[m].letGo = w.now
	}
	w.holders[m]--
	if w.holders[m] == 0 {
		w.gaps++
	}
}
