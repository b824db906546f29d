// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"context"
	"fmt"
	"time"

	"vipd/bench/figure"
	"vipd/integration/lab"
)

const (
	// patience bounds the wait for what an event should come to, beyond the RFC's limit;
	// hurried when quick.
	patience = 20 * time.Second
	hurried  = 8 * time.Second
	// calm is for how long an event that moves nothing is watched.
	calm = 1500 * time.Millisecond
	// lead is how long before an event its measurement begins.
	lead = 50 * time.Millisecond
	// slack is what the samples take from the client to us.
	slack = 50 * time.Millisecond
)

// outcome is what was seen of an event.
type outcome struct {
	lost  figure.Sample
	moved figure.Sample
	pause time.Duration // the longest time in which the client did not ask
}

// measure has an event happen at a phase of the Active's advert interval, from 0 to 1.
func (s *stage) measure(ctx context.Context, e event, phase float64, patience time.Duration) (outcome, error) {
	if err := s.ready(ctx, e, phase, patience); err != nil {
		return outcome{}, err
	}
	begin := time.Now()
	if err := e.do(s); err != nil {
		return outcome{}, err
	}
	bound := patience + s.setting.silence()
	end, settled := s.await(ctx, e, begin, bound)
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	pause(ctx, time.Until(end.Add(s.known())))
	return s.judge(e, begin, end, settled), nil
}

// ready waits until an event may happen.
func (s *stage) ready(ctx context.Context, e event, phase float64, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience+s.setting.silence())
	defer cancel()
	if e.to == lb2 || e.stays {
		if err := s.settle(ctx); err != nil {
			return fmt.Errorf("before %s: %w", e.name, err)
		}
	}
	now := time.Now()
	advert, err := s.capture.Wait(ctx, func(a lab.Packet) bool {
		return a.Kind == lab.Advert && a.Priority > 0 && a.Time.After(now)
	})
	if err != nil {
		return fmt.Errorf("before %s: there is no advert (%w)", e.name, err)
	}
	pause(ctx, time.Until(advert.Time.Add(time.Duration(phase*float64(s.setting.interval)))))
	return ctx.Err()
}

// await waits until the right node serves steadily, and returns when that was last
// seen. What has not settled within the bound ends there.
func (s *stage) await(ctx context.Context, e event, begin time.Time, bound time.Duration) (end time.Time, settled bool) {
	if e.stays {
		pause(ctx, calm)
	}
	for deadline := begin.Add(bound); ctx.Err() == nil && time.Now().Before(deadline); pause(ctx, lookInterval) {
		last, served := s.steady(e.to)
		if served && last.After(begin) {
			return last, true
		}
	}
	return begin.Add(bound), false
}

// first is when the client was first served by a node after a moment; the zero time if
// it was not.
func (s *stage) first(server string, after time.Time) time.Time {
	for _, sample := range s.probe.Samples(after) {
		if sample.OK && sample.Server == server {
			return sample.Start
		}
	}
	return time.Time{}
}

// known is how long after a question its outcome is known. The outage of HTTP is between
// answers: it need not wait for those that never come.
func (s *stage) known() time.Duration {
	if s.setting.tracker != nothing {
		return slack
	}
	return probeTimeout + slack
}

// judge says what was seen of an event.
func (s *stage) judge(e event, begin, end time.Time, settled bool) (o outcome) {
	from := begin.Add(-lead)
	samples := s.probe.Samples(from)
	lost := unanswered(samples, from, end)
	if s.setting.tracker != nothing {
		lost = lab.Outage(samples, from, end)
	}
	o.lost, o.moved = figure.Millis(lost), figure.Millis(s.first(e.to, begin).Sub(begin))
	if !settled {
		o.lost, o.moved = figure.Beyond(lost), figure.Beyond(end.Sub(begin))
	}
	for i := 1; i < len(samples) && samples[i].Start.Before(end); i++ {
		o.pause = max(o.pause, samples[i].Start.Sub(samples[i-1].Start))
	}
	return o
}

// unanswered is for how long the client had no answer: from each lost datagram to the
// next one, which is a millisecond when nothing is late.
func unanswered(samples []lab.Sample, from, to time.Time) (sum time.Duration) {
	for i, s := range samples {
		if s.OK || s.Start.Before(from) || s.Start.After(to) {
			continue
		}
		until := to
		if i+1 < len(samples) && samples[i+1].Start.Before(to) {
			until = samples[i+1].Start
		}
		sum += until.Sub(s.Start)
	}
	return sum
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
