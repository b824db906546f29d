// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vipd/integration/lab"
)

// lead is how long before an event its measurement begins, so that the last answer
// before it is in.
const lead = 100 * time.Millisecond

// errVerdict: the play was played, and not all was well.
var errVerdict = errors.New("not all went as it should")

// act is one thing that happens, and what must come of it.
type act struct {
	event string
	do    func() error
	serve *node // who serves in the end
	limit limit // of what the client may wait
}

// acts is the play. lb1 has the better priority, so everything happens to it.
func acts(s *stage) []act {
	e, web := s.election, s.service.title
	return []act{
		{web + " on lb1 is killed", s.lb1.web.Kill, s.lb2, e.failed()},
		{web + " on lb1 is back", s.lb1.web.Restart, s.lb1, e.planned()},
		{"vipd on lb1 is stopped", s.lb1.vipd.Stop, s.lb2, e.planned()},
		{"vipd on lb1 is back", s.lb1.vipd.Restart, s.lb1, e.planned()},
		{"the cable of lb1 is pulled", s.lb1.host.Cable.Pull, s.lb2, e.gone()},
		{"the cable of lb1 is back", s.lb1.host.Cable.Restore, s.lb1, e.planned()},
	}
}

// play plays all acts, as long as each ends where the next one begins, and tells
// whether all was well.
func play(ctx context.Context, s *stage, out *timeline) error {
	if _, err := await(ctx, s, s.lb1, time.Now(), out); err != nil {
		out.logs(s)
		return fmt.Errorf("the beginning: %w", err)
	}
	var results []result
	for _, a := range acts(s) {
		r, err := perform(ctx, s, a, out)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		results = append(results, r)
		if err != nil {
			out.logs(s)
			break
		}
	}
	out.table(results)
	for _, r := range results {
		if !r.fine() {
			return errVerdict
		}
	}
	return nil
}

// perform performs one act and measures it. An error means that the play can't go
// on.
func perform(ctx context.Context, s *stage, a act, out *timeline) (result, error) {
	r := result{event: a.event, limit: a.limit}
	start := time.Now()
	out.event(a.event)
	if r.problem = a.do(); r.problem != nil {
		return r, r.problem
	}
	end, err := await(ctx, s, a.serve, start, out)
	from := start.Add(-lead)
	samples := s.probe.Samples(from)
	r.waited, r.failed = lab.Outage(samples, from, end), lab.Lost(samples, from, end)
	if r.problem = err; err != nil {
		out.detail("%v", err)
		return r, err
	}
	out.detail("the client waited %s, %d requests failed", milliseconds(r.waited), r.failed)
	return r, nil
}

// await waits until a node serves the client steadily and all is settled, and
// returns the start of the last request by then.
func await(ctx context.Context, s *stage, want *node, start time.Time, out *timeline) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	name := want.host.Name()
	if _, err := s.probe.Wait(ctx, start, steadily(name, 0)); err != nil {
		return time.Now(), fmt.Errorf("%s does not serve: %w", name, err)
	}
	out.detail("%s answers", name)
	samples, err := s.probe.Wait(ctx, start, steadily(name, s.steady))
	if err != nil {
		return time.Now(), fmt.Errorf("%s does not serve steadily: %w", name, err)
	}
	return samples[len(samples)-1].Start, s.settled(ctx, want)
}

// steadily tells whether the last samples, over the given time, were all answered
// by one server.
func steadily(server string, over time.Duration) func([]lab.Sample) bool {
	return func(samples []lab.Sample) bool {
		last := len(samples) - 1
		for i := last; i >= 0; i-- {
			s := samples[i]
			if !s.OK || s.Server != server {
				return false
			}
			if samples[last].Start.Sub(s.Start) >= over {
				return true
			}
		}
		return false
	}
}
