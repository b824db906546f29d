// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// Two routers on two networks, in one group: whatever happens to one of them, both are
// on the same node.

const insideLink = "eth1"

var insideVIP = netip.MustParseAddr("198.51.100.100")

// firewall is a site with a second network, and a client of each.
type firewall struct {
	*site
	cable           *lab.Cable // of lb1's inside
	outside, inside probes
}

func newFirewall(t *testing.T, e election) *firewall {
	t.Helper()
	w := &firewall{site: build(t, e, haproxy)}
	lan, err := lab.NewSwitch()
	labtest.Must(t, err)
	t.Cleanup(func() { lan.Close() })
	w.cable, err = lan.Plug(w.lb1.host.Namespace, insideLink, "198.51.100.11/24")
	labtest.Must(t, err)
	_, err = lan.Plug(w.lb2.host.Namespace, insideLink, "198.51.100.12/24")
	labtest.Must(t, err)
	_, err = lan.Plug(w.client, insideLink, "198.51.100.1/24")
	labtest.Must(t, err)
	w.reconfigure(t, "  checks: [web]\n", fmt.Sprintf(`- name: inside
  interface: %s
  vrid: 52
  priority: {lb1: %d, lb2: %d}
  advert_interval: %v
  addresses: [%v/24]
groups:
- {name: edge, routers: [web, inside], checks: [web]}
`, insideLink, e.better, e.other, e.interval, insideVIP))
	w.lb1.startVipd(t)
	w.lb2.startVipd(t)
	labtest.Await(t, func() error { return w.together(w.lb1) })
	w.outside = watch(t, w.site)
	probe, err := lab.StartHTTPProbe(w.client, netip.AddrPortFrom(insideVIP, 80))
	labtest.Must(t, err)
	t.Cleanup(func() { probe.Stop() })
	labtest.Must(t, probe.Prefer())
	w.inside = probes{http: probe}
	began := time.Now()
	w.outside.steady(t, began, w.lb1, lead)
	w.inside.steady(t, began, w.lb1, lead)
	return w
}

// together tells what is wrong with a site on which a node alone has both VIPs.
func (w *firewall) together(want *node) error {
	for _, n := range []*node{w.lb1, w.lb2} {
		has, err := n.host.Addresses(insideVIP)
		if err != nil || (len(has) > 0) != (n == want) {
			return fmt.Errorf("%s has inside: %v, %w", n.host.Name(), has, err)
		}
	}
	return w.look(want)
}

// see is what the clients outside and inside have seen of something that makes a node
// serve both.
func (w *firewall) see(t *testing.T, do func() error, want *node) (outside, inside seen) {
	t.Helper()
	start := time.Now()
	labtest.Must(t, do())
	done := time.Now()
	w.outside.steady(t, done, want, steady)
	w.inside.steady(t, done, want, steady)
	labtest.Await(t, func() error { return w.together(want) })
	span := window{start.Add(-lead), w.outside.last(t)}
	w.inside.steady(t, span.to, want, 0)
	return span.in(w.outside.http.Samples(span.from)), span.in(w.inside.http.Samples(span.from))
}

// order is a command of vipd on lb1, which must succeed and say some words.
func (w *firewall) order(t *testing.T, words string, args ...string) func() error {
	return func() error {
		control(t, w.lb1, 0, words, args...)
		return nil
	}
}

// fate is something that happens to lb1, what both clients may see of it, and the end of
// it.
type fate struct {
	name            string
	do, undo        func() error
	outside, inside time.Duration
	status          string // of lb1 meanwhile
}

func (w *firewall) fates(t *testing.T) []fate {
	capture := startCapture(t, w.client)
	pull := func(c *lab.Cable) func() error { return afterAdvert(t, capture, w.lb1, c.Pull) }
	outage := w.election.lost() + reaction
	kept := outage - w.election.interval // the other one keeps its addresses for so long
	const took = "192.0.2.12 took over web, 198.51.100.12 took over inside"
	return []fate{
		{"cable pulled outside", pull(w.lb1.host.Cable), w.lb1.host.Cable.Restore, outage, kept, "group-member"},
		{"cable pulled inside", pull(w.cable), w.cable.Restore, kept, outage, "group-member"},
		{"HAProxy killed", w.lb1.web.Kill, w.lb1.web.Restart, failed(w.election), failed(w.election), "because of web"},
		{"vipd maintenance", w.order(t, took, "maintenance", "on"), w.order(t, "ended", "maintenance", "off"), planned, planned, "in maintenance"},
		{"vipd resign inside", w.order(t, took, "resign", "inside"), w.order(t, "group edge (web, inside)", "resign", "--undo", "web"), planned, planned, "has resigned"},
	}
}

// It measures, so it runs alone.
func TestGroup(t *testing.T) {
	w := newFirewall(t, defaults)
	rows := "| event | outside | inside | back: outside | inside |\n|---|---|---|---|---|\n"
	for _, f := range w.fates(t) {
		outside, inside := w.see(t, f.do, w.lb2)
		if err := w.says(t, f.status); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		backOutside, backInside := w.see(t, f.undo, w.lb1)
		rows += fmt.Sprintf("| %s | %s | %s | %s | %s |\n", f.name, ms(outside.outage), ms(inside.outage), ms(backOutside.outage), ms(backInside.outage))
		if outside.over(f.outside) || inside.over(f.inside) || backOutside.over(planned) || backInside.over(planned) {
			t.Errorf("%s: outside %+v, inside %+v, want at most %v and %v; back %+v and %+v, want at most %v",
				f.name, outside, inside, f.outside, f.inside, backOutside, backInside, planned)
		}
	}
	t.Log("\n" + rows)
}

// says tells whether the status of lb1 has some words.
func (w *firewall) says(t *testing.T, words string) error {
	got := w.lb1.command(t, "status", "--config", w.lb1.configFile())
	for _, want := range []string{words, "group edge moves together: web, inside"} {
		if !strings.Contains(got.stdout, want) {
			return fmt.Errorf("no %q in the status:\n%s", want, got.stdout)
		}
	}
	return nil
}
