// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vipd/config"
	"vipd/health"
)

// The priority follows from all verdicts, each time, whatever came before.
func TestAssess(t *testing.T) {
	const (
		unknown = health.Unknown
		pass    = health.Pass
		fail    = health.Fail
	)
	lowest, fault := config.Penalty{}, config.Penalty{Fault: true}
	less := func(n int) config.Penalty { return config.Penalty{Less: n} }
	for _, tt := range []struct {
		name     string
		verdicts []verdict
		waiting  bool
		want     string
	}{
		{"no checks", nil, false, "254"},
		{"all pass", []verdict{{"a", pass, lowest}, {"b", pass, fault}}, false, "254"},
		{"one fails", []verdict{{"a", fail, lowest}, {"b", pass, less(9)}}, false, "1 [a]"},
		{"one recovers while another fails", []verdict{{"a", pass, lowest}, {"b", fail, less(9)}}, false, "245 [b]"},
		{"numbers add up", []verdict{{"a", fail, less(10)}, {"b", fail, less(20)}}, false, "224 [a b]"},
		{"never 0, which would mean resigning", []verdict{{"a", fail, less(253)}, {"b", fail, less(253)}}, false, "1 [a b]"},
		{"lowest and then a number", []verdict{{"a", fail, lowest}, {"b", fail, less(5)}}, false, "1 [a b]"},
		{"fault", []verdict{{"a", fail, fault}}, false, "254 fault [a]"},
		{"unknown costs nothing while it is awaited", []verdict{{"a", unknown, lowest}}, true, "254 unknown"},
		{"unknown fails after that", []verdict{{"a", unknown, lowest}}, false, "1 unknown [a]"},
		{"unknown with fault", []verdict{{"a", unknown, fault}}, false, "254 fault unknown [a]"},
		{"a failure counts while another is awaited", []verdict{{"a", unknown, lowest}, {"b", fail, less(4)}}, true, "250 unknown [b]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := assess(254, tt.verdicts, tt.waiting)
			got := fmt.Sprint(s.priority)
			if s.fault {
				got += " fault"
			}
			if s.unknown {
				got += " unknown"
			}
			if len(s.because) > 0 {
				got += fmt.Sprint(" ", s.because)
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestLimiter(t *testing.T) {
	now := time.Unix(1000, 0)
	peer := netip.MustParseAddr("192.0.2.12")
	l := newLimiter()
	for i, want := range []bool{true, false, false} {
		if ok, _ := l.allow(now, peer, "ttl"); ok != want {
			t.Errorf("line %d: %v", i, ok)
		}
	}
	if ok, _ := l.allow(now, peer, "checksum"); !ok {
		t.Error("another reason is held back")
	}
	if ok, n := l.allow(now.Add(logEvery), peer, "ttl"); !ok || n != 2 {
		t.Errorf("after a minute: %v, %d suppressed, want 2", ok, n)
	}
}

// A flood from forged addresses neither fills the memory nor the log, and does
// not hide a peer that is known.
func TestLimiterUnderAFlood(t *testing.T) {
	now := time.Unix(1000, 0)
	peer := netip.MustParseAddr("192.0.2.12")
	l := newLimiter()
	l.allow(now, peer, "ttl")
	logged := 0
	for i := range 100000 {
		if ok, _ := l.allow(now, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), "ttl"); ok {
			logged++
		}
	}
	if logged > maxLogged+1 || len(l.lines) > maxLogged+1 {
		t.Errorf("%d lines logged, %d remembered", logged, len(l.lines))
	}
	if ok, _ := l.allow(now.Add(logEvery), peer, "ttl"); !ok {
		t.Error("the known peer is hidden")
	}
	l.allow(now.Add(2*logEvery), netip.MustParseAddr("192.0.2.13"), "ttl")
	l.allow(now.Add(4*logEvery), netip.MustParseAddr("192.0.2.14"), "ttl")
	if len(l.lines) > 4 {
		t.Errorf("%d old lines are remembered", len(l.lines))
	}
}
