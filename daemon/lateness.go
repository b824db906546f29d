// SPDX-License-Identifier: Apache-2.0

package daemon

import "time"

// latenessBounds are the upper bounds of the histogram's buckets. What is later than the
// last is in none.
var latenessBounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	1 * time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, time.Second,
}

// lateness is how late the loop woke up, since the start.
type lateness struct {
	count   uint64 // how often later than an advert interval
	max     time.Duration
	sum     time.Duration
	wakeups uint64
	buckets [len(latenessBounds)]uint64 // each wake-up in the first that it fits into
}

func (l *lateness) add(late time.Duration) {
	l.max = max(l.max, late)
	l.sum += late
	l.wakeups++
	for i, bound := range latenessBounds {
		if late <= bound {
			l.buckets[i]++
			return
		}
	}
}

// status is the histogram as Prometheus has it: each bucket counts those before it, too.
func (l *lateness) status() LatenessStatus {
	s := LatenessStatus{Count: l.wakeups, Sum: l.sum.Seconds()}
	var below uint64
	for i, bound := range latenessBounds {
		below += l.buckets[i]
		s.Buckets = append(s.Buckets, LatenessBucket{LE: bound.Seconds(), Count: below})
	}
	return s
}
