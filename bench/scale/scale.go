// SPDX-License-Identifier: Apache-2.0

package scale

import (
	"context"
	"sync"

	"vipd/bench/figure"
	"vipd/bench/pair"
)

// Run measures the part "scale" of the benchmark: the light trials side by side, then the
// others one after another.
func Run(ctx context.Context, r figure.Run, add func(figure.Figure)) error {
	var light sync.WaitGroup
	var wanted []*rows
	for _, t := range trials(r) {
		rows := newRows(t)
		if !rows.all().Wanted(r) {
			continue
		}
		wanted = append(wanted, rows)
		if t.light {
			light.Go(func() { rows.measure(ctx, r) })
		}
	}
	light.Wait()
	for _, rows := range wanted {
		if !rows.trial.light {
			rows.measure(ctx, r)
		}
		rows.all().Tell(r, add)
	}
	return ctx.Err()
}

func (r *rows) measure(ctx context.Context, run figure.Run) {
	r.all().Measure(ctx, run, r.trial.Setting, r.trial.repetitions, func(p *pair.Pair, d figure.Daemon, i int) error {
		c := &cycle{Pair: p, trial: r.trial, daemon: d, rows: r}
		return c.run(ctx, i < r.trial.looks)
	})
}
