// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"vipd/integration/lab"
)

// patience bounds the wait until all is well again: an election, a start, a check
// that must pass twice, and with them some more.
const patience = 30 * time.Second

// errUnsettled: not all is well again, and the run can't go on.
var errUnsettled = errors.New("the nodes do not settle: there is no going on")

// run is what happens on a stage.
type run struct {
	*stage
	events   map[kind]event
	report   *report
	patience time.Duration
	lateness lateness

	mu sync.Mutex // guards who is hit
}

// rage lets things go wrong, episode by episode, for a time. That ctx ends is no error.
func rage(ctx context.Context, s *stage, p *plan, r *report, duration time.Duration) error {
	first, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.settled(first); err != nil {
		return interruption(ctx, fmt.Errorf("the begin: %w", err))
	}
	if err := s.watch(); err != nil {
		return err
	}
	go s.recorder.run(ctx)
	x := &run{stage: s, events: events(s), report: r, patience: patience}
	go x.lateness.run(ctx)
	from := time.Now()
	r.begin(from)
	defer func() { r.end(time.Now()) }()
	for time.Since(r.start) < duration && ctx.Err() == nil {
		to, err := x.episode(ctx, p.next(), from)
		if err != nil {
			return interruption(ctx, err)
		}
		from = to
	}
	return nil
}

// interruption is no error when ctx has ended.
func interruption(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// episode lets the acts of an episode happen, waits until all is well, and judges
// what was seen from a moment on. It returns the moment when that ended. An error
// means that the run can't go on.
func (x *run) episode(ctx context.Context, e episode, from time.Time) (to time.Time, err error) {
	marks := x.logMarks()
	start := time.Now()
	problems := x.play(ctx, e, start)
	ctxSettle, cancel := context.WithTimeout(ctx, x.patience)
	defer cancel()
	unsettled := x.settled(ctxSettle)
	if ctx.Err() != nil {
		return from, ctx.Err()
	}
	to = time.Now()
	seen, err := x.recorder.observe(ctx, lab.Span{From: from, To: to})
	if err != nil {
		return to, err
	}
	o, most := judge(seen), x.timers.limitOf(e)
	o.late = x.lateness.take()
	problems = append(problems, o.beyond(most)...)
	if unsettled != nil {
		problems = append(problems, fmt.Sprintf("all was not well after %v: %v", x.patience, unsettled))
	}
	x.report.add(e, o, most)
	if len(problems) > 0 {
		problems = append(problems, fmt.Sprintf("this machine was late by %s at the most", milliseconds(o.late)))
		x.report.fault(start, e, problems, x.logsSince(marks))
	}
	if unsettled != nil {
		return to, errUnsettled
	}
	return to, nil
}

// play lets the acts of an episode happen, each in its time, and tells what could not
// be done.
func (x *run) play(ctx context.Context, e episode, start time.Time) (problems []string) {
	errs := make([]error, len(e))
	var acts sync.WaitGroup
	for i, a := range e {
		acts.Go(func() {
			if pause(ctx, start.Add(a.start)) {
				errs[i] = x.act(ctx, a)
			}
		})
	}
	acts.Wait()
	for i, err := range errs {
		if err != nil && ctx.Err() == nil {
			problems = append(problems, fmt.Sprintf("%s: %v", e[i].kind, err))
		}
	}
	return problems
}

// act lets one thing go wrong, and mends it after its time.
func (x *run) act(ctx context.Context, a act) error {
	event := x.events[a.kind]
	hit := x.choose(a.target, event.pair)
	if hit == nil {
		x.report.line("    %s: no node is left for it", a.kind)
		return nil
	}
	defer x.release(hit)
	x.report.line("%s: %s, for %v", a.kind, names(hit), a.lasts)
	if err := event.do(ctx, hit[0], hit[len(hit)-1]); err != nil {
		return errors.Join(err, event.undo(ctx, hit[0], hit[len(hit)-1]))
	}
	if !pause(ctx, time.Now().Add(a.lasts)) {
		return nil
	}
	x.report.line("    %s: mended", a.kind)
	return event.undo(ctx, hit[0], hit[len(hit)-1])
}

// choose chooses who is hit: the target, or the next node that is not hit already, and
// for a pair one more. When all are, nobody.
func (x *run) choose(target int, pair bool) []*node {
	x.mu.Lock()
	defer x.mu.Unlock()
	if target == active {
		target = max(0, slices.IndexFunc(x.nodes, func(n *node) bool { return !n.hit && n.owns() }))
	}
	want := 1
	if pair {
		want = 2
	}
	var hit []*node
	for i := range x.nodes {
		if n := x.nodes[(target+i)%len(x.nodes)]; !n.hit && len(hit) < want {
			hit = append(hit, n)
		}
	}
	if len(hit) < want {
		return nil
	}
	for _, n := range hit {
		n.hit = true
	}
	return hit
}

func (x *run) release(hit []*node) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, n := range hit {
		n.hit = false
	}
}

func names(hit []*node) string {
	var all []string
	for _, n := range hit {
		all = append(all, n.name())
	}
	return strings.Join(all, " and ")
}

// pause waits until a moment. It returns false when ctx ends before that.
func pause(ctx context.Context, until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
