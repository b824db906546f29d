// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	// usualBetter and usualOther are the priorities that people use.
	usualBetter, usualOther = 100, 90
	// planned is how long a client may wait in a planned move, with noise.
	planned = 60 * time.Millisecond
	// udpPeriod is how often the client of the migration sends a datagram.
	udpPeriod = time.Millisecond
)

// step is one of a migration, and what the client saw of it.
type step struct {
	name      string
	limit     time.Duration // of the outage
	outage    time.Duration
	http, udp int // requests and datagrams lost
	window    window
}

// maxHTTP and maxUDP are how much may be lost.
func (s step) maxHTTP() int { return int(s.limit / lab.HTTPPeriod) }
func (s step) maxUDP() int  { return int(s.limit / udpPeriod) }

// migration is two nodes with web servers that are replaced while a client asks.
type migration struct {
	*pair
	http  *lab.Probe
	steps []step
}

// testMigration replaces two keepalived nodes by vipd, one after the other, without
// a loss: keepalived gives its addresses up before it is told to, so it must not be
// Active when it is stopped. Then VRRPv2 goes, too.
func testMigration(t *testing.T) []step {
	m := startMigration(t)
	v2, both, v3 := vipd(vips4, "version: 2", password), vipd(vips4, "version: both", password), vipd(vips4)
	m.see(t, "nothing, for ten seconds", m.lb1, planned, func() { time.Sleep(10 * time.Second) })
	m.see(t, "lb2, the Backup: keepalived stops; vipd starts, `version: 2`, priority 110, and takes over", m.lb2, planned, m.replace(t, m.lb2, v2, 110))
	m.see(t, "lb1: keepalived stops; vipd starts, `version: 2`", m.lb2, planned, m.replace(t, m.lb1, v2, usualBetter))
	m.see(t, "lb2: priority 90; lb1 takes over", m.lb1, planned, m.replace(t, m.lb2, v2, usualOther))
	m.see(t, "lb2: `version: both`", m.lb1, planned, m.replace(t, m.lb2, both, usualOther))
	m.see(t, "lb1: `version: both`; to lb2 and back", m.lb1, planned, m.replace(t, m.lb1, both, usualBetter))
	m.see(t, "lb2: no `version`, no `auth`: VRRPv3", m.lb1, planned, m.replace(t, m.lb2, v3, usualOther))
	m.see(t, "lb1: no `version`, no `auth`: VRRPv3; to lb2 and back", m.lb1, planned, m.replace(t, m.lb1, v3, usualBetter))
	m.judge(t)
	return m.steps
}

// testPlainMigration is the same without the care.
func testPlainMigration(t *testing.T) []step {
	m := startMigration(t)
	v2 := vipd(vips4, "version: 2", password)
	m.see(t, "lb2, the Backup: keepalived stops; vipd starts, `version: 2`", m.lb1, planned, m.replace(t, m.lb2, v2, usualOther))
	m.see(t, "lb1, the Active: keepalived stops; lb2 takes over", m.lb2, skew(usualOther)+margin, func() { labtest.Must(t, m.lb1.Stop()) })
	m.see(t, "lb1: vipd starts, `version: 2`; takes over", m.lb1, planned, m.replace(t, m.lb1, v2, usualBetter))
	m.judge(t)
	return m.steps
}

// startMigration lays out a site with keepalived on both nodes, as most have it.
func startMigration(t *testing.T) *migration {
	site, err := lab.NewSite()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, site.Close()) })
	for _, h := range []*lab.Host{site.LB1, site.LB2} {
		web, err := lab.StartWebServer("haproxy", h.Namespace, h.Dir)
		labtest.Must(t, err)
		t.Cleanup(func() { web.Kill() })
	}
	m := &migration{pair: &pair{site: site, vip: ip4}}
	peer := keepalived(2, vips4, pass)
	m.lb1 = startNode(t, site.LB1, peer, usualBetter)
	m.lb1.active(t, time.Time{})
	m.lb2 = startNode(t, site.LB2, peer, usualOther)
	m.probe = startClient(t, site, ip4, udpPeriod)
	m.http, err = lab.StartHTTPProbe(site.Client.Namespace, netip.AddrPortFrom(ip4, 80))
	labtest.Must(t, err)
	t.Cleanup(func() { m.http.Stop() })
	labtest.Must(t, errors.Join(m.http.Prefer(), m.probe.Prefer()))
	m.steady(t, m.lb1, time.Now())
	return m
}

// replace ends what runs on a node, and starts something else.
func (m *migration) replace(t *testing.T, n *node, launch launcher, priority uint8) func() {
	return func() {
		labtest.Must(t, n.Stop())
		d, err := launch(t, n.Host, priority)
		labtest.Must(t, err)
		n.daemon = d
		n.hears(t)
	}
}

// hears waits until a node has heard the Active, or is it.
func (n *node) hears(t *testing.T) {
	t.Helper()
	now := time.Now()
	_, err := n.capture.Wait(labtest.Patient(t), func(p lab.Packet) bool { return p.Kind == lab.Advert && p.Time.After(now) })
	labtest.Must(t, err)
}

// see takes a step, and waits until a node serves the client steadily after it.
func (m *migration) see(t *testing.T, name string, want *node, limit time.Duration, do func()) {
	t.Helper()
	from := time.Now().Add(-around)
	do()
	m.steady(t, want, time.Now())
	m.steps = append(m.steps, step{name: name, limit: limit, window: window{from, time.Now()}})
}

// steady waits until a node alone has served the client for two intervals.
func (m *migration) steady(t *testing.T, want *node, after time.Time) {
	t.Helper()
	_, err := m.probe.Wait(labtest.Patient(t), after, func(samples []lab.Sample) bool {
		stretches := lab.Servers(samples)
		if len(stretches) == 0 {
			return false
		}
		last := stretches[len(stretches)-1]
		return last.Server == want.Name() && last.To.Sub(last.From) > 2*interval
	})
	if err != nil {
		t.Fatalf("%s does not serve steadily: %v", want.Name(), err)
	}
}

func (m *migration) judge(t *testing.T) {
	t.Helper()
	last := m.steps[len(m.steps)-1].window.to
	for _, p := range []*lab.Probe{m.probe, m.http} {
		_, err := p.Wait(labtest.Patient(t), last.Add(interval), func(s []lab.Sample) bool { return len(s) > 0 })
		labtest.Must(t, err)
	}
	first := m.steps[0].window.from
	http, udp := m.http.Samples(first), m.probe.Samples(first)
	for i := range m.steps {
		s := &m.steps[i]
		s.outage = lab.Outage(http, s.window.from, s.window.to)
		s.http, s.udp = lab.Lost(http, s.window.from, s.window.to), lab.Lost(udp, s.window.from, s.window.to)
		t.Logf("%s: outage %v, lost %d requests, %d datagrams", s.name, s.outage, s.http, s.udp)
		if s.http > s.maxHTTP() || s.udp > s.maxUDP() {
			t.Errorf("%s: lost %d requests, %d datagrams, limits %d and %d", s.name, s.http, s.udp, s.maxHTTP(), s.maxUDP())
		}
	}
}
