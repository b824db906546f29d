// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vipd/integration/lab"
)

const (
	// probeTimeout is when a sample's outcome is known, and a little.
	probeTimeout = 1100 * time.Millisecond
	// collectInterval is how often the capture is emptied.
	collectInterval = time.Second
	// askedEvery is how often the IPv6 address is probed: every millisecond is for IPv4.
	askedEvery = 5 * time.Millisecond
)

// recorder keeps what the client and the third host see, until it is judged.
type recorder struct {
	keep     time.Duration // how long before a span adverts say who is Active
	capture  *lab.Capture
	senders  map[string]string // MAC address → node
	requests *lab.Probe
	probes   map[string]*lab.Probe

	mu      sync.Mutex // guards what follows
	packets map[string][]lab.Packet
	asked   map[netip.Addr][]time.Time
}

// run empties the capture until ctx ends.
func (r *recorder) run(ctx context.Context) {
	ticker := time.NewTicker(collectInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.collect()
		}
	}
}

// collect takes what was captured and keeps the questions, and what the nodes said:
// adverts and answers. On the third host they were received; for who judges them, the
// nodes sent them.
func (r *recorder) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.capture.Take() {
		if p.Sent {
			if times, ours := r.asked[p.Target]; ours {
				r.asked[p.Target] = append(times, p.Time)
			}
			continue
		}
		node, known := r.senders[p.Ethernet.String()]
		if known && (p.Kind == lab.Advert || p.Answers(vip4.Addr()) || p.Answers(vip6.Addr())) {
			p.Sent = true
			r.packets[node] = append(r.packets[node], p)
		}
	}
}

// observe waits until all is known of a span that has just ended, and returns it.
// What is older than the next one needs is forgotten.
func (r *recorder) observe(ctx context.Context, span lab.Span) (observation, error) {
	o := observation{Span: span, probes: make(map[string][]lab.Sample), vrid: vrid}
	known := span.To.Add(probeTimeout)
	some := func(s []lab.Sample) bool { return len(s) > 0 }
	before := span.From.Add(-1)
	if _, err := r.requests.Wait(ctx, known, some); err != nil {
		return o, err
	}
	o.requests = r.requests.Samples(before)
	r.requests.Forget(span.To.Add(-1))
	for name, probe := range r.probes {
		if _, err := probe.Wait(ctx, known, some); err != nil {
			return o, err
		}
		o.probes[name] = probe.Samples(before)
		probe.Forget(span.To.Add(-1))
	}
	o.packets, o.asked = r.said(span)
	return o, nil
}

// said are the packets of a span, and the times of its questions. What is needed no
// more is forgotten.
func (r *recorder) said(span lab.Span) (packets map[string][]lab.Packet, asked map[netip.Addr][]time.Time) {
	r.collect()
	r.mu.Lock()
	defer r.mu.Unlock()
	packets, asked = maps.Clone(r.packets), maps.Clone(r.asked)
	for node, all := range packets {
		r.packets[node] = slices.DeleteFunc(slices.Clone(all), func(p lab.Packet) bool {
			return p.Time.Before(span.To.Add(-r.keep))
		})
	}
	for address, all := range asked {
		r.asked[address] = slices.DeleteFunc(slices.Clone(all), func(t time.Time) bool { return t.Before(span.To) })
	}
	return packets, asked
}
