// SPDX-License-Identifier: Apache-2.0

package scale

import (
	"time"

	"vipd/bench/figure"
	"vipd/bench/pair"
)

// trial is a setting, and how thoroughly it is measured.
type trial struct {
	pair.Setting
	repetitions int
	looks       int  // in how many of them the nodes are looked at
	light       bool // so that others can be measured beside it
	span        time.Duration
	goals       goals
}

// goals are vipd's; 0 is none.
type goals struct {
	start, stop, kill, back, jitter time.Duration
	memory                          float64 // MB
}

// announcing is for how long after a move the addresses are announced again and again:
// both daemons do it for the last time after five seconds.
const announcing = 6 * time.Second

// quiet is for how long nothing may change until all is settled: longer than anybody
// waits for an Active; before the nodes are looked at also until all is announced.
func (t trial) quiet(look bool) time.Duration {
	quiet := max(time.Second, t.Silence(pair.Worse)+400*time.Millisecond)
	if look {
		quiet = max(quiet, announcing)
	}
	return quiet
}

// trials are those of a run, in the table's order. A quick one without -only has the light
// ones.
func trials(r figure.Run) (chosen []trial) {
	short := r.Quick && (r.Only == nil || r.Only.String() == "")
	for _, t := range all() {
		t.span, t.looks = 5*time.Second, min(3, t.repetitions)
		if r.Quick {
			t.span, t.repetitions = 2*time.Second, 1
		}
		if r.Times > 0 {
			t.repetitions = r.Times
		}
		if t.light || !short {
			chosen = append(chosen, t)
		}
	}
	return chosen
}

func all() []trial {
	const slow, fast = time.Second, 100 * time.Millisecond
	return []trial{
		{Setting: pair.Setting{Routers: 1, VIPs: 1, Interval: slow}, repetitions: 3, light: true, goals: goals{memory: 20}},
		{Setting: pair.Setting{Routers: 50, VIPs: 1, Interval: slow}, repetitions: 3, light: true},
		{Setting: pair.Setting{Routers: 250, VIPs: 1, Interval: slow}, repetitions: 2},
		{Setting: pair.Setting{Routers: 1000, VIPs: 1, Interval: slow}, repetitions: 7, goals: goals{
			start: 3519 * time.Millisecond, stop: 709 * time.Millisecond, kill: 3709 * time.Millisecond,
			back: 3719 * time.Millisecond, jitter: 5 * time.Millisecond, memory: 30}},
		{Setting: pair.Setting{Routers: 250, VIPs: 1, Interval: fast}, repetitions: 7, goals: goals{back: 822 * time.Millisecond}},
		{Setting: pair.Setting{Routers: 1000, VIPs: 1, Interval: fast}, repetitions: 1},
		{Setting: pair.Setting{Routers: 1, VIPs: 100, Interval: slow}, repetitions: 3, light: true},
		{Setting: pair.Setting{Routers: 1, VIPs: 240, Interval: fast}, repetitions: 7, goals: goals{stop: 70 * time.Millisecond}},
		{Setting: pair.Setting{Routers: 1, VIPs: 1000, Interval: slow}, repetitions: 2},
		{Setting: pair.Setting{Routers: 1, VIPs: 100, IPv6: true, Interval: slow}, repetitions: 3, light: true},
		{Setting: pair.Setting{Routers: 1, VIPs: 1000, IPv6: true, Interval: slow}, repetitions: 2},
	}
}
