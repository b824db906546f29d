// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// episodes draws the first ones of a seed.
func episodes(seed uint64, t timers, n int) []episode {
	p, all := newPlan(seed, t), []episode(nil)
	for range n {
		all = append(all, p.next())
	}
	return all
}

func TestSeedDecides(t *testing.T) {
	first := episodes(7, defaults, 50)
	if diff := cmp.Diff(first, episodes(7, defaults, 50), cmp.AllowUnexported(act{})); diff != "" {
		t.Errorf("the same seed, another plan:\n%s", diff)
	}
	if cmp.Equal(first, episodes(8, defaults, 50), cmp.AllowUnexported(act{})) {
		t.Error("another seed, the same plan")
	}
}

func TestPlan(t *testing.T) {
	pairs, overlaps, seen := 0, 0, make(map[kind]int)
	all := episodes(1, defaults, 500)
	for _, e := range all {
		if len(e) == 2 {
			pairs++
			if e[1].start <= e[0].lasts {
				overlaps++
			}
		}
		for _, a := range e {
			seen[a.kind]++
			if a.target < active || a.target >= nodes || a.start < 0 || a.lasts < 0 || a.lasts > 10*defaults.interval {
				t.Errorf("drawn: %+v", a)
			}
		}
	}
	if share := 100 * pairs / len(all); share < pairShare-10 || share > pairShare+10 {
		t.Errorf("%d %% have two acts, want about %d", share, pairShare)
	}
	if overlaps == 0 || overlaps == pairs {
		t.Errorf("%d of %d pairs overlap, want some", overlaps, pairs)
	}
	for _, k := range kinds {
		if mean := (len(all) + pairs) / len(kinds); seen[k] < mean-1 || seen[k] > mean+1 {
			t.Errorf("%s comes %d times, want %d: no kind before all others have come", k, seen[k], mean)
		}
	}
}

// A restart that comes too late to resume would be no kill -9 with a restart.
func TestRestartIsInTime(t *testing.T) {
	for _, interval := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
		timers := defaults
		timers.interval = interval
		for _, e := range episodes(1, timers, 200) {
			for _, a := range e {
				age := interval + a.lasts + 500*time.Millisecond // of the last advert, when vipd runs
				if (a.kind == killed || a.kind == handedOff) && age > 3*interval-250*time.Millisecond {
					t.Errorf("adverts every %v: %v", interval, e)
				}
			}
		}
	}
}

// Every kind has an event, and a limit; limit panics without one.
func TestKindsAreComplete(t *testing.T) {
	known := events(&stage{})
	for _, k := range kinds {
		if e := known[k]; e.do == nil || e.undo == nil {
			t.Errorf("nothing happens for %s", k)
		}
		defaults.limit(act{kind: k})
	}
	if len(known) != len(kinds) {
		t.Errorf("%d events, %d kinds", len(known), len(kinds))
	}
}

func TestEpisodeForPeople(t *testing.T) {
	e := episode{{kind: pulled, lasts: time.Second}, {kind: frozen, start: 300 * time.Millisecond, lasts: 2 * time.Second}}
	if got, want := e.String(), "cable pulled for 1s, and 300ms later SIGSTOP for 2s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
