// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// maxEntries bounds what a journal remembers.
const maxEntries = 1 << 16

// journal is what an observer has recorded, in its order, for those who wait for
// something to happen.
type journal[T any] struct {
	ended chan struct{} // closed by end

	mu      sync.Mutex // guards what follows
	entries []T
	taken   int           // how many came before entries
	changed chan struct{} // closed and replaced at each entry
	err     error         // why it ended
}

func newJournal[T any]() *journal[T] {
	return &journal[T]{ended: make(chan struct{}), changed: make(chan struct{})}
}

// add records an entry. It is an error when the journal is full.
func (j *journal[T]) add(entry T) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.entries) == maxEntries {
		return fmt.Errorf("the record is full with %d entries", maxEntries)
	}
	j.entries = append(j.entries, entry)
	close(j.changed)
	j.changed = make(chan struct{})
	return nil
}

// end is called once, when nothing is recorded any more.
func (j *journal[T]) end(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.err = err
	close(j.ended)
}

// all are the entries so far.
func (j *journal[T]) all() []T {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

// take are the entries that nobody has taken yet, in future forgotten.
func (j *journal[T]) take() []T {
	j.mu.Lock()
	defer j.mu.Unlock()
	entries := j.entries
	j.entries, j.taken = nil, j.taken+len(entries)
	return entries
}

// wait waits for the first entry, from the begin on, that matches. What is taken
// meanwhile may be missed.
func (j *journal[T]) wait(ctx context.Context, match func(T) bool) (T, error) {
	for seen := 0; ; {
		j.mu.Lock()
		fresh, changed := j.entries[max(0, seen-j.taken):], j.changed
		seen = j.taken + len(j.entries)
		j.mu.Unlock()
		if i := slices.IndexFunc(fresh, match); i >= 0 {
			return fresh[i], nil
		}
		var none T
		select {
		case <-changed:
		case <-j.ended:
			return none, fmt.Errorf("the record has ended: %w", j.err)
		case <-ctx.Done():
			return none, fmt.Errorf("nothing like it among %d: %w", seen, ctx.Err())
		}
	}
}
