// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"context"
	"fmt"
	"strings"
	"time"

	"vipd/bench/figure"
)

// Rows are the figures that are measured together, of one setting.
type Rows []*figure.Figure

// JitterNames are the names of the figures of [Adverts], in their order.
func JitterNames() [3]string {
	return [3]string{"jitter of the adverts, p50", "jitter of the adverts, p99", "jitter of the adverts, max"}
}

// Wanted tells whether any is.
func (r Rows) Wanted(run figure.Run) bool {
	for _, f := range r {
		if run.Wants(*f) {
			return true
		}
	}
	return false
}

// Tell adds those that are wanted.
func (r Rows) Tell(run figure.Run, add func(figure.Figure)) {
	for _, f := range r {
		if run.Wants(*f) {
			add(*f)
		}
	}
}

// Measure does a repetition of each daemon in turn, on one pair for both, as often as is
// said. What fails is a problem of all rows. After the end of ctx nothing is begun.
func (r Rows) Measure(ctx context.Context, run figure.Run, s Setting, repetitions int,
	repetition func(p *Pair, d figure.Daemon, i int) error) {
	p, err := New(s, run.Program)
	if err != nil {
		r.fail("both", err)
		return
	}
	for i := range repetitions {
		for _, d := range run.Daemons {
			if ctx.Err() != nil {
				break
			}
			began, before := time.Now(), r.samples(d)
			err := repetition(p, d, i)
			if err != nil && ctx.Err() == nil {
				r.fail(d, err)
			}
			run.Progress("%s: %s: %s, %d of %d, %.0f s%s", r[0].Part, r[0].Setting, d, i+1, repetitions, time.Since(began).Seconds(), r.news(d, before, err))
		}
	}
	if err := p.Close(); err != nil {
		r.fail("both", err)
	}
}

func (r Rows) fail(d figure.Daemon, err error) {
	for _, f := range r {
		f.Fail(d, err)
	}
}

// samples is how many a daemon has of each figure.
func (r Rows) samples(d figure.Daemon) (counts []int) {
	for _, f := range r {
		counts = append(counts, len(*f.Of(d)))
	}
	return counts
}

// news are a daemon's samples that have come since there were so many, for people.
func (r Rows) news(d figure.Daemon, before []int, err error) string {
	var b strings.Builder
	for i, f := range r {
		for _, s := range (*f.Of(d))[before[i]:] {
			fmt.Fprintf(&b, "; %s %v", f.Name, s)
		}
	}
	if err != nil {
		fmt.Fprintf(&b, "; failed: %v", err)
	}
	return b.String()
}
