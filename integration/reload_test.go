// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	// announcing is for how long a new Active announces its addresses.
	announcing = 5 * time.Second
	// aftermath is how long after a reload its consequences are looked for.
	aftermath = 1500 * time.Millisecond

	another = "192.0.2.101/24"
)

// change is one reload of lb1.
type change struct {
	name     string
	old, new string // in the file
	steps    []string
	announce string // the address that is announced; empty: none
	events   []string
	moves    bool
}

var changes = []change{
	{name: "nothing"},
	{name: "a comment", new: "# nothing\n"},
	{name: "renamed", old: "- name: web\n  interface", new: "- name: site\n  interface",
		steps: []string{"site: name web becomes site: nothing"}},
	{name: "check added", old: "checks: [web]", new: "checks: [web, again]",
		steps: []string{"vipd: check again is added: nothing", "site: check again is added: election"}},
	{name: "VIP added", old: "[192.0.2.100/24]", new: "[192.0.2.100/24, " + another + "]",
		steps:    []string{"site: address 192.0.2.101/24 is added: announce"},
		announce: "192.0.2.101", events: []string{"added 192.0.2.101/32"}},
	{name: "VIP removed", old: ", " + another + "]", new: "]",
		steps:  []string{"site: address 192.0.2.101/24 is removed: nothing"},
		events: []string{"deleted 192.0.2.101/32"}},
	{name: "priority lowered", old: "lb1: 254", new: "lb1: 252",
		steps:  []string{"site: priority 254 becomes 252: election"},
		events: []string{"deleted 192.0.2.100/32"}, moves: true},
}

// A reload does what its plan says and nothing else: no packet is lost, nobody hears a
// priority 0, no other address is announced or touched.
func TestReload(t *testing.T) {
	t.Parallel()
	s := run(t, defaults, haproxy)
	p := watch(t, s)
	p.steady(t, time.Now().Add(announcing), s.lb1, steady)
	c := startCapture(t, s.client)
	var windows []window
	for _, x := range changes {
		w := s.reload(t, x, c, p)
		windows = append(windows, w)
	}
	for i, seen := range p.judge(t, windows) {
		if seen.lost > 0 {
			t.Errorf("%s: %d UDP probes lost", changes[i].name, seen.lost)
		}
		t.Logf("%s: outage %v, %d UDP probes lost", changes[i].name, seen.outage, seen.lost)
	}
}

// reload makes a change, and looks at all that comes of it.
func (s *site) reload(t *testing.T, x change, c *lab.Capture, p probes) window {
	t.Helper()
	text, err := os.ReadFile(s.lb1.configFile())
	labtest.Must(t, err)
	changed := strings.Replace(string(text), x.old, x.new, 1)
	if x.name == "check added" {
		changed += "- name: again\n  " + s.lb1.web.Check() + "\n"
	}
	s.lb1.configure(t, changed)
	events := watchAddresses(t, s.lb1)
	plan := s.lb1.command(t, "plan", "--socket", s.lb1.socket(), s.lb1.configFile())
	want := s.lb1
	if x.moves {
		want = s.lb2
	}
	start := time.Now()
	var did answer
	w := p.see(t, s, func() error {
		did = s.lb1.command(t, "reload", "--config", s.lb1.configFile())
		return nil
	}, want)
	p.steady(t, start.Add(aftermath), want, steady)
	steps := strings.Join(x.steps, "\n")
	if steps == "" {
		steps = "nothing changes"
	}
	if plan.code != 0 || plan.stdout != steps+"\n" || did.code != 0 || did.stdout != plan.stdout {
		t.Errorf("%s: planned %+v, did %+v, want %q", x.name, plan, did, steps)
	}
	judgeWire(t, x, matching(c, func(p lab.Packet) bool { return p.Time.After(start) }))
	if got := events(); !slices.Equal(got, x.events) {
		t.Errorf("%s: address events %v, want %v", x.name, got, x.events)
	}
	return window{w.from, p.last(t)}
}

// judgeWire looks at what was sent since a reload.
func judgeWire(t *testing.T, x change, packets []lab.Packet) {
	t.Helper()
	announced := 0
	for _, p := range packets {
		switch {
		case p.Kind == lab.Advert && p.Priority == 0:
			t.Errorf("%s: priority 0 from %v", x.name, p.Source)
		case p.Gratuitous() && p.Source.String() == x.announce:
			announced++
		case p.Gratuitous() && !x.moves && p.Source.String() != "192.0.2.101":
			t.Errorf("%s: %v was announced", x.name, p.Source)
		}
	}
	if x.announce != "" && announced == 0 {
		t.Errorf("%s: %s was not announced", x.name, x.announce)
	}
}

// watchAddresses follows the addresses of a node. The function that it returns ends it
// and lists those that were added or deleted; a renewed lease is neither.
func watchAddresses(t *testing.T, n *node) func() []string {
	t.Helper()
	known := map[string]bool{}
	list, err := n.host.Handle().AddrList(nil, netlink.FAMILY_ALL)
	labtest.Must(t, err)
	for _, a := range list {
		known[a.IPNet.String()] = true
	}
	updates, done := make(chan netlink.AddrUpdate, 100), make(chan struct{})
	labtest.Must(t, n.host.Do(func() error { return netlink.AddrSubscribe(updates, done) }))
	var events []string
	var reading sync.WaitGroup
	reading.Go(func() {
		for u := range updates {
			switch address := u.LinkAddress.String(); {
			case !u.NewAddr:
				events = append(events, "deleted "+address)
				delete(known, address)
			case !known[address]:
				events = append(events, "added "+address)
				known[address] = true
			}
		}
	})
	return func() []string { close(done); reading.Wait(); return events }
}

// A file that is not valid leaves everything as it was, and the reason is everywhere.
func TestReloadOfABadFile(t *testing.T) {
	t.Parallel()
	s := run(t, defaults, haproxy)
	p := watch(t, s)
	p.steady(t, time.Now().Add(announcing), s.lb1, steady)
	c := startCapture(t, s.client)
	good, err := os.ReadFile(s.lb1.configFile())
	labtest.Must(t, err)
	for name, text := range map[string]string{
		"unknown key":       strings.Replace(string(good), "vrid", "vird", 1),
		"another socket":    strings.Replace(string(good), "vipd.sock", "other.sock", 1),
		"missing interface": strings.Replace(string(good), "[192.0.2.100/24]", "[192.0.2.100/24, {address: 192.0.2.101/24, interface: eth9}]", 1),
		"not YAML":          "routers: [",
	} {
		start := time.Now()
		events := watchAddresses(t, s.lb1)
		s.lb1.configure(t, text)
		var did answer
		w := p.see(t, s, func() error {
			did = s.lb1.command(t, "reload", "--socket", s.lb1.socket())
			return nil
		}, s.lb1)
		if did.code != 1 || did.stdout != "" || did.stderr == "" {
			t.Errorf("%s: %+v", name, did)
		}
		reason := strings.TrimSpace(strings.TrimPrefix(did.stderr, "vipd: "))
		status, err := s.lb1.status()
		labtest.Must(t, err)
		if last := status.Reload; last == nil || last.OK || last.Error != reason || last.At.Before(start.Add(-time.Second)) {
			t.Errorf("%s: status says %+v, want %q", name, last, reason)
		}
		labtest.Must(t, logged(s.lb1, "everything stays as it was"))
		judgeWire(t, change{name: name}, matching(c, func(p lab.Packet) bool { return p.Time.After(start) }))
		if got := events(); len(got) > 0 {
			t.Errorf("%s: address events %v", name, got)
		}
		if seen := p.judge(t, []window{w})[0]; seen.lost > 0 {
			t.Errorf("%s: %d UDP probes lost", name, seen.lost)
		}
	}
}

// SIGHUP does the same.
func TestReloadBySignal(t *testing.T) {
	t.Parallel()
	s := run(t, quick, haproxy)
	text, err := os.ReadFile(s.lb1.configFile())
	labtest.Must(t, err)
	s.lb1.configure(t, strings.Replace(string(text), "- name: web\n  interface", "- name: site\n  interface", 1))
	labtest.Must(t, s.lb1.vipd.Signal(syscall.SIGHUP))
	labtest.Await(t, func() error {
		status, err := s.lb1.status()
		if err == nil && (status.Reload == nil || !status.Reload.OK || status.Routers[0].Name != "site") {
			err = fmt.Errorf("last reload %+v, router %s", status.Reload, status.Routers[0].Name)
		}
		return err
	})
	labtest.Must(t, s.look(s.lb1))
}
