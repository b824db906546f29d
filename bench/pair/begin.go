// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vipd/bench/figure"
)

const (
	// Patience is how long beyond its limit an event is waited for.
	Patience = 20 * time.Second

	// joining is how long, and an interval, a node that hears the other is left alone
	// until all of its routers have.
	joining = time.Second
)

// Begin starts a daemon on the better node alone, and on the worse one when all addresses
// are up, and returns after how long they were. It is an error when they are not within
// the limit and Patience.
func (p *Pair) Begin(ctx context.Context, d figure.Daemon) (time.Duration, error) {
	began, first, second := time.Now(), p.Nodes[Better], p.Nodes[Worse]
	if err := first.Start(d); err != nil {
		return 0, err
	}
	bound := p.setting.Silence(Better) + Patience
	took, ok := p.Moved(ctx, Better, began, 0, bound)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if !ok {
		return 0, fmt.Errorf("not all addresses are up %v after the start; the log ends with:\n%s", bound, first.LogTail())
	}
	if err := second.Start(d); err != nil {
		return 0, err
	}
	for began := time.Now(); !second.Hears(); {
		if err := Wait(ctx, lookPeriod); err != nil || time.Since(began) > Patience {
			return 0, errors.Join(err, errors.New("the worse node does not take part"))
		}
	}
	return took, Wait(ctx, joining+p.setting.Interval)
}

// Reset ends the daemons at once, removes what they have left, and forgets who had what.
// It is an error when the watch has missed anything since the last time.
func (p *Pair) Reset() error {
	errs := []error{p.whole()}
	for _, n := range p.Nodes {
		errs = append(errs, n.clear())
	}
	p.Forget()
	return errors.Join(errs...)
}

// Wait waits for a time, or until ctx ends.
func Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
