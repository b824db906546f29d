// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// Each node has a second interface, which its router does not use and tracks: what happens
// to that of lb1 moves the VIP to lb2, and its end moves it back.

const uplink = "eth1"

// trackingSite is a site whose lb1 is Active, and the cable of its second interface.
func trackingSite(t *testing.T, more string) (*bench, *lab.Cable) {
	t.Helper()
	b := &bench{site: build(t, quick, haproxy), layout: layout{subject: uplink}, t: t}
	var err error
	b.lan, err = lab.NewSwitch()
	labtest.Must(t, err)
	t.Cleanup(func() { b.lan.Close() })
	_, err = b.lan.Plug(b.lb2.host.Namespace, uplink)
	labtest.Must(t, err)
	b.reconfigure(t, "  checks: [web]\n", "  checks: [web]\n"+more)
	cable, err := b.lan.Plug(b.lb1.host.Namespace, uplink)
	labtest.Must(t, err)
	b.site.start(t)
	return b, cable
}

func TestTrackedInterface(t *testing.T) {
	t.Parallel()
	const fault = "  track_interfaces: [{name: eth1, penalty: fault}]\n"
	for name, row := range map[string]struct{ more, says string }{
		"lowest":                 {"  track_interfaces: [eth1]\n", "priority 1 instead of 254 because of interface eth1"},
		"lowest and virtual MAC": {"  virtual_mac: true\n  track_interfaces: [eth1]\n", "priority 1 instead of 254 because of interface eth1"},
		"fault":                  {fault, "may not run because of interface eth1"},
		"fault and virtual MAC":  {"  virtual_mac: true\n" + fault, "may not run because of interface eth1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, cable := trackingSite(t, row.more)
			c := startCapture(t, b.client)
			p := watch(t, b.site)
			p.steady(t, time.Now().Add(announcing), b.lb1, steady)
			pulled := happening{name: "cable pulled", begin: func(*bench) error { return cable.Pull() }, end: func(*bench) error { return cable.Restore() }}
			for _, h := range append([]happening{pulled}, happenings()...) {
				if h.name != "its own addresses go" && h.name != "into a bridge" { // of no meaning
					b.moveAway(p, c, h, row.says)
				}
			}
		})
	}
}

// moveAway has something happen to the tracked interface, and measures what the client
// sees until lb2 has the VIP, and until lb1 has it again.
func (b *bench) moveAway(p probes, c *lab.Capture, h happening, says string) {
	t := b.t
	t.Helper()
	start := time.Now()
	away := p.see(t, b.site, func() error { return h.begin(b) }, b.lb2)
	fromLB1 := advertOf(b.lb1, start)
	lowered := matching(c, func(p lab.Packet) bool { return fromLB1(p) && p.Priority <= 1 })
	if len(lowered) == 0 || lowered[0].Time.Sub(start) > reaction {
		t.Errorf("%s: adverts %v", h.name, lowered)
	} else {
		t.Logf("%s: told the others after %v", h.name, lowered[0].Time.Sub(start))
	}
	got := b.lb1.command(t, "status", "--config", b.lb1.configFile())
	if !strings.Contains(got.stdout, says) {
		t.Errorf("%s: %+v, want %q in it", h.name, got, says)
	}
	back := p.see(t, b.site, func() error { return h.end(b) }, b.lb1)
	mustRun(t, b.lb1)
	for i, seen := range p.judge(t, []window{away, back}) {
		what := h.name + []string{"", ", and back"}[i]
		if seen.over(b.election.skew() + reaction) {
			t.Errorf("%s: outage %v (noise %v)", what, seen.outage, seen.noise)
		}
		t.Logf("%s: outage %v, %d UDP probes lost, noise %v", what, seen.outage, seen.lost, seen.noise)
	}
}

// It need not be there, neither at the start nor at a reload: the router runs without it.
func TestTrackedInterfaceIsMissing(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	s.reconfigure(t, "  checks: [web]\n", "  checks: [web]\n  track_interfaces: {lb1: [eth1], lb2: []}\n")
	if got := s.lb1.command(t, "check", "--host", s.lb1.configFile()); got.code != 0 || !strings.Contains(got.stderr, `no interface "eth1" on this host now`) {
		t.Errorf("check --host: %+v", got)
	}
	s.lb1.startVipd(t)
	s.lb2.startVipd(t)
	labtest.Await(t, func() error { return s.look(s.lb2) })
	const alone = "tracked interface eth1 is removed: election"
	s.reconfigure(t, "  checks: [web]\n", "  checks: [web]\n")
	control(t, s.lb1, 0, alone, "reload")
	labtest.Await(t, func() error { return s.look(s.lb1) })
	s.reconfigure(t, "  checks: [web]\n", "  checks: [web]\n  track_interfaces: [{name: eth1, penalty: fault}]\n")
	control(t, s.lb1, 0, "tracked interface eth1 penalty fault is added: election", "reload")
	labtest.Await(t, func() error { return errors.Join(s.lb1.blockedBy("check-failed"), s.look(s.lb2)) })
}

// The Active's priority is out of reach of all penalties: the Backup says so, once.
func TestOutranked(t *testing.T) {
	t.Parallel()
	s := build(t, election{200, 100, quick.interval}, haproxy)
	s.reconfigure(t, "  timeout: 200ms\n", "  timeout: 200ms\n  penalty: 30\n")
	const why = "all penalties together (30) leave the Active 170 of its priority 200, and ours is 100"
	if got := s.lb1.command(t, "check", s.lb1.configFile()); !strings.Contains(got.stderr, "30 can't move router \"web\": lb1 would still have 170, and lb2 has 100") {
		t.Errorf("check: %+v", got)
	}
	s.start(t)
	labtest.Await(t, func() error { return logged(s.lb2, "no failed check can move the addresses here") })
	control(t, s.lb2, 0, why, "status")
	labtest.Must(t, s.lb1.web.Kill())
	labtest.Await(t, func() error {
		if r, err := s.lb1.router(); err != nil || r.Priority != 170 || r.State != "active" {
			return fmt.Errorf("%+v, %w", r, err)
		}
		return nil
	})
	labtest.Throughout(t, 10*quick.interval, func() error { return s.lb2.is("backup") })
	if n := s.lb2.times(t, "no failed check can move the addresses here"); n != 1 {
		t.Errorf("%d warnings", n)
	}
}
