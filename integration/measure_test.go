// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	// lead is how long before an event its measurement begins, so that the last
	// answer before it is in.
	lead = 100 * time.Millisecond
	// steady is how long one node must have served the client at the end of it.
	steady = 200 * time.Millisecond
	// udpTimeout is when a UDP probe counts as lost.
	udpTimeout = time.Second
)

// probes are a client of the VIP: new connections, and datagrams.
type probes struct{ http, udp *lab.Probe }

func watch(t *testing.T, s *site) probes {
	t.Helper()
	for _, n := range []*node{s.lb1, s.lb2} {
		echo, err := lab.StartEcho(n.host.Namespace)
		labtest.Must(t, err)
		t.Cleanup(func() { echo.Stop() })
	}
	http, err := lab.StartHTTPProbe(s.client, netip.AddrPortFrom(vip.Addr(), 80))
	labtest.Must(t, err)
	t.Cleanup(func() { http.Stop() })
	udp, err := lab.StartUDPProbe(s.client, vip.Addr(), time.Millisecond)
	labtest.Must(t, err)
	t.Cleanup(func() { udp.Stop() })
	labtest.Must(t, errors.Join(http.Prefer(), udp.Prefer()))
	return probes{http, udp}
}

// window is the time in which something happened to the client.
type window struct{ from, to time.Time }

// see makes something happen, and waits until the site is settled with a node that
// has served the client steadily since.
func (p probes) see(t *testing.T, s *site, do func() error, want *node) window {
	t.Helper()
	start := time.Now()
	labtest.Must(t, do())
	p.steady(t, time.Now(), want, steady) // looking at the site costs time, so not before that
	labtest.Await(t, func() error { return s.look(want) })
	return window{start.Add(-lead), p.last(t)}
}

// steady waits until a node has served the client for a time, after a moment, and
// returns when that was.
func (p probes) steady(t *testing.T, after time.Time, want *node, span time.Duration) time.Time {
	t.Helper()
	samples, err := p.http.Wait(labtest.Patient(t), after, func(samples []lab.Sample) bool {
		stretches := lab.Servers(samples)
		if len(stretches) == 0 {
			return false
		}
		last := stretches[len(stretches)-1]
		return last.Server == want.host.Name() && last.To.Sub(last.From) >= span
	})
	if err != nil {
		t.Fatalf("%s does not serve steadily: %v", want.host.Name(), err)
	}
	return samples[len(samples)-1].Start
}

// last is the start of the last request whose outcome is known.
func (p probes) last(t *testing.T) time.Time {
	t.Helper()
	samples := p.http.Samples(time.Now().Add(-steady))
	if len(samples) == 0 {
		t.Fatal("the HTTP probe asks no more")
	}
	return samples[len(samples)-1].Start
}

// quiet waits for a time in which nothing happens.
func (p probes) quiet(t *testing.T, want *node, span time.Duration) window {
	t.Helper()
	start := time.Now()
	return window{start, p.steady(t, start, want, span)}
}

// seen is what a client saw of an event.
type seen struct {
	outage time.Duration
	noise  time.Duration // the longest time in which the client did not even ask
	lost   int
}

// over tells whether an outage was longer than a limit, as far as can be known: one
// no longer than the noise may be the client's own.
func (s seen) over(limit time.Duration) bool { return s.outage > max(limit, s.noise) }

// judge waits until nothing is on its way any more, and says what was seen in each
// window.
func (p probes) judge(t *testing.T, windows []window) []seen {
	t.Helper()
	first, last := windows[0].from, windows[len(windows)-1].to
	_, err := p.udp.Wait(labtest.Patient(t), last.Add(udpTimeout), func(s []lab.Sample) bool { return len(s) > 0 })
	labtest.Must(t, err)
	http, udp := p.http.Samples(first), p.udp.Samples(first)
	var all []seen
	for _, w := range windows {
		s := w.in(http)
		s.lost = lab.Lost(udp, w.from, w.to)
		all = append(all, s)
	}
	return all
}

// in says what an HTTP probe saw in a window.
func (w window) in(http []lab.Sample) seen {
	asked := slices.Clone(http)
	for i := range asked {
		asked[i].OK = true
	}
	return seen{outage: lab.Outage(http, w.from, w.to), noise: lab.Outage(asked, w.from, w.to)}
}

// spread is the least, the middle and the greatest of some durations.
type spread struct{ min, median, max time.Duration }

func spreadOf(all []seen, value func(seen) time.Duration) spread {
	var values []time.Duration
	for _, s := range all {
		values = append(values, value(s))
	}
	slices.Sort(values)
	return spread{values[0], values[len(values)/2], values[len(values)-1]}
}

func (s seen) theOutage() time.Duration { return s.outage }
func (s seen) theNoise() time.Duration  { return s.noise }

func (s spread) String() string {
	return fmt.Sprintf("%s %s %s", ms(s.min), ms(s.median), ms(s.max))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond)) }

// lost are the counts of lost UDP probes.
func lost(all []seen) string {
	var counts []string
	for _, s := range all {
		counts = append(counts, fmt.Sprint(s.lost))
	}
	return strings.Join(counts, " ")
}

// mostlyOver tells whether most of what was seen was over the limit, which is to say
// the median.
func mostlyOver(all []seen, limit time.Duration) bool {
	over := 0
	for _, s := range all {
		if s.over(limit) {
			over++
		}
	}
	return 2*over > len(all)
}
