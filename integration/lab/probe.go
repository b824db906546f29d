// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"sync"
	"time"
)

const (
	// maxSamples bounds what a probe remembers: 17 minutes of the faster one, unless
	// what has been judged is forgotten.
	maxSamples = 1 << 20
	// waitInterval is how often [Probe.Wait] looks.
	waitInterval = 10 * time.Millisecond
)

var errFull = errors.New("the probe ran for too long: it has more samples than it keeps")

// Probe is a client that asks again and again, in a process of its own.
type Probe struct {
	*helper

	mu      sync.Mutex // guards what follows
	samples []Sample   // in the order of their start
}

// StartHTTPProbe asks the server for a page every 5 ms, from inside n, each time
// over a new TCP connection. The questions don't wait for one another; each is
// given up after a second, and counts as unanswered at once when 400 are under way.
// The page must be served with status 200; its text is the server's name.
func StartHTTPProbe(n *Namespace, server netip.AddrPort) (*Probe, error) {
	return StartSlowHTTPProbe(n, server, HTTPPeriod)
}

// StartSlowHTTPProbe is StartHTTPProbe with another period.
func StartSlowHTTPProbe(n *Namespace, server netip.AddrPort, period time.Duration) (*Probe, error) {
	return startProbe(n, "http", fmt.Sprint(server, " ", period))
}

// StartUDPProbe sends the server a datagram at each period, from inside n, that an
// [Echo] there answers. One unanswered after a second is lost.
func StartUDPProbe(n *Namespace, server netip.Addr, period time.Duration) (*Probe, error) {
	return StartImpatientUDPProbe(n, server, period, udpTimeout)
}

// StartImpatientUDPProbe is StartUDPProbe with another time, up to a second, after which
// a datagram is lost: what became of it is known as soon.
func StartImpatientUDPProbe(n *Namespace, server netip.Addr, period, timeout time.Duration) (*Probe, error) {
	return startProbe(n, "udp", fmt.Sprint(netip.AddrPortFrom(server, echoPort), " ", period, " ", timeout))
}

func startProbe(n *Namespace, name, arg string) (*Probe, error) {
	h, err := startHelper(n, name, arg)
	if err != nil {
		return nil, fmt.Errorf("start %s probe: %w", name, err)
	}
	p := &Probe{helper: h}
	go p.drain()
	return p, nil
}

// drain reads the helper's lines until it ends.
func (p *Probe) drain() {
	var failed error
	for failed == nil && p.lines.Scan() {
		failed = p.add(p.lines.Bytes())
	}
	p.wait(failed)
}

func (p *Probe) add(line []byte) error {
	var s Sample
	if err := json.Unmarshal(line, &s); err != nil {
		return fmt.Errorf("read a probe's sample: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.samples) == maxSamples {
		return errFull
	}
	p.samples = slices.Insert(p.samples, p.after(s.Start), s)
	return nil
}

// after is the index of the first sample that starts after t. With mu held.
func (p *Probe) after(t time.Time) int {
	return sort.Search(len(p.samples), func(i int) bool { return p.samples[i].Start.After(t) })
}

// Samples are those that started after a moment, in the order of their start, as
// far as their outcome is known.
func (p *Probe) Samples(after time.Time) []Sample {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.samples[p.after(after):])
}

// Forget drops the samples that started at a moment or before, so that a probe can
// go on for ever.
func (p *Probe) Forget(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.samples = slices.Clone(p.samples[p.after(until):])
}

// Wait waits until the samples that started after a moment are enough, and returns
// them. When ctx ends before that, or the probe, it returns them with an error.
func (p *Probe) Wait(ctx context.Context, after time.Time, enough func([]Sample) bool) ([]Sample, error) {
	for {
		samples := p.Samples(after)
		if enough(samples) {
			return samples, nil
		}
		select {
		case <-ctx.Done():
			return samples, fmt.Errorf("the client has not seen it: %w", ctx.Err())
		case <-p.ended:
			return samples, fmt.Errorf("the probe has ended: %w", p.err)
		case <-time.After(waitInterval):
		}
	}
}
