// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	// each is how many of each bad packet are sent, in bursts that fit into a socket's
	// receive buffer of the kernel's default size, even if nobody reads meanwhile:
	// 47 of the longest do.
	each  = 1000
	burst = 20
	// maxLines is how many lines the log may grow by: one for each source and reason,
	// and there are at most 32 of those that are told apart.
	maxLines = 40
	// advertSlack is how much adverts may be off their interval.
	advertSlack = 100 * time.Millisecond
)

// bad is a packet that must be refused.
type bad struct {
	name, reason string
	unrouted     bool // it belongs to no router
	edit         func(*advert, *header)
	payload      func([]byte) []byte // what becomes of the advert's bytes
	fragmented   bool
	source       func(i int) netip.Addr
}

var badPackets = []bad{
	{name: "truncated", reason: "truncated", unrouted: true, edit: func(a *advert, _ *header) { a.count = 3 }},
	{name: "half a header", reason: "truncated", unrouted: true, payload: func(b []byte) []byte { return b[:7] }},
	{name: "empty", reason: "truncated", unrouted: true, payload: func(b []byte) []byte { return nil }},
	{name: "too long", reason: "too-long", unrouted: true, payload: func(b []byte) []byte { return append(b, 0) }},
	{name: "as long as a frame", reason: "too-long", unrouted: true, payload: func(b []byte) []byte { return append(b, make([]byte, 1480-len(b))...) }},
	{name: "in fragments", reason: "too-long", unrouted: true, fragmented: true, payload: func(b []byte) []byte { return append(b, make([]byte, 1600-len(b))...) }},
	{name: "longer than any", reason: "too-long", unrouted: true, fragmented: true, payload: func(b []byte) []byte { return append(b, make([]byte, 2200-len(b))...) }},
	{name: "TTL 254", reason: "ttl", unrouted: true, edit: func(_ *advert, h *header) { h.ttl = 254 }},
	{name: "TTL 254 from many", reason: "ttl", unrouted: true, edit: func(_ *advert, h *header) { h.ttl = 254 }, source: forged},
	{name: "version 2", reason: "version", payload: asVersion2},
	{name: "version 4", reason: "version", unrouted: true, edit: func(a *advert, _ *header) { a.version = 4 }},
	{name: "type 2", reason: "type", unrouted: true, edit: func(a *advert, _ *header) { a.kind = 2 }},
	{name: "bad checksum", reason: "checksum", unrouted: true, edit: func(a *advert, _ *header) { a.wrongSum = true }},
	{name: "unknown VRID", reason: "unknown-vrid", unrouted: true, edit: func(a *advert, _ *header) { a.vrid = 52 }},
	{name: "unicast", reason: "destination", edit: func(_ *advert, h *header) { h.destination = networks["lb1"].Addr() }},
	{name: "count 0", reason: "count-zero", edit: func(a *advert, _ *header) { a.count, a.addresses = 0, nil }},
	{name: "interval 0", reason: "interval-zero", edit: func(a *advert, _ *header) { a.interval = 0 }},
}

// forged is another source each time.
func forged(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(101 + i%150)}) }

// packets are the IP packets of the i-th bad one.
func (b bad) packets(i int) [][]byte {
	a, h := claim(), header{clientNet.Addr(), group, 255, uint16(i), 0}
	if b.source != nil {
		h.source = b.source(i)
	}
	if b.edit != nil {
		b.edit(&a, &h)
	}
	payload := a.bytes(h.source, h.destination)
	if b.payload != nil {
		payload = b.payload(payload)
	}
	if !b.fragmented {
		return [][]byte{h.around(payload)}
	}
	const cut = 800
	first, rest := h, h
	first.fragment, rest.fragment = moreFragments, cut/8
	return [][]byte{first.around(payload[:cut]), rest.around(payload[cut:])}
}

// refused is how often packets were refused, as `vipd status --json` says it.
type refused struct {
	Routers []struct {
		Rejected map[string]int `json:"rejected"`
	} `json:"routers"`
	Loop struct {
		Rejected map[string]int `json:"rejected"`
	} `json:"loop"`
}

func readRefused(t *testing.T, n *node) refused {
	t.Helper()
	text, err := n.vipd.Status()
	labtest.Must(t, err)
	var r refused
	labtest.Must(t, json.Unmarshal(text, &r))
	return r
}

func (r refused) of(b bad) int {
	if b.unrouted {
		return r.Loop.Rejected[b.reason]
	}
	return r.Routers[0].Rejected[b.reason]
}

// Whatever a hostile host on the LAN sends, the daemon counts it under its reason,
// and goes on as before.
func TestHostilePackets(t *testing.T) {
	t.Parallel()
	s := run(t, defaults, haproxy)
	c, hostile := startCapture(t, s.client), newSender(t, s.client)
	elected, lines, start := elections(t, s), logLines(t, s), time.Now()
	for _, b := range badPackets {
		flood(t, s, hostile, b)
	}
	labtest.Must(t, s.look(s.lb1))
	judgeAdverts(t, c, s, start)
	if now := elections(t, s); now != elected {
		t.Errorf("elections of lb1, lb2: %v, before %v", now, elected)
	}
	for i, grown := range logLines(t, s) {
		t.Logf("the log of lb%d has grown by %d lines", i+1, grown-lines[i])
		if grown-lines[i] > maxLines {
			t.Errorf("the log of lb%d has grown by %d lines, limit %d", i+1, grown-lines[i], maxLines)
		}
	}
	yieldsToAClaim(t, s, hostile)
}

// flood sends many of one bad packet, and waits until all are counted.
func flood(t *testing.T, s *site, hostile sender, b bad) {
	t.Helper()
	before := readRefused(t, s.lb1)
	to := groupMAC
	if b.reason == "destination" {
		to = s.lb1.mac(t)
	}
	for sent := range each {
		for _, p := range b.packets(sent) {
			hostile.send(t, to, etherTypeIPv4, p)
		}
		if (sent+1)%burst != 0 {
			continue
		}
		labtest.Await(t, func() error {
			got, err := countOf(s.lb1, b)
			if want := before.of(b) + sent + 1; err == nil && got != want {
				err = fmt.Errorf("%s: %d counted as %s, want %d", b.name, got, b.reason, want)
			}
			return err
		})
	}
	after := readRefused(t, s.lb1)
	if all := after.total() - before.total(); after.of(b)-before.of(b) != each || all != each {
		t.Errorf("%s: %d counted as %s, %d in all, want %d", b.name, after.of(b)-before.of(b), b.reason, all, each)
	}
}

func (r refused) total() (sum int) {
	for _, counts := range []map[string]int{r.Loop.Rejected, r.Routers[0].Rejected} {
		for n := range maps.Values(counts) {
			sum += n
		}
	}
	return sum
}

// countOf asks the daemon without starting a program.
func countOf(n *node, b bad) (int, error) {
	status, err := n.status()
	if err != nil {
		return 0, err
	}
	if b.unrouted {
		return int(status.Loop.Rejected[b.reason]), nil
	}
	return int(status.Routers[0].Rejected[b.reason]), nil
}

// judgeAdverts looks whether lb1 has gone on advertising, and nobody else has.
func judgeAdverts(t *testing.T, c *lab.Capture, s *site, start time.Time) {
	t.Helper()
	adverts := matching(c, advertOf(s.lb1, start))
	if others := matching(c, advertOf(s.lb2, start)); len(others) > 0 {
		t.Errorf("lb2 has sent %d adverts", len(others))
	}
	if want := int(time.Since(start) / s.election.interval); len(adverts) < want {
		t.Errorf("lb1 has sent %d adverts, want %d", len(adverts), want)
	}
	for i, p := range adverts {
		if p.Priority != s.election.better {
			t.Errorf("lb1 has advertised the priority %d", p.Priority)
		}
		if i == 0 {
			continue
		}
		if gap := p.Time.Sub(adverts[i-1].Time); (gap - s.election.interval).Abs() > advertSlack {
			t.Errorf("lb1 has advertised %v after its last advert", gap)
		}
	}
}

func logLines(t *testing.T, s *site) (lines [2]int) {
	t.Helper()
	for i, n := range []*node{s.lb1, s.lb2} {
		text, err := os.ReadFile(n.vipd.Log())
		labtest.Must(t, err)
		lines[i] = bytes.Count(text, []byte("\n"))
	}
	return lines
}

// yieldsToAClaim shows that the sender works: what is well-formed is obeyed, and
// forgotten when it is not repeated.
func yieldsToAClaim(t *testing.T, s *site, hostile sender) {
	t.Helper()
	h := header{clientNet.Addr(), group, 255, 0, 0}
	hostile.send(t, groupMAC, etherTypeIPv4, h.around(claim().bytes(h.source, h.destination)))
	labtest.Await(t, func() error {
		r, err := s.lb1.router()
		if err == nil && (r.State != "backup" || r.Reason != "higher-priority") {
			err = fmt.Errorf("lb1 is in the state %s: %s", r.State, r.Reason)
		}
		return err
	})
	if r, err := s.lb1.router(); err != nil || r.Active == nil || r.Active.Source != clientNet.Addr() {
		t.Errorf("lb1 follows %+v, %v", r.Active, err)
	}
	labtest.Await(t, func() error { return s.look(s.lb1) })
}
