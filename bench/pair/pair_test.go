// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"context"
	"fmt"
	"testing"
	"time"

	"vipd/bench/figure"
	"vipd/integration/lab/labtest"
)

// Both daemons take all addresses; what takes over from one that was killed
// is seen; nothing is left after it.
func TestPair(t *testing.T) {
	for _, d := range []figure.Daemon{figure.Vipd, figure.Keepalived} {
		for _, ipv6 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, IPv6: %v", d, ipv6), func(t *testing.T) {
				t.Parallel()
				playPair(t, d, Setting{Routers: 2, VIPs: 2, IPv6: ipv6, Interval: 100 * time.Millisecond})
			})
		}
	}
}

func playPair(t *testing.T, d figure.Daemon, s Setting) {
	p, err := New(s, program())
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, p.Close()) })
	took, err := p.Begin(t.Context(), d)
	labtest.Must(t, err)
	if limit := s.Silence(Better); took < limit/2 || took > limit+Patience {
		t.Errorf("up after %v", took)
	}
	if got := p.Count(); got.Takeovers != [2]int{2, 0} || got.Flaps != 0 || got.Announcements < 4 {
		t.Errorf("at the start: %+v", got)
	}
	adverts, err := p.Adverts(t.Context(), 500*time.Millisecond)
	labtest.Must(t, err)
	if adverts.Longest < s.Interval/2 {
		t.Errorf("%+v", adverts)
	}
	labtest.Must(t, p.AwaitAdvert(t.Context()))
	began := time.Now()
	labtest.Must(t, p.Nodes[Better].Kill())
	if took, ok := p.Moved(t.Context(), Worse, began, 0, Patience); !ok || took < s.Silence(Worse)-s.Interval/2 {
		t.Errorf("taken over after %v, %v", took, ok)
	}
	if got := p.Count(); got.Takeovers[Worse] != 2 {
		t.Errorf("after the kill: %+v", got)
	}
	labtest.Must(t, p.Reset())
	for _, n := range p.Nodes {
		for i := range s.Total() {
			if left, err := n.Addresses(s.vip(i)); err != nil || len(left) > 0 {
				t.Errorf("%s has %v, %v", n.Name(), left, err)
			}
		}
	}
	if _, ok := p.Moved(t.Context(), Worse, time.Now(), 0, lookPeriod); ok {
		t.Error("what was is not forgotten")
	}
}

// Nobody waits on after the end of a run.
func TestInterrupted(t *testing.T) {
	p, err := New(Setting{Routers: 1, VIPs: 1, Interval: time.Second}, program())
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, p.Close()) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := p.Moved(ctx, Better, time.Now(), 0, time.Hour); ok {
		t.Error("moved")
	}
	if _, err := p.Adverts(ctx, time.Hour); err == nil {
		t.Error("heard adverts")
	}
}
