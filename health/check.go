// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"time"
)

// Prober does one probe. nil, or a remark: the service can serve. It returns when
// ctx ends, with an error that says what is wrong, not that time is over.
type Prober interface {
	Probe(ctx context.Context) error
}

// Kind is what a check does: one of [HAProxy], [Nginx], [HTTP], [TCP], [TLS],
// [Process], [Ping], [DNS], [File], [Script].
type Kind interface {
	// prober returns a Prober for one Run of a check.
	prober(*Check) Prober
}

// Check is one configured check.
type Check struct {
	// Name is how results, logs and routers refer to the check.
	Name string
	// Interval is the time from the start of one probe to the start of the next.
	// It is above 0.
	Interval time.Duration
	// Jitter is by how much less than Interval that time may be, at random: checks that
	// start together would ask together for ever. 0–Interval.
	Jitter time.Duration
	// Timeout bounds one probe. It is above 0.
	Timeout time.Duration
	// Grace is how long after its process has ended, or has said that it stops, a
	// service is waited for: whoever restarts it in place moves nothing. 0: not at all.
	Grace time.Duration
	// Kind is what to do.
	Kind Kind
	// Processes is how HAProxy, Nginx and Process find a process and await its end;
	// they need it, the other kinds don't.
	Processes Processes
	// Runner is how Script starts its program; it needs it, the other kinds don't.
	Runner Runner
}

// Run probes until ctx ends and reports each result from this goroutine. The
// first probe starts at once. Probes never overlap: one that takes longer than
// the interval delays the next one and is followed by it at once. The end of a
// watched process starts a probe at once, and the interval anew; so does the end of
// the grace that it has.
//
// A probe that was under way when ctx ended is not reported. report may block; no
// probe runs meanwhile.
func (c *Check) Run(ctx context.Context, report func(Result)) {
	r := runner{Check: c, prober: c.Kind.prober(c), report: report}
	r.watch.processes = c.Processes
	defer r.watch.release()
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
		case <-r.watch.ended:
		case <-tick.C:
		}
		if ctx.Err() != nil { // also when more than one case was ready
			return
		}
		tick.Reset(r.pause())
		r.probe(ctx)
		if left := time.Until(r.gone.Add(r.Grace)); left > 0 {
			tick.Reset(min(r.pause(), left))
		}
	}
}

// runner is one Run of a check.
type runner struct {
	*Check
	prober Prober
	watch  watch
	report func(Result)

	probing chan error // what the probe that has not ended yet will return; nil: none
	died    int        // the watched process that has ended; 0: another is in its place
	gone    time.Time  // since when the service is gone for sure; zero: it is not
}

// pause is the time from the start of a probe to the start of the next.
func (c *Check) pause() time.Duration {
	if c.Jitter <= 0 {
		return c.Interval
	}
	return c.Interval - rand.N(c.Jitter)
}

// probe asks once, reports and keeps an eye on the process that it found.
func (r *runner) probe(ctx context.Context) {
	if pid := r.watch.takeEnded(); pid != 0 {
		r.died = pid
	}
	start := time.Now()
	err := r.ask(ctx)
	if ctx.Err() != nil {
		return
	}
	if !succeeded(err) && r.watch.hasEnded() {
		return // it ended during the probe: the next one, due at once, tells why
	}
	if p, ok := r.prober.(processFinder); ok && r.probing == nil && p.process() != 0 {
		r.watch.follow(p)
		r.died = 0 // another has taken over, well or not
	}
	r.report(r.excuse(r.result(err, time.Since(start))))
}

// ask probes within the timeout. The end of the watched process cuts it short:
// what answers, or doesn't, is not what was asked any more.
func (r *runner) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	go func(ended <-chan struct{}) {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}(r.watch.ended)
	err := r.await(ctx)
	switch {
	case succeeded(err), isSure(err), isShortage(err):
		return err
	case errors.Is(ctx.Err(), context.DeadlineExceeded),
		errors.Is(err, context.DeadlineExceeded), // the dialer's own timer may be ahead of ctx's
		errors.Is(err, os.ErrDeadlineExceeded):
		return r.tooLate(err)
	}
	return err
}

// endPatience is how long a probe may go on after its time is over. It takes some
// milliseconds, also to kill a script.
const endPatience = 500 * time.Millisecond

// await runs a probe, in a goroutine of its own: the kernel may hold on to it, for a file
// on a file system that does not answer, say. There is never a second one then.
func (r *runner) await(ctx context.Context) error {
	if !r.lastHasEnded() {
		return errors.New("the last probe has not ended yet")
	}
	r.probing = make(chan error, 1)
	go func(answer chan<- error) { answer <- r.prober.Probe(ctx) }(r.probing)
	var patience <-chan time.Time
	for done := ctx.Done(); ; {
		select {
		case err := <-r.probing:
			r.probing = nil
			return err
		case <-done:
			done, patience = nil, time.After(endPatience)
		case <-patience:
			return ctx.Err()
		}
	}
}

// lastHasEnded reports whether the prober is free. What the last probe has found out
// after its time, nobody wants to know any more.
func (r *runner) lastHasEnded() bool {
	select {
	case <-r.probing:
		r.probing = nil
	default:
	}
	return r.probing == nil
}

// tooLate says that there was no answer in time, and from which part, if the probe has
// parts.
func (r *runner) tooLate(err error) error {
	if p, ok := errors.AsType[partError](err); ok {
		return fmt.Errorf("%s: no answer within %s", p.part, r.Timeout)
	}
	return fmt.Errorf("no answer within %s", r.Timeout)
}

// result says what a probe found.
func (r *runner) result(err error, took time.Duration) Result {
	res := Result{Check: r.Name, OK: succeeded(err), Took: took}
	switch {
	case err == nil:
		return res
	case r.died != 0 && !r.mayFollow(err):
		err = sure{fmt.Errorf("process %d ended: %w", r.died, err)}
	case isShortage(err):
		res.Unmade = true
		err = fmt.Errorf("not asked: %w", err)
	}
	res.Sure = isSure(err)
	if r, ok := errors.AsType[remark](err); ok {
		res.Warning = r.warn
	}
	res.Detail = printable(err.Error())
	return res
}

// mayFollow reports whether another process may yet take the place of one that ended. err
// is what was found instead.
func (r *runner) mayFollow(err error) bool {
	l, ok := r.prober.(loader)
	return ok && r.probing == nil && l.loading(err)
}

// excuse makes of a failure that is sure one that counts for nothing, as long as the
// grace lasts.
func (r *runner) excuse(res Result) Result {
	switch {
	case !res.Sure:
		r.gone = time.Time{}
		return res
	case r.gone.IsZero():
		r.gone = time.Now()
	}
	if time.Since(r.gone) < r.Grace {
		res.Sure, res.Excused = false, true
	} else {
		r.died = 0 // it has been said
	}
	return res
}

func isSure(err error) bool {
	_, ok := errors.AsType[sure](err)
	return ok
}

// isShortage tells whether this process or this host has run out of what a probe needs.
func isShortage(err error) bool {
	if _, ok := errors.AsType[shortage](err); ok {
		return true
	}
	for _, shortage := range [...]error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS} {
		if errors.Is(err, shortage) {
			return true
		}
	}
	return false
}
