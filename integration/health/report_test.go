// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// trial is one event, and what one kind made of it.
type trial struct {
	scene, event string
	kind         *kind
	expected     expected
	seen         seen
}

// report is all that was tried.
type report struct {
	mu     sync.Mutex // guards what follows
	trials []trial
}

func (r *report) add(t trial) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trials = append(r.trials, t)
}

// of are the trials of a kind with an event, in a scene or in all: "".
func (r *report) of(scene, event string, k *kind) (found []trial) {
	for _, t := range r.trials {
		if (scene == "" || t.scene == scene) && t.event == event && t.kind == k {
			found = append(found, t)
		}
	}
	return found
}

// events are the names of all events of a scene, or of all scenes: "", each once.
func (r *report) events(scene string) (names []string) {
	for _, t := range r.trials {
		if (scene == "" || t.scene == scene) && !slices.Contains(names, t.event) {
			names = append(names, t.event)
		}
	}
	return names
}

// spread is the median and the greatest of some times, in milliseconds.
func spread(times []time.Duration) string {
	slices.Sort(times)
	return fmt.Sprintf("%s / %s", ms(times[len(times)/2]), ms(times[len(times)-1]))
}

// ms is a time in milliseconds, a short one with a digit after the point.
func ms(d time.Duration) string {
	if d != 0 && d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprint(d.Round(time.Millisecond).Milliseconds())
}

// wires are the times to the lower priority on the wire, of those who failed.
func wires(trials []trial) (times []time.Duration) {
	for _, t := range trials {
		if t.seen.wire != 0 {
			times = append(times, t.seen.wire)
		}
	}
	return times
}

// outages are the longest times in which the client had no answer; 0: none was missing.
func outages(trials []trial) (times []time.Duration, broken bool) {
	for _, t := range trials {
		outage := t.seen.outage
		if t.seen.lost == 0 {
			outage = 0
		}
		times, broken = append(times, outage), broken || t.seen.broken
	}
	return times, broken
}
