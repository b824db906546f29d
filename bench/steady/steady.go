// SPDX-License-Identifier: Apache-2.0

package steady

import (
	"context"
	"errors"

	"vipd/bench/figure"
	"vipd/bench/pair"
	"vipd/integration/lab"
)

// programs is how many compute: two for each of two processors.
const programs = 4

// Run measures the part "steadiness" of the benchmark.
func Run(ctx context.Context, r figure.Run, add func(figure.Figure)) error {
	for _, t := range trials(r) {
		rows := newRows(t)
		if !rows.all().Wanted(r) {
			continue
		}
		rows.all().Measure(ctx, r, t.Setting, t.repetitions, func(p *pair.Pair, d figure.Daemon, _ int) error {
			return rows.once(ctx, p, d)
		})
		rows.all().Tell(r, add)
	}
	return ctx.Err()
}

// once is one repetition with one daemon.
func (r *rows) once(ctx context.Context, p *pair.Pair, d figure.Daemon) (err error) {
	defer func() { err = errors.Join(err, p.Reset()) }()
	if _, err := p.Begin(ctx, d); err != nil {
		return err
	}
	if r.trial.busy {
		load, err := lab.StartBusy(programs)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, load.Stop()) }()
	}
	p.Count()
	adverts, err := p.Adverts(ctx, r.trial.span)
	if err != nil {
		return err
	}
	r.add(d, p.Count().Takeovers[pair.Worse], adverts)
	return nil
}
