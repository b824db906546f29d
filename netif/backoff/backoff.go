// SPDX-License-Identifier: Apache-2.0

// Package backoff paces what is tried again, or would go round in a circle.
package backoff

import (
	"context"
	"time"
)

// Backoff is the pause before the next attempt: it doubles from First to Longest, and
// begins with First again after a time that was quiet for twice the Longest.
type Backoff struct {
	First, Longest time.Duration

	pause time.Duration
	last  time.Time // the end of the last pause
}

// Wait waits for the pause or the end of ctx; then it returns false.
func (b *Backoff) Wait(ctx context.Context) bool {
	timer := time.NewTimer(b.next())
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	b.last = time.Now()
	return ctx.Err() == nil
}

func (b *Backoff) next() time.Duration {
	b.pause = min(2*b.pause, b.Longest)
	if b.pause == 0 || time.Since(b.last) > 2*b.Longest {
		b.pause = b.First
	}
	return b.pause
}
