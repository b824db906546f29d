// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"container/heap"
	"time"
)

// schedule knows what comes next: the cost of a turn depends on the groups that
// something happens to, not on how many there are.
type schedule struct {
	waiting waiting
	touched []*group // something may have changed their deadlines in this turn
}

// waiting is a heap of the groups that have a deadline, the next one first. Of those that
// have the same, the order is always the same, too: else each advert of a thousand would
// leave at another place among them.
type waiting []*group

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
	g := x.(*group)
	g.position = len(*w)
	*w = append(*w, g)
}

func (w *waiting) Pop() any {
	last := len(*w) - 1
	g := (*w)[last]
	(*w)[last] = nil
	*w = (*w)[:last]
	return g
}

// touch makes a group one that is looked at in this turn.
func (s *schedule) touch(g *group) {
	if !g.touched {
		g.touched = true
		s.touched = append(s.touched, g)
	}
}

// touchDue touches the groups whose deadline has come.
func (s *schedule) touchDue(now time.Time) {
	for len(s.waiting) > 0 && !now.Before(s.waiting[0].next) {
		g := heap.Pop(&s.waiting).(*group)
		g.next = time.Time{}
		s.touch(g)
	}
}

// settle takes up the new deadlines of the groups that were touched.
func (s *schedule) settle(now time.Time) {
	for i, g := range s.touched {
		s.set(g, g.deadline(now))
		g.touched, s.touched[i] = false, nil
	}
	s.touched = s.touched[:0]
}

// set gives a group another deadline; zero: it has none.
func (s *schedule) set(g *group, next time.Time) {
	had := !g.next.IsZero()
	g.next = next
	switch {
	case had && next.IsZero():
		heap.Remove(&s.waiting, g.position)
	case had:
		heap.Fix(&s.waiting, g.position)
	case !next.IsZero():
		heap.Push(&s.waiting, g)
	}
}

// next is when the first group is due; zero: none is.
func (s *schedule) next() time.Time {
	if len(s.waiting) == 0 {
		return time.Time{}
	}
	return s.waiting[0].next
}

// deadline is when something is to be done for a group.
func (g *group) deadline(now time.Time) time.Time {
	if g.gone() {
		return time.Time{}
	}
	next := g.opening.ends
	for _, r := range g.routers {
		next = sooner(next, r.graceEnds)
	}
	for _, f := range g.families {
		next = sooner(next, f.muteEnds)
	}
	deadline := g.core.Deadline()
	switch {
	case g.hears(now) && !deadline.IsZero():
		deadline = g.hearsUntil
	case g.isDue(now): // and held back
		deadline = now.Add(lookAgain)
	}
	return sooner(next, deadline)
}

func due(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }

// sooner is the earlier instant, of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
