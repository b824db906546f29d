// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// script is a kind whose probes take a given time each and then succeed, in the
// order of the list, the last one for ever. It notes when each one started.
type script struct {
	takes   []time.Duration
	starts  []time.Duration // since origin
	origin  time.Time
	running int
	overlap bool
}

func (s *script) prober(*Check) Prober { return s }

func (s *script) Probe(ctx context.Context) error {
	s.running++
	defer func() { s.running-- }()
	s.overlap = s.overlap || s.running > 1
	takes := s.takes[min(len(s.starts), len(s.takes)-1)]
	s.starts = append(s.starts, time.Since(s.origin))
	select {
	case <-time.After(takes):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestRunSchedule(t *testing.T) {
	const ms = time.Millisecond
	tests := map[string]struct {
		takes  []time.Duration
		starts []time.Duration // within the first 4.3 s; interval 1 s, timeout 3 s
	}{
		"the first at once, then each interval":     {[]time.Duration{0}, []time.Duration{0, 1000 * ms, 2000 * ms, 3000 * ms, 4000 * ms}},
		"counted from start to start":               {[]time.Duration{900 * ms}, []time.Duration{0, 1000 * ms, 2000 * ms, 3000 * ms, 4000 * ms}},
		"a slow one delays the next":                {[]time.Duration{1400 * ms, 0}, []time.Duration{0, 1400 * ms, 2400 * ms, 3400 * ms}},
		"a very slow one stacks nothing":            {[]time.Duration{2900 * ms, 0}, []time.Duration{0, 2900 * ms, 3900 * ms}},
		"slow ones follow one another":              {[]time.Duration{1500 * ms}, []time.Duration{0, 1500 * ms, 3000 * ms}},
		"one that hangs is given up at the timeout": {[]time.Duration{time.Hour, 0}, []time.Duration{0, 3000 * ms, 4000 * ms}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{takes: test.takes, origin: time.Now()}
				c := Check{Name: "x", Interval: time.Second, Timeout: 3 * time.Second, Kind: s}
				ctx, cancel := context.WithTimeout(t.Context(), 4300*ms)
				defer cancel()
				c.Run(ctx, func(Result) {})
				if !slices.Equal(s.starts, test.starts) {
					t.Errorf("probes started at %v, want %v", s.starts, test.starts)
				}
				if s.overlap {
					t.Error("two probes at a time")
				}
			})
		})
	}
}

func TestRunReportsEachResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{takes: []time.Duration{100 * time.Millisecond, time.Hour, 0}, origin: time.Now()}
		c := Check{Name: "web", Interval: time.Second, Timeout: time.Second, Kind: s}
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		var got []Result
		c.Run(ctx, func(r Result) { got = append(got, r) })
		want := []Result{
			{Check: "web", OK: true, Took: 100 * time.Millisecond},
			{Check: "web", Detail: "no answer within 1s", Took: time.Second},
			{Check: "web", OK: true},
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

// Whoever is probed must not write to the log of an administrator.
func TestRunReportsAPrintableDetail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := Check{Name: "x", Interval: time.Second, Timeout: time.Second, Kind: failing("a\x1b[2J\nb")}
		c.Run(ctx, func(r Result) {
			cancel()
			if r.Detail != "a?[2J?b" {
				t.Errorf("detail %q", r.Detail)
			}
		})
	})
}

// failing is a kind whose probes fail with this text.
type failing string

func (f failing) prober(*Check) Prober        { return f }
func (f failing) Probe(context.Context) error { return errors.New(string(f)) }

// lastMoment is a kind whose probes succeed when time is over, and say so.
type lastMoment struct{}

func (l lastMoment) prober(*Check) Prober { return l }

func (lastMoment) Probe(ctx context.Context) error {
	<-ctx.Done()
	return remark{text: "just in time\n"}
}

// There is something to say about a success, which it stays.
func TestRunReportsARemark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := Check{Name: "x", Interval: time.Second, Timeout: time.Second, Kind: lastMoment{}}
		c.Run(ctx, func(r Result) {
			cancel()
			if want := (Result{Check: "x", OK: true, Detail: "just in time?", Took: time.Second}); r != want {
				t.Errorf("got %+v, want %+v", r, want)
			}
		})
	})
}

// held is a kind whose first probe the kernel holds on to, whatever ctx says.
type held struct {
	released chan struct{}
	probes   int
}

func (h *held) prober(*Check) Prober { return h }

func (h *held) Probe(context.Context) error {
	h.probes++
	<-h.released
	return nil
}

// A probe that does not return is a failure, again and again; another is made when it has
// returned.
func TestRunProbeThatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &held{released: make(chan struct{})}
		c := Check{Name: "x", Interval: time.Second, Timeout: time.Second, Kind: h}
		ctx, cancel := context.WithTimeout(t.Context(), 4200*time.Millisecond)
		defer cancel()
		time.AfterFunc(3200*time.Millisecond, func() { close(h.released) })
		start := time.Now()
		var got []string
		c.Run(ctx, func(r Result) { got = append(got, fmt.Sprintf("%v %v %s", time.Since(start), r.OK, r.Detail)) })
		want := []string{"1.5s false no answer within 1s", "1.5s false the last probe has not ended yet", "2.5s false the last probe has not ended yet", "3.5s true "}
		if !slices.Equal(got, want) || h.probes != 2 {
			t.Errorf("%d probes\ngot  %q\nwant %q", h.probes, got, want)
		}
	})
}

// Nor does it keep anybody waiting who ends the check.
func TestRunEndsWhileAProbeIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &held{released: make(chan struct{})}
		defer close(h.released)
		c := Check{Name: "x", Interval: time.Second, Timeout: time.Minute, Kind: h}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		c.Run(ctx, func(r Result) { t.Errorf("reported %+v", r) })
		if took := time.Since(start); took != 600*time.Millisecond {
			t.Errorf("it ended after %v", took)
		}
	})
}

// certain is a kind that knows at the last moment what is wrong.
type certain struct{}

func (c certain) prober(*Check) Prober { return c }

func (certain) Probe(ctx context.Context) error {
	<-ctx.Done()
	return sure{errors.New("it is stopping")}
}

// What is sure is not made a late answer, which is counted.
func TestRunIsSureAtTheLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := Check{Name: "x", Interval: time.Second, Timeout: time.Second, Kind: certain{}}
		c.Run(ctx, func(r Result) {
			cancel()
			if !r.Sure || r.Detail != "it is stopping" {
				t.Errorf("%+v", r)
			}
		})
	})
}

// What this process lacks is not the service's fault; a process that ended is.
func TestShortage(t *testing.T) {
	for _, shortage := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS} {
		r := runner{Check: &Check{Name: "web"}}
		err := fmt.Errorf("192.0.2.1:80: %w", shortage)
		if got := r.result(err, 0); !got.Unmade || got.OK || got.Detail != "not asked: "+err.Error() {
			t.Errorf("%v: %+v", shortage, got)
		}
		r.died = 812
		if got := r.result(err, 0); got.Unmade || !got.Sure {
			t.Errorf("%v after a death: %+v", shortage, got)
		}
	}
	r := runner{Check: &Check{Name: "web"}}
	if got := r.result(syscall.ECONNREFUSED, 0); got.Unmade {
		t.Errorf("refused: %+v", got)
	}
}

// A check that is taken out of the config must not report a failure for that.
func TestRunDoesNotReportWhatItsEndCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{takes: []time.Duration{time.Hour}, origin: time.Now()}
		c := Check{Name: "x", Interval: time.Second, Timeout: time.Second, Kind: s}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		c.Run(ctx, func(r Result) { t.Errorf("reported %+v", r) })
		if took := time.Since(s.origin); took != 500*time.Millisecond {
			t.Errorf("Run returned after %v", took)
		}
	})
}

func TestRunProbesNothingWhileReportBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{takes: []time.Duration{0}, origin: time.Now()}
		c := Check{Name: "x", Interval: time.Second, Timeout: time.Second, Kind: s}
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		c.Run(ctx, func(Result) { time.Sleep(10 * time.Second) })
		if want := []time.Duration{0, 10 * time.Second}; !slices.Equal(s.starts, want) {
			t.Errorf("probes started at %v, want %v", s.starts, want)
		}
	})
}

// service is a kind with a process behind it.
type service struct {
	mu    sync.Mutex
	pid   int  // who answers; 0: nobody
	hangs bool // it accepts and says nothing

	found, probes int // the checking goroutine's
}

func (s *service) prober(*Check) Prober   { return s }
func (s *service) process() int           { return s.found }
func (s *service) named(comm string) bool { return comm == "service" }

func (s *service) become(pid int, hangs bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pid, s.hangs = pid, hangs
}

func (s *service) Probe(ctx context.Context) error {
	s.mu.Lock()
	pid, hangs := s.pid, s.hangs
	s.mu.Unlock()
	s.probes++
	s.found = pid
	switch {
	case hangs:
		<-ctx.Done()
		return ctx.Err()
	case pid == 0:
		return errors.New("connection refused")
	}
	return nil
}

// processes is a host's processes, by number.
type processes map[int]*process

type process struct {
	name  string
	uid   int
	title string
	child []int
	ended chan struct{}
	stops int
}

func newProcess(name string) *process {
	return &process{name: name, ended: make(chan struct{})}
}

func (p processes) Name(pid int) (string, error) {
	if p[pid] == nil {
		return "", errors.New("no such process")
	}
	select {
	case <-p[pid].ended: // a zombie
		return "", errors.New("no such process")
	default:
		return p[pid].name, nil
	}
}

func (p processes) All() ([]int, error) { return slices.Sorted(maps.Keys(p)), nil }

func (p processes) User(pid int) (int, error) {
	if _, err := p.Name(pid); err != nil {
		return 0, err
	}
	return p[pid].uid, nil
}

func (p processes) Children(pid int) ([]int, error) {
	if p[pid] == nil {
		return nil, nil
	}
	return p[pid].child, nil
}

// Title: "hidden" is that of a process that may not be looked at.
func (p processes) Title(pid int) (string, error) {
	switch {
	case p[pid] == nil:
		return "", syscall.ESRCH
	case p[pid].title == "hidden":
		return "", syscall.EACCES
	}
	return p[pid].title, nil
}

func (p processes) Watch(pid int) (<-chan struct{}, func(), error) {
	if p[pid] == nil {
		return nil, nil, errors.New("no such process")
	}
	return p[pid].ended, func() { p[pid].stops++ }, nil
}

// report is a result, and when it came.
type report struct {
	at     time.Duration
	ok     bool
	died   bool
	detail string
}

// watched is a service that fails or moves half-way between two probes.
type watched struct {
	procs processes
	event func(s *service, p processes) // at 0.5 s
	want  []report                      // within the first 2.2 s
}

const second = time.Second

func (w watched) run(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, p := range w.procs {
			p.ended = make(chan struct{}) // of this bubble
		}
		s := &service{pid: 1}
		c := Check{Name: "x", Interval: second, Timeout: second, Kind: s, Processes: w.procs}
		ctx, cancel := context.WithTimeout(t.Context(), 2200*time.Millisecond)
		defer cancel()
		go func() {
			time.Sleep(second / 2)
			w.event(s, w.procs)
		}()
		start := time.Now()
		var got []report
		c.Run(ctx, func(r Result) {
			got = append(got, report{time.Since(start), r.OK, r.Sure, r.Detail})
		})
		if !slices.Equal(got, w.want) {
			t.Errorf("got  %+v\nwant %+v", got, w.want)
		}
	})
}

func TestRunTellsOfDeaths(t *testing.T) {
	for name, test := range map[string]watched{
		"a death is told at once, then the interval": {
			processes{1: newProcess("service")},
			func(s *service, p processes) { s.become(0, false); close(p[1].ended) },
			[]report{{0, true, false, ""}, {second / 2, false, true, "process 1 ended: connection refused"},
				{3 * second / 2, false, false, "connection refused"}},
		},
		"a death during a probe that hangs cuts it short": {
			processes{1: newProcess("service")},
			func(s *service, p processes) {
				s.become(1, true)
				time.Sleep(second)
				s.become(0, false)
				close(p[1].ended)
			},
			[]report{{0, true, false, ""}, {3 * second / 2, false, true, "process 1 ended: connection refused"}},
		},
		"nobody answers after an end": {
			processes{1: newProcess("service")},
			func(s *service, p processes) { s.become(0, true); close(p[1].ended) },
			[]report{{0, true, false, ""}, {3 * second / 2, false, true, "process 1 ended: no answer within 1s"}},
		},
		"in another PID namespace the probes decide": {
			processes{},
			func(s *service, p processes) { s.become(0, false) },
			[]report{{0, true, false, ""}, {second, false, false, "connection refused"}, {2 * second, false, false, "connection refused"}},
		},
		"somebody else with the number is not watched": {
			processes{1: newProcess("bash")},
			func(s *service, p processes) { s.become(0, false); close(p[1].ended) },
			[]report{{0, true, false, ""}, {second, false, false, "connection refused"}, {2 * second, false, false, "connection refused"}},
		},
	} {
		t.Run(name, test.run)
	}
}

func TestRunFollowsSuccessors(t *testing.T) {
	for name, test := range map[string]watched{
		"a reload is no death": {
			processes{1: newProcess("service"), 2: newProcess("service")},
			func(s *service, p processes) { s.become(2, false); close(p[1].ended) },
			[]report{{0, true, false, ""}, {second / 2, true, false, ""}, {3 * second / 2, true, false, ""}},
		},
		"the successor is watched too": {
			processes{1: newProcess("service"), 2: newProcess("service")},
			func(s *service, p processes) {
				s.become(2, false)
				close(p[1].ended)
				time.Sleep(second / 2)
				s.become(0, false)
				close(p[2].ended)
			},
			[]report{{0, true, false, ""}, {second / 2, true, false, ""},
				{second, false, true, "process 2 ended: connection refused"}, {2 * second, false, false, "connection refused"}},
		},
		"the old one's end after a reload is nothing": {
			processes{1: newProcess("service"), 2: newProcess("service")},
			func(s *service, p processes) {
				s.become(2, false)
				time.Sleep(second)
				close(p[1].ended)
			},
			[]report{{0, true, false, ""}, {second, true, false, ""}, {2 * second, true, false, ""}},
		},
		"a successor that hangs is no death": {
			processes{1: newProcess("service"), 2: newProcess("service")},
			func(s *service, p processes) { s.become(2, true); close(p[1].ended) },
			[]report{{0, true, false, ""}, {3 * second / 2, false, false, "no answer within 1s"}},
		},
	} {
		t.Run(name, test.run)
	}
}

func TestRunReleasesItsWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		procs := processes{1: newProcess("service"), 2: newProcess("service"), 3: newProcess("bash")}
		s := &service{pid: 1}
		c := Check{Name: "x", Interval: time.Second, Timeout: time.Second, Kind: s, Processes: procs}
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		pids := []int{1, 2, 3, 2} // which answers the next probe
		c.Run(ctx, func(Result) { pids = pids[1:]; s.become(append(pids, 0)[0], false) })
		for pid, want := range map[int]int{1: 1, 2: 2, 3: 1} {
			if got := procs[pid].stops; got != want {
				t.Errorf("process %d was watched and released %d times, want %d", pid, got, want)
			}
		}
	})
}

// A number that a socket names again and again, although its process has ended
// (another PID namespace, a zombie here), must not make the check spin.
func TestRunDoesNotSpinOnAZombie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		procs := processes{1: newProcess("service")}
		s := &service{pid: 1}
		c := Check{Name: "x", Interval: time.Second, Timeout: time.Second, Kind: s, Processes: procs}
		ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
		defer cancel()
		time.AfterFunc(time.Second/2, func() { close(procs[1].ended) })
		c.Run(ctx, func(Result) {})
		if s.probes > 6 {
			t.Errorf("%d probes in 4.5 s", s.probes)
		}
	})
}
