// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"
)

// The table, at adverts every second: what stands here is promised.
func TestLimits(t *testing.T) {
	ms := time.Millisecond
	for _, test := range []struct {
		act  act
		want limit
	}{
		{act{kind: killed}, limit{}},
		{act{kind: crashed}, limit{two: 2500 * ms, elected: 80 * ms}},
		{act{kind: stopped}, limit{two: 80 * ms, elected: 80 * ms}},
		{act{kind: webKilled}, limit{served: 264062500, two: 80 * ms, elected: 80 * ms}},
		{act{kind: pulled}, limit{served: 3264062500, reached: 3264062500, two: 80 * ms, elected: 80 * ms}},
		{act{kind: cut}, limit{served: 3264062500, reached: 3264062500, two: 1050 * ms, elected: 1050 * ms}},
		{act{kind: split, lasts: 3 * time.Second}, limit{two: 4050 * ms, elected: 4050 * ms}},
		{act{kind: deleted}, limit{served: 10 * ms, reached: 10 * ms}},
	} {
		if got := defaults.limit(test.act); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.act.kind, got, test.want)
		}
	}
	quick := defaults
	quick.interval = 500 * ms
	if got, want := quick.limit(act{kind: frozen}).two, 2*time.Second; got != want {
		t.Errorf("two owners at adverts every 500 ms: %v, want %v", got, want)
	}
}

func TestLimitOfEpisodes(t *testing.T) {
	one, two := act{kind: stopped}, act{kind: deleted}
	noise, election := defaults.noise, defaults.silence()+reaction
	if got, want := defaults.limitOf(episode{one}), (limit{noise, noise, handOver + noise, handOver + noise}); got != want {
		t.Errorf("one act: %+v, want %+v", got, want)
	}
	want := limit{repair + election + noise, repair + election + noise, handOver + election + noise, handOver + election + noise}
	if got := defaults.limitOf(episode{one, two}); got != want {
		t.Errorf("two acts: %+v, want the sum and an election: %+v", got, want)
	}
}
