// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/integration/lab"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

func span(from, to int) lab.Span { return lab.Span{From: at(from), To: at(to)} }

// samples is one each millisecond: an x failed.
func samples(text string) (all []lab.Sample) {
	for i, c := range text {
		all = append(all, lab.Sample{Start: at(i), OK: c != 'x'})
	}
	return all
}

func TestTally(t *testing.T) {
	for name, test := range map[string]struct {
		samples string
		want    tally
	}{
		"all well":                  {"........", tally{8, 0, lab.Span{}}},
		"one lost":                  {"..x.....", tally{8, 1, span(2, 3)}},
		"the longest counts":        {".x.xxx.x", tally{8, 5, span(3, 6)}},
		"not answered to the end":   {"......xx", tally{8, 2, span(6, 8)}},
		"what is outside is not in": {"........xx", tally{8, 0, lab.Span{}}},
	} {
		if diff := cmp.Diff(test.want, tallyOf(samples(test.samples), span(0, 8)), cmp.AllowUnexported(tally{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	paused := []lab.Sample{{Start: at(0), OK: true}, {Start: at(500), OK: true}}
	if got := tallyOf(paused, span(0, 1000)); got.longest.Length() != 0 {
		t.Errorf("a client that pauses saw an outage of %v", got.longest.Length())
	}
}

// every are moments, one each 5 ms.
func every(from, to int) (all []time.Time) {
	for ms := from; ms < to; ms += 5 {
		all = append(all, at(ms))
	}
	return all
}

func TestUnanswered(t *testing.T) {
	claim := func(node string, from, to int) lab.Claim { return lab.Claim{Node: node, From: at(from), To: at(to)} }
	for name, test := range map[string]struct {
		questions []time.Time
		answers   []lab.Claim
		want      []lab.Span
	}{
		"answered throughout":    {every(0, 100), []lab.Claim{claim("a", 0, 95)}, nil},
		"handed over":            {every(0, 100), []lab.Claim{claim("a", 0, 50), claim("b", 55, 95)}, nil},
		"nobody for a while":     {every(0, 200), []lab.Claim{claim("a", 0, 50), claim("b", 150, 195)}, []lab.Span{span(55, 150)}},
		"two, then nobody":       {every(0, 200), []lab.Claim{claim("a", 0, 80), claim("b", 20, 50), claim("b", 150, 195)}, []lab.Span{span(85, 150)}},
		"nobody in the end":      {every(0, 200), []lab.Claim{claim("a", 0, 100)}, []lab.Span{span(105, 195)}},
		"nobody at all":          {every(0, 200), nil, []lab.Span{span(0, 195)}},
		"an answer is late":      {every(0, 100), []lab.Claim{claim("a", 0, 40), claim("a", 70, 95)}, nil},
		"the asker itself waits": {append(every(0, 50), every(500, 550)...), []lab.Claim{claim("a", 0, 45), claim("a", 500, 545)}, nil},
		"nobody asks":            {nil, nil, nil},
	} {
		if diff := cmp.Diff(test.want, unanswered(test.questions, test.answers)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTotal(t *testing.T) {
	spans := []lab.Span{span(-50, 20), span(30, 40), span(90, 200), span(300, 400)}
	if diff := cmp.Diff(total{span(0, 20), 40 * time.Millisecond}, totalOf(spans, span(0, 100)), cmp.AllowUnexported(total{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// said are the adverts of a node each 100 ms, and its answers each 5 ms.
func said(node netip.Addr, priority uint8, from, to int) (all []lab.Packet) {
	for ms := from; ms < to; ms += 5 {
		if (ms-from)%100 == 0 {
			all = append(all, lab.Packet{Time: at(ms), Sent: true, Kind: lab.Advert, Source: node, Version: 3, VRID: vrid,
				Priority: priority, Interval: 100 * time.Millisecond})
		}
		all = append(all, lab.Packet{Time: at(ms), Sent: true, Kind: lab.ARPReply, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1},
			Source: vip4.Addr(), Target: netip.MustParseAddr("192.0.2.20")})
	}
	return all
}

// A node falls silent; another takes over late, and does not know when the first is
// back, though it answers no more after a while.
func TestJudge(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("192.0.2.12")
	got := judge(observation{
		Span:     span(0, 2000),
		requests: samples(strings.Repeat(".", 500) + strings.Repeat("x", 200) + strings.Repeat(".", 1500)),
		probes:   map[string][]lab.Sample{"a": samples(strings.Repeat(".", 1999) + "x"), "b": samples("..x")},
		packets: map[string][]lab.Packet{
			"lb1": append(said(a, 254, 0, 505), said(a, 254, 1000, 2000)...),
			"lb2": slices.DeleteFunc(said(b, 234, 700, 1505), func(p lab.Packet) bool {
				return p.Kind == lab.ARPReply && p.Time.After(at(1200))
			}),
		},
		asked: map[netip.Addr][]time.Time{vip4.Addr(): every(0, 2000)},
		vrid:  vrid,
	})
	want := outcome{
		requests: tally{2000, 200, span(500, 700)},
		probes:   tally{2003, 2, lab.Span{From: at(2), To: at(2000)}},
		two:      total{span(1000, 1200), 200 * time.Millisecond},
		elected:  total{span(1000, 1500), 500 * time.Millisecond},
		none:     total{span(505, 700), 195 * time.Millisecond},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{}, tally{}, total{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBeyond(t *testing.T) {
	most := defaults.limitOf(episode{{kind: stopped}})
	fine := outcome{
		requests: tally{longest: span(0, 30)}, probes: tally{longest: span(0, 20)}, none: total{longest: span(0, 120)},
		two: total{longest: span(0, 100)}, elected: total{longest: span(0, 100)},
	}
	if got := fine.beyond(most); got != nil {
		t.Errorf("at the limit: %q", got)
	}
	for want, o := range map[string]outcome{
		"no HTTP request was answered for 31 ms, limit 30 ms, from 2026-01-01T00:00:00.000Z on": {requests: tally{longest: span(0, 31)}},
		"no UDP probe was answered for 21 ms":                                                   {probes: tally{longest: span(0, 21)}},
		"nobody answered to ARP or ND for 121 ms":                                               {none: total{longest: span(0, 121)}},
		"two nodes answered to ARP or ND for 101 ms":                                            {two: total{longest: span(0, 101)}},
		"two nodes were Active by their adverts for 101 ms":                                     {elected: total{longest: span(0, 101)}},
	} {
		if got := o.beyond(most); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
