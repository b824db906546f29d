// SPDX-License-Identifier: Apache-2.0

package reliability_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

const (
	// documented is how often each event happens for the document.
	documented = 7
	// noise is how late anything may be on a busy machine.
	noise = 100 * time.Millisecond
)

// figures are what was seen of each event, by its name, of each subject, by its name.
type figures struct {
	mu   sync.Mutex // guards what follows
	seen map[string]map[string][]seen
}

func (f *figures) add(s subject, e event, got seen) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[e.name] == nil {
		f.seen[e.name] = make(map[string][]seen)
	}
	f.seen[e.name][s.name] = append(f.seen[e.name][s.name], got)
}

// TestReliability has everything happen to vipd, and to keepalived what shows a fault
// that docs/reliability.md tells of; for the document, all of it several times.
func TestReliability(t *testing.T) {
	document, times := os.Getenv(documentEnv), 1
	if document != "" {
		times = documented
	}
	all := figures{seen: make(map[string]map[string][]seen)}
	t.Run("sites", func(t *testing.T) {
		for _, scene := range scenes() {
			for _, s := range subjects() {
				events := scene.events
				if s.name == keepalived.name {
					events = slices.DeleteFunc(slices.Clone(events), func(e event) bool {
						return e.onlyVipd || e.fault == 0 && document == ""
					})
				}
				if len(events) == 0 {
					continue
				}
				t.Run(scene.name+", "+s.name, func(t *testing.T) {
					t.Parallel()
					play(t, s, scene.vips, events, times, &all)
				})
			}
		}
	})
	if document != "" {
		labtest.Must(t, all.fill(document))
	}
}

func subjects() []subject { return []subject{vipd, virtualMAC, keepalived} }

// play has events happen to a subject again and again, each time at another phase of
// the advert interval.
func play(t *testing.T, s subject, vips []string, events []event, times int, all *figures) {
	b := startBench(t, s, vips)
	for i := range times {
		for _, e := range events {
			got := b.see(t, e, (float64(i)+0.5)/float64(times))
			all.add(s, e, got)
		}
	}
}

// check compares what was seen with what it may cost, or what is known of keepalived.
func (e event) check(t *testing.T, s subject, got seen) bool {
	t.Helper()
	problems := e.exceeded(s, got)
	if s.name == keepalived.name {
		problems = nil
		if got.answered < e.fault {
			problems = []string{fmt.Sprintf("two answer for %v, known: %v at least; mended?", got.answered, e.fault)}
		}
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", e.name, problem)
	}
	return len(problems) == 0
}

// exceeded tells what is beyond a limit, and what a busy machine adds.
func (e event) exceeded(s subject, got seen) (problems []string) {
	limit := e.limitOf(s)
	if got.lost > limit.lost+s.late {
		problems = append(problems, fmt.Sprintf("%d probes lost, limit %d", got.lost, limit.lost))
	}
	if two := max(got.advertised, got.answered); two > 0 && two > limit.two+limit.noise() {
		problems = append(problems, fmt.Sprintf("two advertise for %v, answer for %v, limit %v", got.advertised, got.answered, limit.two))
	}
	if got.strangers > 0 {
		problems = append(problems, fmt.Sprintf("the standby has advertised %d times", got.strangers))
	}
	if got.quiet < e.quiet-noise {
		problems = append(problems, fmt.Sprintf("advertises after %v, not before %v", got.quiet, e.quiet))
	}
	return problems
}

// limitOf is what an event may cost a subject.
func (e event) limitOf(s subject) limit {
	l := e.limit
	switch {
	case s.name != virtualMAC.name:
	case l.two > handOver:
		l.lost = shared
	default:
		l.lost = max(l.lost, switched)
	}
	return l
}

// noise is what two owners may last longer: never is never.
func (l limit) noise() time.Duration {
	if l.two == 0 {
		return 0
	}
	return noise
}
