// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync"
	"time"
)

// latenessPeriod is how often is looked how late this machine is.
const latenessPeriod = 5 * time.Millisecond

// lateness is how late a process of no special priority is woken on this machine: what
// a vipd may be late by, too, without a fault of its own.
type lateness struct {
	mu   sync.Mutex // guards most
	most time.Duration
}

// run looks until ctx ends.
func (l *lateness) run(ctx context.Context) {
	for ctx.Err() == nil {
		start := time.Now()
		time.Sleep(latenessPeriod)
		l.note(time.Since(start) - latenessPeriod)
	}
}

func (l *lateness) note(late time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most = max(l.most, late)
}

// take is the most since it was taken last.
func (l *lateness) take() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := l.most
	l.most = 0
	return most
}
