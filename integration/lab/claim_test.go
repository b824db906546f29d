// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var sources = map[string]netip.Addr{"a": netip.MustParseAddr("192.0.2.11"), "b": netip.MustParseAddr("192.0.2.12")}

// adverts are what a node sends at some moments, in milliseconds, once a second.
func adverts(node string, priority uint8, ms ...int) (sent []Packet) {
	for _, m := range ms {
		sent = append(sent, Packet{Kind: Advert, Sent: true, Time: at(m), Source: sources[node],
			Version: 3, VRID: 51, Priority: priority, Interval: time.Second})
	}
	return sent
}

// but changes each of some packets.
func but(sent []Packet, edit func(*Packet)) []Packet {
	for i := range sent {
		edit(&sent[i])
	}
	return sent
}

func both(parts ...[]Packet) (all []Packet) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func claim(node string, from, to int) Claim { return Claim{node, at(from), at(to)} }

func TestClaims(t *testing.T) {
	seconds := []int{0, 1000, 2000}
	steady := adverts("a", 100, seconds...)
	for name, test := range map[string]struct {
		a, b []Packet
		want []Claim
		two  int // milliseconds with two owners
	}{
		"nobody":   {nil, nil, nil, 0},
		"one":      {steady, nil, []Claim{claim("a", 0, 3000)}, 0},
		"resigned": {both(steady, adverts("a", 0, 2500, 2502)), adverts("b", 90, 2600), []Claim{claim("a", 0, 2500), claim("b", 2600, 3600)}, 0},
		"dead":     {steady, adverts("b", 90, 5650, 6650), []Claim{claim("a", 0, 3000), claim("b", 5650, 7650)}, 0},
		"impatient: the other takes over before the advert that is due": {steady, adverts("b", 90, 2600),
			[]Claim{claim("a", 0, 3000), claim("b", 2600, 3600)}, 400},
		"yields":                       {steady, adverts("b", 200, 2300, 3300), []Claim{claim("a", 0, 2300), claim("b", 2300, 4300)}, 0},
		"yields, and speaks once more": {both(steady, adverts("a", 100, 2310)), adverts("b", 200, 2300), []Claim{claim("a", 0, 2310), claim("b", 2300, 3300)}, 10},
		"yields, and soon is back": {adverts("a", 100, 0, 1000, 2800), both(adverts("b", 200, 1200, 2200), adverts("b", 0, 2700)),
			[]Claim{claim("a", 0, 1200), claim("b", 1200, 2700), claim("a", 2800, 3800)}, 0},
		"yields to one that spoke at once": {adverts("a", 100, 10), adverts("b", 200, 0, 1000), []Claim{claim("b", 0, 2000), claim("a", 10, 10)}, 0},
		"does not yield":                   {adverts("a", 100, 0, 1000, 2000, 3000, 4000), adverts("b", 200, 1300, 2300, 3300), []Claim{claim("a", 0, 4000), claim("b", 1300, 4300)}, 2700},
		"the worse one yields":             {adverts("a", 100, 0, 1000), adverts("b", 90, 500), []Claim{claim("a", 0, 2000), claim("b", 500, 1000)}, 500},
		"equal: the higher address stays":  {adverts("a", 100, 0, 1000), adverts("b", 100, 500, 1500), []Claim{claim("a", 0, 1000), claim("b", 500, 2500)}, 500},
		"late, but not silent":             {adverts("a", 100, 0, 3600), nil, []Claim{claim("a", 0, 4600)}, 0},
		"silent, and back":                 {adverts("a", 100, 0, 3700), nil, []Claim{claim("a", 0, 1000), claim("a", 3700, 4700)}, 0},
		"resigned, and back":               {both(adverts("a", 100, 0), adverts("a", 0, 500), adverts("a", 100, 600)), nil, []Claim{claim("a", 0, 500), claim("a", 600, 1600)}, 0},
		"VRRPv2's skew is a second's": {but(adverts("a", 100, 0, 31000), func(p *Packet) { p.Version, p.Interval = 2, 10*time.Second }), nil,
			[]Claim{claim("a", 0, 10000), claim("a", 31000, 41000)}, 0},
		"dead, and not because of a better one long ago": {adverts("a", 100, 0, 1000, 2000), adverts("b", 200, 500),
			[]Claim{claim("a", 0, 3000), claim("b", 500, 1500)}, 1000},
		"only heard":         {but(adverts("a", 100, 0), func(p *Packet) { p.Sent = false }), nil, nil, 0},
		"another VRID":       {but(adverts("a", 100, 0), func(p *Packet) { p.VRID = 52 }), nil, nil, 0},
		"of the IPv6 router": {but(adverts("a", 100, 0), func(p *Packet) { p.Source = netip.MustParseAddr("fe80::1") }), nil, nil, 0},
		"not an advert":      {but(adverts("a", 100, 0), func(p *Packet) { p.Kind = ARPReply }), nil, nil, 0},
	} {
		got := Claims(map[string][]Packet{"a": test.a, "b": test.b}, 51, true)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if two := TwoOwners(got); two != time.Duration(test.two)*time.Millisecond {
			t.Errorf("%s: two owners for %v, want %d ms", name, two, test.two)
		}
	}
}

func TestTwoOwners(t *testing.T) {
	for name, test := range map[string]struct {
		claims []Claim
		want   int
	}{
		"one after the other":     {[]Claim{claim("a", 0, 10), claim("b", 10, 20)}, 0},
		"a node beside itself":    {[]Claim{claim("a", 0, 10), claim("a", 5, 20)}, 0},
		"the longest counts":      {[]Claim{claim("a", 0, 10), claim("b", 8, 20), claim("a", 15, 30)}, 5},
		"one within the other":    {[]Claim{claim("a", 0, 30), claim("b", 10, 20)}, 10},
		"a third goes on with it": {[]Claim{claim("a", 0, 30), claim("b", 10, 20), claim("c", 20, 25)}, 15},
		"from the same moment":    {[]Claim{claim("a", 0, 10), claim("b", 0, 5)}, 5},
	} {
		if got := TwoOwners(test.claims); got != time.Duration(test.want)*time.Millisecond {
			t.Errorf("%s: %v, want %d ms", name, got, test.want)
		}
	}
}

func TestShared(t *testing.T) {
	got := Shared([]Claim{claim("a", 0, 10), claim("b", 8, 20), claim("a", 15, 30), claim("c", 15, 16)})
	span := func(from, to int) Span { c := claim("", from, to); return Span{c.From, c.To} }
	if diff := cmp.Diff([]Span{span(8, 10), span(15, 20)}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnswers(t *testing.T) {
	reply := func(ms ...int) []Packet {
		return but(adverts("a", 0, ms...), func(p *Packet) { p.Kind, p.Source, p.Target = ARPReply, vipAddr, node1 })
	}
	got := Answers(map[string][]Packet{
		"a": both(reply(0, 5, 10), but(reply(20), func(p *Packet) { p.Target = vipAddr }), reply(100)),
		"b": both(reply(8, 13), but(reply(18), func(p *Packet) { p.Source = node1 }), but(reply(19), func(p *Packet) { p.Sent = false })),
	}, vipAddr)
	want := []Claim{claim("a", 0, 10), claim("b", 8, 13), claim("a", 100, 100)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnanswered(t *testing.T) {
	packets := func(ms []int, edit func(*Packet)) []Packet { return but(adverts("a", 0, ms...), edit) }
	question := func(p *Packet) { p.Kind, p.Source, p.Target, p.Sent = ARPRequest, node1, vipAddr, false }
	answer := func(p *Packet) { p.Kind, p.Source, p.Target = ARPReply, vipAddr, node1 }
	for name, test := range map[string]struct {
		asked, a, b []int
		want        int
	}{
		"nobody asks":                     {nil, nil, nil, 0},
		"asked late is not answered late": {[]int{0, 5, 90}, []int{1, 6, 91}, nil, 1},
		"one goes, the other comes":       {[]int{0, 5, 10, 15}, []int{1}, []int{16}, 11},
		"nobody any more":                 {[]int{0, 5, 10}, []int{1}, nil, 95},
		"seen late by the other":          {[]int{0, 2, 90}, []int{1, 91}, nil, 1},
		"before and after":                {[]int{-50, 50, 200}, nil, []int{51, 300}, 1},
	} {
		all := map[string][]Packet{
			"a": both(packets(test.asked, question), packets(test.a, answer)),
			"b": both(packets(test.asked, question), packets(test.b, answer), packets(test.asked, func(p *Packet) { answer(p); p.Source = node1 })),
		}
		if got := Unanswered(all, vipAddr, at(0), at(100)); got != time.Duration(test.want)*time.Millisecond {
			t.Errorf("%s: %v, want %d ms", name, got, test.want)
		}
	}
}
