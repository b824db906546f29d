// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

// The steady state makes no garbage: a stall of the collector is a late advert.

func steadyBackup() (*Router, func()) {
	r, now := NewRouter(params(probing)), time.Unix(1000, 0)
	fx := r.Step(now, Start{}, make([]Effect, 0, 8))
	addresses := []netip.Addr{vip}
	return r, func() {
		now = now.Add(time.Millisecond)
		in := Received{Source: higher, Destination: GroupIPv4, Advert: Advert{Version: 3, VRID: 51, Priority: 200, Interval: second, Addresses: addresses}}
		fx = r.Step(now, in, fx[:0])
	}
}

func steadyActive() (*Router, func()) {
	r, now := NewRouter(params()), time.Unix(1000, 0)
	fx := r.Step(now, Start{}, make([]Effect, 0, 8))
	for r.state != Active || !r.repeat.IsZero() {
		now = r.Deadline()
		fx = r.Step(now, Tick{}, fx[:0])
	}
	return r, func() {
		now = r.Deadline()
		fx = r.Step(now, Tick{}, fx[:0])
	}
}

// askedHost is in doubt again and again, and answers.
func askedHost() func() {
	now := time.Unix(1000, 0)
	w := NewHostWatch(now, 100*ms)
	return func() {
		now = now.Add(second)
		w.Heard(now)
		now = now.Add(second)
		w.Doubt(now)
		w.Tick(now)
		w.Answered(now)
		now = w.Deadline()
		w.Tick(now)
	}
}

func encoder() func() {
	r := NewRouter(params())
	r.Step(time.Time{}, Source{own}, nil)
	b := make([]byte, 0, 64)
	return func() { b = r.Encode(100, b[:0], func(netip.Addr, []byte) {}) }
}

func decoder() func() {
	a := Advert{Version: 3, VRID: 10, Priority: 100, Interval: second, Addresses: []netip.Addr{wireVIP}}
	b := a.AppendTo(nil, wireSource, GroupIPv4)
	addresses := make([]netip.Addr, 0, MaxAddresses)
	return func() { a, _ = Parse(b, wireMeta, addresses) }
}

var steady = []struct {
	name string
	make func() func()
}{
	{"received advert", func() func() { _, f := steadyBackup(); return f }},
	{"due advert", func() func() { _, f := steadyActive(); return f }},
	{"deadline of a Backup", func() func() {
		r, f := steadyBackup()
		f()
		return func() { r.Deadline() }
	}},
	{"asked host", askedHost},
	{"encode", encoder},
	{"decode", decoder},
}

func TestNoAllocationInTheSteadyState(t *testing.T) {
	for _, tt := range steady {
		if allocs := testing.AllocsPerRun(1000, tt.make()); allocs != 0 {
			t.Errorf("%s: %v allocations", tt.name, allocs)
		}
	}
}

func BenchmarkSteadyState(b *testing.B) {
	for _, tt := range steady {
		b.Run(tt.name, func(b *testing.B) {
			f := tt.make()
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
