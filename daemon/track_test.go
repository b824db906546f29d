// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/health"
)

const (
	oneTracked = oneRouter + "  track_interfaces: [eth1]\n"
	oneFault   = oneRouter + "  track_interfaces: [{name: eth1, penalty: fault}]\n"
)

// eth1 is a tracked interface that is as it should be: nobody listens there.
var eth1 = Link{Name: "eth1", Index: 3, MTU: 1500, Up: true}

// unsound are the ways in which an interface is not there, and how it is back.
var unsound = map[string]struct{ gone, back Link }{
	"it loses its carrier, or is set down":      {Link{Name: "eth1", Index: 3, MTU: 1500}, eth1},
	"it is deleted and made again":              {Link{Name: "eth1", Problem: "no such interface"}, Link{Name: "eth1", Index: 9, MTU: 1500, Up: true}},
	"it is renamed, and back by its first name": {Link{Name: "eth1", Problem: "no such interface"}, eth1},
}

// Each change of a tracked interface is one changed priority, told at once: to the lowest
// and back.
func TestTrackedInterface(t *testing.T) {
	for name, row := range unsound {
		t.Run(name, func(t *testing.T) {
			s := activeStage(t, oneTracked, eth1)
			s.link(row.gone)
			s.want("renew web/ipv4", "send 1 vrid 51 on 2 from 192.0.2.11")
			if r := s.router("web"); r.State != "active" || r.Failing != "interface eth1" || r.Priority != 1 || len(r.Blocked) > 0 {
				t.Errorf("%+v", r)
			}
			s.link(row.gone) // told again
			s.want()
			s.link(row.back)
			s.want("renew web/ipv4", "send 254 vrid 51 on 2 from 192.0.2.11")
			if r := s.router("web"); r.Failing != "" || r.Priority != 254 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// With the virtual MAC it is the same: the interface that has it is another.
func TestTrackedInterfaceWithAVirtualMAC(t *testing.T) {
	s := activeStage(t, with(oneTracked, "vrid: 51", "vrid: 51\n  virtual_mac: true"), eth1)
	s.link(Link{Name: "eth1", Index: 3})
	s.want("renew web/ipv4", "send 1 vrid 51 on 2 from 192.0.2.11 by 00:00:5e:00:01:33")
	s.link(eth1)
	s.want("renew web/ipv4", "send 254 vrid 51 on 2 from 192.0.2.11 by 00:00:5e:00:01:33")
}

// The penalty `fault` takes the router out, as a check's does.
func TestTrackedInterfaceFaults(t *testing.T) {
	for name, row := range unsound {
		t.Run(name, func(t *testing.T) {
			s := activeStage(t, oneFault, eth1)
			s.link(row.gone)
			s.want("send 0 vrid 51 on 2 from 192.0.2.11", "leave web/ipv4 192.0.2.100/24 on 2 lease 2s")
			if r := s.router("web"); r.State != "initialize" || strings.Join(r.Blocked, " ") != "check-failed" || r.Failing != "interface eth1" {
				t.Errorf("%+v", r)
			}
			s.link(row.back)
			s.state("web", "backup")
		})
	}
}

// Whatever comes first: the priority follows from all verdicts.
func TestTrackedInterfaceBesideACheck(t *testing.T) {
	s := newStage(t, with(oneCheck, "  checks:", "  track_interfaces: [{name: eth1, penalty: 20}]\n  checks:")+"  penalty: 30\n")
	s.link(eth0)
	s.link(eth1)
	s.result(health.Result{Check: "haproxy", OK: true})
	steps := []struct {
		do       func()
		priority uint8
		failing  string
	}{
		{func() { s.result(health.Result{Check: "haproxy", Sure: true}) }, 224, "haproxy"},
		{func() { s.link(Link{Name: "eth1", Index: 3}) }, 204, "haproxy, interface eth1"},
		{func() { s.result(health.Result{Check: "haproxy", OK: true}) }, 204, "haproxy, interface eth1"},
		{func() { s.result(health.Result{Check: "haproxy", OK: true}) }, 234, "interface eth1"},
		{func() { s.link(eth1) }, 254, ""},
	}
	for i, step := range steps {
		step.do()
		if r := s.router("web"); r.Priority != step.priority || r.Failing != step.failing {
			t.Errorf("step %d: priority %d because of %q, want %d, %q", i, r.Priority, r.Failing, step.priority, step.failing)
		}
	}
}

// At the start the router waits until it knows, and for nothing else.
func TestTrackedInterfaceAtTheStart(t *testing.T) {
	for name, row := range map[string]struct {
		told     Link
		priority uint8
	}{
		"there":   {eth1, 254},
		"down":    {Link{Name: "eth1", Index: 3}, 1},
		"missing": {Link{Name: "eth1", Problem: "no such interface"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, oneTracked)
			s.link(eth0)
			if r := s.router("web"); strings.Join(r.Blocked, " ") != "awaiting-checks" || r.Priority != 254 {
				t.Errorf("nothing is told: %+v", r)
			}
			s.link(row.told)
			if r := s.router("web"); r.State != "backup" || r.Priority != row.priority {
				t.Errorf("%+v", r)
			}
			s.pass(20 * time.Second) // start_grace is over, and of no meaning
			if r := s.router("web"); r.State != "active" || r.Priority != row.priority {
				t.Errorf("later: %+v", r)
			}
		})
	}
}

// Nothing is ever told: that is no reason to trust.
func TestTrackedInterfaceIsNeverTold(t *testing.T) {
	s := newStage(t, oneTracked)
	s.link(eth0)
	s.pass(11 * time.Second)
	if r := s.router("web"); r.State != "backup" || r.Priority != 1 || r.Failing != "interface eth1" {
		t.Errorf("%+v", r)
	}
}

// A router that goes on after a crash is not held back by what it does not know yet.
func TestTrackedInterfaceDoesNotDelayAResume(t *testing.T) {
	s := leftStage(t, oneTracked, crashed(700*time.Millisecond))
	s.link(eth0)
	s.state("web", "active")
	s.held("web/ipv4")
	s.pass(100 * time.Millisecond)
	s.did = nil
	s.link(Link{Name: "eth1", Index: 3})
	s.want("renew web/ipv4", "send 1 vrid 51 on 2 from 192.0.2.11")
}

// A reload changes what is tracked, and what it costs, without a restart of the router.
func TestReloadOfTrackedInterfaces(t *testing.T) {
	s := activeStage(t, oneTracked, eth1)
	s.link(Link{Name: "eth1", Index: 3})
	since := s.router("web").Since
	for _, step := range []struct {
		yaml     string
		priority uint8
	}{
		{oneRouter + "  track_interfaces: [{name: eth1, penalty: 50}]\n", 204},
		{oneRouter, 254},
	} {
		s.reloaded(step.yaml)
		if r := s.router("web"); r.Priority != step.priority || r.Since != since || r.State != "active" {
			t.Errorf("%s: %+v", step.yaml, r)
		}
	}
}

// A router that runs takes up an interface when it is known, be it missing: what was told
// of it before nobody tracked it says nothing.
func TestReloadAwaitsATrackedInterface(t *testing.T) {
	for name, row := range map[string]struct {
		told     Link
		priority uint8
	}{
		"there":   {eth1, 254},
		"missing": {Link{Name: "eth1", Problem: "no such interface"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := activeStage(t, oneTracked, eth1)
			s.link(Link{Name: "eth1", Index: 3})
			s.reloaded(oneRouter)
			s.did = nil
			answer := s.reload(oneTracked)
			if len(answer) > 0 || s.router("web").Priority != 254 {
				t.Errorf("taken over before it is known: %+v", s.router("web"))
			}
			s.link(row.told)
			if r := <-answer; r.err != nil {
				t.Error(r.err)
			}
			if r := s.router("web"); r.State != "active" || r.Priority != row.priority {
				t.Errorf("%+v", r)
			}
			if lowered := slices.ContainsFunc(s.did, func(line string) bool { return strings.HasPrefix(line, "send 1 ") }); lowered != (row.priority == 1) {
				t.Errorf("did %v", s.did)
			}
		})
	}
}

// A router that a reload adds does not wait for verdicts that are there.
func TestAddedRouterKnowsItsVerdicts(t *testing.T) {
	const two = "- {name: two, interface: eth0, vrid: 52, addresses: [192.0.2.200/24], checks: [haproxy], track_interfaces: [eth1]}\n"
	yaml := with(oneCheck, "  checks:", "  track_interfaces: [eth1]\n  checks:")
	s := newStage(t, yaml)
	s.link(eth0)
	s.link(eth1)
	s.result(health.Result{Check: "haproxy", OK: true})
	s.reloaded(with(yaml, "checks:\n", two+"checks:\n"))
	s.state("two", "backup")
}
