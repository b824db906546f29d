// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"container/heap"
	"time"
)

// schedule knows what comes next: the cost of a turn depends on the routers that
// something happens to, not on how many there are.
type schedule struct {
	waiting waiting
	touched []*router // something may have changed their deadlines in this turn
}

// waiting is a heap of the routers that have a deadline, the next one first. Of those that
// have the same, the order is always the same, too: else each advert of a thousand would
// leave at another place among them.
type waiting []*router

func (w waiting) Len() int { return len(w) }

func (w waiting) Less(i, j int) bool {
	if c := w[i].next.Compare(w[j].next); c != 0 {
		return c < 0
	}
	return w[i].number < w[j].number
}

func (w waiting) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].position, w[j].position = i, j
}

func (w *waiting) Push(x any) {
	r := x.(*router)
	r.position = len(*w)
	*w = append(*w, r)
}

func (w *waiting) Pop() any {
	last := len(*w) - 1
	r := (*w)[last]
	(*w)[last] = nil
	*w = (*w)[:last]
	return r
}

// touch makes a router one that is looked at in this turn.
func (s *schedule) touch(r *router) {
	if !r.touched {
		r.touched = true
		s.touched = append(s.touched, r)
	}
}

// touchDue touches the routers whose deadline has come.
func (s *schedule) touchDue(now time.Time) {
	for len(s.waiting) > 0 && !now.Before(s.waiting[0].next) {
		r := heap.Pop(&s.waiting).(*router)
		r.next = time.Time{}
		s.touch(r)
	}
}

// settle takes up the new deadlines of the routers that were touched.
func (s *schedule) settle(now time.Time) {
	for i, r := range s.touched {
		s.set(r, r.deadline(now))
		r.touched, s.touched[i] = false, nil
	}
	s.touched = s.touched[:0]
}

// set gives a router another deadline; zero: it has none.
func (s *schedule) set(r *router, next time.Time) {
	had := !r.next.IsZero()
	r.next = next
	switch {
	case had && next.IsZero():
		heap.Remove(&s.waiting, r.position)
	case had:
		heap.Fix(&s.waiting, r.position)
	case !next.IsZero():
		heap.Push(&s.waiting, r)
	}
}

// next is when the first router is due; zero: none is.
func (s *schedule) next() time.Time {
	if len(s.waiting) == 0 {
		return time.Time{}
	}
	return s.waiting[0].next
}

// deadline is when something is to be done for a router.
func (r *router) deadline(now time.Time) time.Time {
	if r.gone() {
		return time.Time{}
	}
	next := sooner(r.graceEnds, r.opening.ends)
	deadline := r.group.Deadline()
	switch {
	case r.hears(now) && !deadline.IsZero():
		deadline = r.hearsUntil
	case r.isDue(now): // and held back
		deadline = now.Add(lookAgain)
	}
	next = sooner(next, deadline)
	for _, f := range r.families {
		next = sooner(next, f.muteEnds)
	}
	return next
}

func due(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }

// sooner is the earlier instant, of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
