// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestGrace has a service end half a second after a probe; it has three seconds to come
// back.
func TestGrace(t *testing.T) {
	type report struct {
		at            time.Duration
		says, details string
	}
	ended := func(s *service, p processes) { s.become(0, false); close(p[1].ended) }
	const gone = "process 1 ended: connection refused"
	tests := map[string]struct {
		interval, grace time.Duration
		event           func(s *service, p processes) // at 0.5 s
		want            []report                      // within the first 6.2 s, of what is not ok
	}{
		"without it a death is one": {5 * second, 0, ended, []report{{second / 2, "sure", gone}, {second/2 + 5*second, "no", "connection refused"}}},
		"a restart in place is none": {2 * second, 3 * second, func(s *service, p processes) {
			ended(s, p)
			time.Sleep(2*second + second/2)
			s.become(2, false)
		}, []report{{second / 2, "excused", gone}, {second/2 + 2*second, "excused", gone}}},
		"at its end it is looked again, whatever the interval": {
			time.Hour, 3 * second, ended, []report{{second / 2, "excused", gone}, {second/2 + 3*second, "sure", gone}}},
		"at its end it is a death, and then a failure as any other": {2 * second, 3 * second, ended, []report{
			{second / 2, "excused", gone}, {second/2 + 2*second, "excused", gone}, {second/2 + 3*second, "sure", gone},
			{second/2 + 5*second, "no", "connection refused"}}},
		"one that is back and hangs is not excused": {2 * second, 3 * second, func(s *service, p processes) {
			ended(s, p)
			s.become(2, true)
		}, []report{{second/2 + second, "no", "no answer within 1s"}, {second/2 + 3*second, "no", "no answer within 1s"},
			{second/2 + 5*second, "no", "no answer within 1s"}}},
		"one that is back and ends again has another grace": {2 * second, 3 * second, func(s *service, p processes) {
			ended(s, p)
			time.Sleep(second)
			s.become(2, false)
			time.Sleep(2*second + second/4)
			s.become(0, false)
			close(p[2].ended)
		}, []report{{second / 2, "excused", gone}, {3*second + 3*second/4, "excused", "process 2 ended: connection refused"},
			{5*second + 3*second/4, "excused", "process 2 ended: connection refused"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				procs := processes{1: newProcess("service"), 2: newProcess("service")}
				s := &service{pid: 1}
				c := Check{Name: "x", Interval: test.interval, Timeout: second, Grace: test.grace, Kind: s, Processes: procs}
				ctx, cancel := context.WithTimeout(t.Context(), 6200*time.Millisecond)
				defer cancel()
				go func() {
					time.Sleep(second / 2)
					test.event(s, procs)
				}()
				start := time.Now()
				var got []report
				c.Run(ctx, func(r Result) {
					if !r.OK {
						got = append(got, report{time.Since(start), word(r), r.Detail})
					}
				})
				if !slices.Equal(got, test.want) {
					t.Errorf("got  %+v\nwant %+v", got, test.want)
				}
			})
		})
	}
}

func word(r Result) string {
	switch {
	case r.Sure && !r.Excused:
		return "sure"
	case r.Excused && !r.Sure:
		return "excused"
	case r.Sure:
		return "both"
	}
	return "no"
}

// leaving is a service that says that it is stopping.
type leaving struct{}

func (l leaving) prober(*Check) Prober      { return l }
func (leaving) Probe(context.Context) error { return sure{errors.New("is stopping")} }

// It does not get its grace again and again.
func TestGraceOfAServiceThatKeepsStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Check{Name: "x", Interval: time.Second, Timeout: time.Second, Grace: 2500 * time.Millisecond, Kind: leaving{}}
		ctx, cancel := context.WithTimeout(t.Context(), 8200*time.Millisecond)
		defer cancel()
		var got []string
		c.Run(ctx, func(r Result) { got = append(got, word(r)) })
		if want := []string{"excused", "excused", "excused", "sure", "sure", "sure", "sure", "sure", "sure"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// Checks of one interval are to spread; none is ever later than it says.
func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{takes: []time.Duration{0}, origin: time.Now()}
		c := Check{Name: "x", Interval: time.Second, Jitter: 100 * time.Millisecond, Timeout: time.Second, Kind: s}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		c.Run(ctx, func(Result) {})
		if s.starts[0] != 0 {
			t.Errorf("the first probe starts at %v", s.starts[0])
		}
		gaps := map[time.Duration]bool{}
		for i, at := range s.starts[1:] {
			gap := at - s.starts[i]
			gaps[gap] = true
			if gap <= 900*time.Millisecond || gap > time.Second {
				t.Errorf("%v between two probes", gap)
			}
		}
		if len(gaps) < 10 {
			t.Errorf("%d different pauses", len(gaps))
		}
	})
}
