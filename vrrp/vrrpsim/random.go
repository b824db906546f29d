// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"fmt"
	"time"

	"vipd/vrrp"
)

// Result is what became of one world.
type Result struct {
	Steps int    // of its routers
	Hash  uint64 // of its trace: the same seed gives the same
	Tail  string // the last lines of the trace
	Err   error  // the first violation of an invariant
}

func (w *world) result(err error) Result {
	r := Result{Steps: w.steps, Hash: w.trace.hash, Err: err}
	if err != nil {
		r.Tail = w.trace.last()
	}
	return r
}

// Random runs the world of a seed: some nodes, some faults, some probes.
func Random(seed uint64) Result {
	w := randomWorld(seed)
	return w.result(w.guard(func() {
		w.startAll()
		w.chaos()
		if !w.split() || !w.revive() {
			return
		}
		for range 3 {
			if !w.probe() {
				return
			}
		}
	}))
}

// Faults runs a world of two or three nodes through the faults that the bytes
// say: at most maxFaults, of six bytes each.
func Faults(data []byte) Result {
	seed := uint64(0)
	if len(data) > 0 {
		seed, data = uint64(data[0]), data[1:]
	}
	w := randomWorld(seed)
	return w.result(w.guard(func() {
		w.startAll()
		w.run(starting)
		for i := 0; i < maxFaults && len(data) >= faultBytes; i++ {
			w.plan(w.faultOf([faultBytes]byte(data)))
			data = data[faultBytes:]
		}
		w.run(30 * w.nodes[0].spec.interval)
		w.calm(0)
		w.revive()
	}))
}

const (
	maxFaults  = 24
	faultBytes = 6
)

// faultOf reads a fault: when and for how long in tenths of an interval, then
// what.
func (w *world) faultOf(b [faultBytes]byte) fault {
	tenth := w.nodes[0].spec.interval / 10
	f := fault{
		at: time.Duration(b[0]) * tenth, lasts: time.Duration(b[1]) * tenth / 2,
		kind: faultKind(b[2] % uint8(numFaults)), node: int(b[3]) % len(w.nodes), how: b[5],
	}
	f.peer = (f.node + 1 + int(b[4])%(len(w.nodes)-1)) % len(w.nodes)
	return f
}

// starting is how long it takes until all nodes are started.
const starting = 3 * time.Second

// startAll starts the nodes, not all at once.
func (w *world) startAll() {
	for _, n := range w.nodes {
		w.after(w.upTo(starting), n.start)
	}
	if w.one(2) {
		w.run(w.upTo(8 * time.Second))
	}
}

// chaos is a time of faults.
func (w *world) chaos() {
	interval := w.nodes[0].spec.interval
	for range w.rng.IntN(12) {
		f := w.randomFault(interval)
		w.plan(f)
		if w.one(3) {
			w.plan(w.companion(f))
		}
	}
	w.run(starting + 10*interval + w.upTo(20*interval))
}

// companion is another fault of the same node, while it is still busy with the begin or
// the end of the first one: while it releases, or resumes.
func (w *world) companion(f fault) fault {
	const busy = 60 * time.Millisecond
	other := w.randomFault(w.nodes[f.node].spec.interval)
	other.node, other.at = f.node, pick(w, f.at, f.at+f.lasts)+w.upTo(busy)
	return other
}

func (w *world) randomFault(interval time.Duration) fault {
	f := fault{
		at: w.upTo(20 * interval), kind: faultKind(w.rng.IntN(int(numFaults))),
		node: w.rng.IntN(len(w.nodes)), how: uint8(w.rng.IntN(256)),
	}
	f.peer = (f.node + 1 + w.rng.IntN(len(w.nodes)-1)) % len(w.nodes)
	switch w.rng.IntN(3) {
	case 0:
		f.lasts = w.upTo(interval / 4)
	case 1:
		f.lasts = w.upTo(4 * interval)
	default:
		f.lasts = w.upTo(15 * interval)
	}
	return f
}

// split ends the faults, but for a partition perhaps, and then that too.
func (w *world) split() bool {
	partition := uint8(0)
	if w.one(3) {
		partition = uint8(w.rng.IntN(1 << len(w.nodes)))
	}
	w.calm(partition)
	if !w.rest() || partition == 0 {
		return w.err == nil
	}
	w.calm(0)
	return w.rest()
}

// revive brings everything back.
func (w *world) revive() bool {
	for _, n := range w.nodes {
		for i := range n.serving {
			n.serve(i, true, false)
		}
		n.start()
	}
	return w.rest()
}

// one is true once in so many times.
func (w *world) one(in int) bool { return w.rng.IntN(in) == 0 }

// pick is one of some things.
func pick[T any](w *world, of ...T) T { return of[w.rng.IntN(len(of))] }

// randomWorld makes the nodes of a seed.
func randomWorld(seed uint64) *world {
	w := newWorld(seed)
	w.setFamilies(pick(w, []family{ipv4}, []family{ipv4}, []family{ipv6}, []family{ipv4, ipv6})...)
	count := pick(w, 2, 2, 2, 3, 3, 5)
	hosts4, hosts6 := w.rng.Perm(count), w.rng.Perm(count)
	common := w.commonSpec()
	style := w.rng.IntN(4)
	for i := range count {
		n := w.add(fmt.Sprintf("n%d", i), byte(10+hosts4[i]), byte(10+hosts6[i]))
		n.clock.ppm = int64(w.rng.IntN(401) - 200)
		n.adding = w.upTo(10 * time.Millisecond)
		n.lateness = pick(w, 0, w.upTo(time.Millisecond))
		n.shy = w.one(8)
		n.configure(w.vary(common, style, i))
	}
	w.lan.proxy = w.one(16)
	return w
}

// commonSpec is what the nodes have in common, mostly.
func (w *world) commonSpec() spec {
	s := spec{
		interval: pick(w, shortest, 250*time.Millisecond, 500*time.Millisecond, time.Second, time.Second, time.Second, longest),
		preempt:  !w.one(3),
		handover: vrrp.HandoverFast,
	}
	if w.one(4) {
		s.preemptDelay = w.upTo(10 * time.Second)
	}
	if w.one(4) {
		s.startDelay = w.upTo(10 * time.Second)
	}
	if w.one(2) {
		s.drain = time.Second + w.upTo(20*time.Second)
	}
	for range w.rng.IntN(3) {
		s.penalties = append(s.penalties, pick(w, penalty{}, penalty{}, penalty{less: 30}, penalty{fault: true}))
	}
	return s
}

// vary is the i-th node's configuration.
func (w *world) vary(s spec, style, i int) spec {
	switch style {
	case 0, 1: // as `vipd check` has it
		s.priority = uint8(254 - i)
	case 2:
		s.priority = uint8(1 + w.rng.IntN(254))
	case 3:
		s.priority = pick[uint8](w, 100, 100, 150)
	}
	if w.one(8) {
		s.handover = vrrp.HandoverRFC
	}
	if w.one(12) {
		s.preempt = !s.preempt
	}
	if w.one(12) {
		s.drain = 0
	}
	if w.one(2) {
		s.probe, s.every = true, pick(w, 0, 0, 50*time.Millisecond, 100*time.Millisecond, time.Second)
	}
	if w.one(8) && len(w.families) == 1 {
		s.rfc, s.probe, s.penalties, s.preemptDelay, s.startDelay = true, false, nil, 0, 0
	}
	return s
}
