// SPDX-License-Identifier: Apache-2.0

package steady

import (
	"time"

	"vipd/bench/figure"
	"vipd/bench/pair"
)

// trial is a setting, and how thoroughly it is measured.
type trial struct {
	pair.Setting
	busy        bool // the machine
	repetitions int
	span        time.Duration // of each
	jitter      float64       // the goal for p99, in ms; 0: none
	spotless    bool          // the goal is no false failover
}

// String is for people: "50 routers, 10ms, real-time, busy".
func (t trial) String() string {
	if t.busy {
		return t.Setting.String() + ", busy"
	}
	return t.Setting.String() + ", idle"
}

// trials are those of a run, in the table's order. A quick run without -only has the
// first two.
func trials(r figure.Run) []trial {
	chosen := all()
	if r.Quick && (r.Only == nil || r.Only.String() == "") {
		chosen = chosen[:2]
	}
	for i := range chosen {
		t := &chosen[i]
		if r.Quick {
			t.span, t.repetitions = 3*time.Second, 1
		}
		if r.Times > 0 {
			t.repetitions = r.Times
		}
	}
	return chosen
}

func all() []trial {
	setting := func(routers int, interval time.Duration, realTime bool) pair.Setting {
		return pair.Setting{Routers: routers, VIPs: 1, Interval: interval, RealTime: realTime}
	}
	const long, short = 10 * time.Second, 5 * time.Second
	return []trial{
		{Setting: setting(50, 10*time.Millisecond, false), busy: true, repetitions: 3, span: long},
		{Setting: setting(50, 10*time.Millisecond, true), busy: true, repetitions: 7, span: long, spotless: true},
		{Setting: setting(1, 10*time.Millisecond, false), busy: true, repetitions: 3, span: short},
		{Setting: setting(1, 10*time.Millisecond, true), busy: true, repetitions: 3, span: short},
		{Setting: setting(50, 100*time.Millisecond, false), busy: true, repetitions: 3, span: short},
		{Setting: setting(50, 100*time.Millisecond, true), busy: true, repetitions: 3, span: short},
		{Setting: setting(1000, time.Second, false), repetitions: 3, span: short, jitter: 5},
		{Setting: setting(1000, time.Second, true), repetitions: 3, span: short, jitter: 1},
	}
}

// rows are the figures of one trial.
type rows struct {
	trial             trial
	failures, longest figure.Figure
	jitter            [3]figure.Figure // its percentiles
}

func newRows(t trial) *rows {
	named := func(name, unit string) figure.Figure {
		return figure.Figure{Part: "steadiness", Name: name, Setting: t.String(), Unit: unit}
	}
	r := &rows{
		trial:    t,
		failures: named("false failovers", ""),
		longest:  named("longest time between two adverts", "ms"),
	}
	if t.spotless {
		r.failures.Goal = new(0.0)
	}
	for i, name := range pair.JitterNames() {
		r.jitter[i] = named(name, "ms")
	}
	if t.jitter > 0 {
		r.jitter[1].Goal = new(t.jitter)
	}
	return r
}

func (r *rows) all() pair.Rows {
	return pair.Rows{&r.failures, &r.longest, &r.jitter[0], &r.jitter[1], &r.jitter[2]}
}

// add adds a sample of each.
func (r *rows) add(d figure.Daemon, failures int, a pair.Adverts) {
	r.failures.Add(d, figure.Is(float64(failures)))
	r.longest.Add(d, figure.Millis(a.Longest))
	for i, value := range a.Jitter {
		r.jitter[i].Add(d, figure.Millis(value))
	}
}
