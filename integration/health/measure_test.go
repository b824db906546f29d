// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"vipd/daemon"
	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	// httpTimeout is after how long a client gives up.
	httpTimeout = time.Second
	// atTheEnd is how long a client must have been without any answer at the end.
	atTheEnd = 5 * probePeriod
)

// seen is what a kind made of an event, and what the client of its address saw.
type seen struct {
	failed  bool
	why     string
	verdict time.Duration // from the event to the verdict
	wire    time.Duration // from the event to the lower priority on the wire
	lost    int           // requests of the client, one each 20 ms
	outage  time.Duration // the longest time without an answer
	broken  bool          // no answer at the end either
}

// watch is what looks at a bench while something happens.
type watch struct {
	bench  *bench
	probes []*lab.Probe                  // one for each kind, or none at all
	failed map[string]daemon.CheckStatus // each check's, by its name, when it first failed
}

// ask has a client ask each address all the time.
func (b *bench) ask(t *testing.T) []*lab.Probe {
	t.Helper()
	var probes []*lab.Probe
	for i := range b.kinds {
		p, err := lab.StartSlowHTTPProbe(b.site.Client.Namespace, netip.AddrPortFrom(address(i), 80), probePeriod)
		labtest.Must(t, err)
		t.Cleanup(func() { p.Stop() })
		labtest.Must(t, p.Prefer())
		probes = append(probes, p)
	}
	return probes
}

// see has an event happen, at another phase of the checks each time, and returns what each
// kind made of it.
func (b *bench) see(t *testing.T, e event, probes []*lab.Probe, phase float64) []seen {
	t.Helper()
	w := &watch{bench: b, probes: probes}
	b.settle(t)
	<-time.After(time.Duration(phase * float64(interval)))
	if e.before != nil {
		e.before(t)
	}
	begin := time.Now()
	stop := w.look(t)
	e.do(t)
	<-time.After(max(e.span, usualSpan))
	end := time.Now()
	stop()
	if e.undo != nil {
		e.undo(t)
	}
	b.settle(t)
	w.answered(t, end.Add(httpTimeout))
	return w.judge(begin, end)
}

// look looks at the checks until it is told to stop, or the test ends.
func (w *watch) look(t *testing.T) (stop func()) {
	w.failed = make(map[string]daemon.CheckStatus)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-quit:
				tick.Stop()
				return
			case <-tick.C:
				w.note(t)
			}
		}
	}()
	stop = sync.OnceFunc(func() { close(quit); <-done })
	t.Cleanup(stop)
	return stop
}

// note notes which checks fail for the first time.
func (w *watch) note(t *testing.T) {
	status, err := w.bench.lb1.status()
	if err != nil {
		t.Error(err)
	}
	for _, c := range status.Checks {
		if _, known := w.failed[c.Name]; !known && c.Verdict == "fail" {
			w.failed[c.Name] = c
		}
	}
}

// answered waits until what became of all questions before a moment is known, and the
// client is served again.
func (w *watch) answered(t *testing.T, after time.Time) {
	t.Helper()
	for _, p := range w.probes {
		_, err := p.Wait(labtest.Patient(t), after, func(samples []lab.Sample) bool { return len(samples) > 0 && samples[len(samples)-1].OK })
		labtest.Must(t, err)
	}
}

// judge says what each kind has made of an event, and what its client saw: of the questions
// that have come to nothing before the end.
func (w *watch) judge(begin, end time.Time) []seen {
	all := make([]seen, len(w.bench.kinds))
	for i := range all {
		s := &all[i]
		if at := w.bench.lowered(i, begin); !at.IsZero() && at.Before(end) {
			s.wire = at.Sub(begin)
		}
		if c, failed := w.failed[checkName(i)]; failed {
			s.failed, s.why, s.verdict = true, c.Detail, max(0, c.Since.Sub(begin))
		}
		if w.probes != nil {
			samples, asked := w.probes[i].Samples(begin.Add(-probePeriod)), end.Add(-httpTimeout)
			s.lost = lab.Lost(samples, begin, asked)
			s.outage = lab.Outage(samples, begin, asked)
			s.broken = lab.Outage(samples, asked.Add(-atTheEnd), asked) >= atTheEnd
		}
	}
	return all
}
