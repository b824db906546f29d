// SPDX-License-Identifier: Apache-2.0

package drain_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// Without a drain every established connection is reset, which shows that the clients
// notice.
func TestWithoutDrain(t *testing.T) {
	s := run(t, 2, off)
	l := s.begin(t, 5)
	d := s.download(t)
	s.move(t, true)
	labtest.Await(t, func() error {
		if broken := l.broken(); broken != 20 {
			return fmt.Errorf("%d conversations are broken, want 20", broken)
		}
		if d.Broken() == nil {
			return fmt.Errorf("the download goes on")
		}
		return nil
	})
	for _, c := range l.talks {
		for _, b := range c.Broken() {
			if b.Server != "lb1" || b.Reason != "connection reset by peer" {
				t.Errorf("%+v", b)
			}
		}
	}
	l.end(t)
	labtest.Await(t, func() error { return s.settled(s.nodes[1]) })
}

// The conversations that begin on lb1 stay there, and those that begin on lb2 there,
// wherever the addresses are.
func TestSwitchovers(t *testing.T) {
	each, switchovers := times(25, 125), times(4, 10)
	s := run(t, 2, long)
	onFirst := s.begin(t, each)
	onFirst.goOn(t, times(5, 50))
	first := time.Now()
	s.move(t, true)
	s.showStatus(t)
	onFirst.served(t, s.nodes[1])
	onSecond := s.begin(t, each)
	for i := range switchovers - 1 {
		onSecond.goOn(t, times(10, 30))
		s.move(t, i%2 == 1)
	}
	onSecond.goOn(t, 10)
	last := time.Now()
	for i, l := range []*load{onFirst, onSecond} {
		l.end(t)
		l.stayed(t, s.nodes[i])
		for j, p := range l.probes {
			if lost := lab.Lost(p.Samples(first), first, last); lost > 0 {
				t.Errorf("%s: %d of %d new connections failed, at %v", family(vips[j]), lost, len(p.Samples(first)), failures(p.Samples(first)))
			}
		}
	}
	fill(t, "connections", onFirst.table(switchovers, first, last)+"\n"+onSecond.table(switchovers-1, onSecond.begun, last))
	labtest.Await(t, func() error { return s.settled(s.nodes[0]) })
}

// failures are when the first connections that failed were begun.
func failures(samples []lab.Sample) (all []string) {
	for _, s := range samples {
		if !s.OK && len(all) < 5 {
			all = append(all, s.Start.UTC().Format("15:04:05.000"))
		}
	}
	return all
}

// download begins one of the IPv4 address.
func (s *site) download(t *testing.T) *lab.Download {
	t.Helper()
	d, err := lab.StartDownload(s.Client.Namespace, netip.AddrPortFrom(vips[0].Addr(), webPort))
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, d.Stop()) })
	return d
}

// A download at full speed goes on.
func TestDownload(t *testing.T) {
	s := run(t, 2, long)
	d := s.download(t)
	tenths := times(5, 50)
	come := func(n int) {
		t.Helper()
		want := len(d.Progress()) + n
		labtest.Await(t, func() error {
			if d.Broken() != nil {
				t.Fatalf("%+v", d.Broken())
			}
			if got := len(d.Progress()); got < want {
				return fmt.Errorf("%d reports, want %d", got, want)
			}
			return nil
		})
	}
	come(tenths)
	moved := time.Now()
	s.move(t, true)
	come(tenths)
	labtest.Must(t, d.Stop())
	before, during, after := rates(d.Progress(), moved)
	if after < before/10 {
		t.Errorf("%.0f Mbit/s before the switchover, %.0f after it", before, after)
	}
	fill(t, "download", fmt.Sprintf("| before, Mbit/s | worst tenth of a second after the switchover | after, Mbit/s |\n|---|---|---|\n| %.0f | %.0f | %.0f |\n",
		before, during, after))
	labtest.Await(t, func() error { return s.settled(s.nodes[1]) })
}

// rates are the throughput before and after a moment, and the lowest after it. The first
// report is of no tenth of a second.
func rates(all []lab.Progress, moved time.Time) (before, lowest, after float64) {
	var sums [2]float64
	var counts [2]int
	for _, p := range all[1:] {
		rate := float64(p.Bytes) * 8 / 1e6 / 0.1
		i := 0
		if p.End.After(moved) {
			if i = 1; counts[1] == 0 || rate < lowest {
				lowest = rate
			}
		}
		sums[i] += rate
		counts[i]++
	}
	return sums[0] / float64(max(1, counts[0])), lowest, sums[1] / float64(max(1, counts[1]))
}
