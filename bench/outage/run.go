// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"context"
	"slices"
	"sync"

	"vipd/bench/figure"
)

// The tables of the report that are measured here.
const (
	Lost  = "outage"   // how much of its time a client was not answered
	Moved = "takeover" // how long it took until the right node answered
)

// together is how many scenes with an advert each second are measured at once: they wait
// for most of the time.
const together = 8

// Run measures what r wants, and adds the figures in the order of the tables, in the end;
// when ctx ends before, what there is by then. It needs root.
func Run(ctx context.Context, r figure.Run, add func(figure.Figure)) error {
	var plays []*play
	for _, s := range scenes(r.Quick) {
		if p := newPlay(r, s); p.wanted() {
			plays = append(plays, p)
		}
	}
	perform(ctx, plays, together, false)
	perform(ctx, plays, 1, true)
	for _, p := range plays {
		p.tell(add)
	}
	for _, f := range noise(plays) {
		add(f)
	}
	return ctx.Err()
}

// perform performs the plays that are to be measured alone, or the others, several at
// once: those with most events first, as they last longest.
func perform(ctx context.Context, plays []*play, atOnce int, alone bool) {
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	plays = slices.Clone(plays)
	slices.SortStableFunc(plays, func(a, b *play) int { return len(b.scene.events) - len(a.scene.events) })
	for _, p := range plays {
		if p.scene.alone() != alone {
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			p.perform(ctx)
			<-slots
		})
	}
	all.Wait()
}

// noise is for how long the client did not ask, in each measurement: what falls into
// such a time is not seen.
func noise(plays []*play) (all []figure.Figure) {
	for _, p := range plays {
		interval := p.scene.setting.interval.String()
		f := figure.Figure{Part: Lost, Name: "the client's longest pause", Setting: "all events at " + interval, Unit: "ms"}
		if last := len(all) - 1; last >= 0 && all[last].Setting == f.Setting {
			f, all = all[last], all[:last]
		}
		f.Vipd, f.Keepalived = append(f.Vipd, p.pauses.Vipd...), append(f.Keepalived, p.pauses.Keepalived...)
		all = append(all, f)
	}
	return all
}
