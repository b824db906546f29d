// SPDX-License-Identifier: Apache-2.0

package netif

import "time"

const (
	// looksPerPeriod bounds how often a slot is looked at because somebody touched what
	// it holds. What was deleted is put back at once, but whoever deletes it each time
	// must not keep us, the kernel and all its listeners busy.
	looksPerPeriod = 20
	lookPeriod     = time.Second
)

// looks counts those of one slot.
type looks struct {
	since   time.Time // begin of the period
	count   int       // in it
	waiting bool      // one waits for the next period
}

// next is when the next look may be: now, or after a pause.
func (l *looks) next(now time.Time) (pause time.Duration) {
	if now.Sub(l.since) >= lookPeriod {
		l.since, l.count = now, 0
	}
	if l.count++; l.count <= looksPerPeriod {
		return 0
	}
	return l.since.Add(lookPeriod).Sub(now)
}

// suspect makes the keeper look at a slot that somebody touched: now, or later when
// that was often of late. It is called with mu held.
func (k *keeper) suspect(s *slot) {
	if s.suspect || s.looks.waiting {
		return
	}
	pause := s.looks.next(time.Now())
	if pause == 0 {
		s.suspect = true
		k.enqueue(s)
		return
	}
	s.looks.waiting = true
	time.AfterFunc(pause, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		s.looks.waiting = false
		if s.held != nil {
			k.suspect(s)
		}
	})
}
