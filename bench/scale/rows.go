// SPDX-License-Identifier: Apache-2.0

package scale

import (
	"time"

	"vipd/bench/figure"
	"vipd/bench/pair"
)

// rows are the figures of one setting.
type rows struct {
	trial trial

	start, stop, announced, back, flaps, kill figure.Figure
	cpu, memory                               [2]figure.Figure // of the better node, the Active, and of the Backup
	jitter                                    [3]figure.Figure
}

func newRows(t trial) *rows {
	limited := func(name string, limit, goal time.Duration) figure.Figure {
		f := t.figure(name, "ms", millis(goal))
		f.Limit = new(float64(limit) / float64(time.Millisecond))
		return f
	}
	r := &rows{
		trial:     t,
		start:     limited("start-up, last VIP up", t.Silence(pair.Better), t.goals.start),
		stop:      limited("stop, last VIP moved", t.Skew(), t.goals.stop),
		announced: t.figure("stop, announcements until then", "", nil),
		back:      limited("better node returns, last VIP back", t.Silence(pair.Better), t.goals.back),
		flaps:     t.figure("better node returns, flaps", "", new(0.0)),
		kill:      limited("kill -9, last VIP moved", t.Silence(pair.Worse), t.goals.kill),
	}
	for i, state := range []string{"Active", "Backup"} {
		r.cpu[i] = t.figure("CPU of the "+state, "% of a core", nil)
		r.memory[i] = t.figure("memory of the "+state, "MB", positive(t.goals.memory))
	}
	for i, name := range pair.JitterNames() {
		r.jitter[i] = t.figure(name, "ms", nil)
	}
	r.jitter[1].Goal = millis(t.goals.jitter)
	return r
}

// figure is one of the part.
func (t trial) figure(name, unit string, goal *float64) figure.Figure {
	return figure.Figure{Part: "scale", Name: name, Setting: t.Setting.String(), Unit: unit, Goal: goal}
}

// millis is a goal in milliseconds, nil for none.
func millis(d time.Duration) *float64 {
	return positive(float64(d) / float64(time.Millisecond))
}

func positive(goal float64) *float64 {
	if goal == 0 {
		return nil
	}
	return &goal
}

func (r *rows) all() pair.Rows {
	return pair.Rows{&r.start, &r.stop, &r.announced, &r.kill, &r.back, &r.flaps,
		&r.cpu[0], &r.cpu[1], &r.memory[0], &r.memory[1], &r.jitter[0], &r.jitter[1], &r.jitter[2]}
}
