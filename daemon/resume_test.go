// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"testing"
	"time"

	"vipd/health"
)

// leftStage is a daemon that starts after a crash, with what is left.
func leftStage(t *testing.T, yaml string, left map[string]Found) *stage {
	t.Helper()
	s := newStage(t, yaml)
	s.left = left
	return s
}

// crashed is what a crash leaves of the router web.
func crashed(age time.Duration) map[string]Found { return map[string]Found{"web/ipv4": {Age: age}} }

func TestResume(t *testing.T) {
	s := leftStage(t, oneRouter, crashed(700*time.Millisecond))
	s.link(eth0)
	s.want("set web/ipv4 192.0.2.100/24 on 2 lease 4s", "probe web/ipv4 192.0.2.100 on 2")
	s.state("web", "active")
	if r := s.router("web"); r.Phase != "resuming" || r.Reason != "resumed" {
		t.Errorf("in the phase %q because of %s", r.Phase, r.Reason)
	}
	s.held("web/ipv4")
	s.want()
	s.pass(50 * time.Millisecond)
	s.want("announce web/ipv4", "send 254 vrid 51 on 2 from 192.0.2.11", "renew web/ipv4")
	if phase := s.router("web").Phase; phase != "" {
		t.Errorf("in the phase %q", phase)
	}
}

// A hand-off leaves time enough at short intervals, too; of every family.
func TestResumeAfterAHandOff(t *testing.T) {
	s := leftStage(t, short, map[string]Found{"web/ipv4": {Age: 300 * time.Millisecond, HandedOff: true}})
	s.link(eth0)
	s.state("web", "active")
}

const short = oneRouter + "  advert_interval: 400ms\n"

// What must not be resumed is removed, and the router starts as a Backup.
func TestNoResume(t *testing.T) {
	rows := map[string]struct {
		yaml string
		left map[string]Found
	}{
		"nothing is left":            {oneRouter, nil},
		"the window is over":         {oneRouter, crashed(2750 * time.Millisecond)},
		"the interval is short":      {short, crashed(0)},
		"the interval is very short": {oneRouter + "  advert_interval: 190ms\n", map[string]Found{"web/ipv4": {HandedOff: true}}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			s := leftStage(t, row.yaml, row.left)
			s.link(eth0)
			s.want("remove web/ipv4 192.0.2.100/24 on 2")
			s.state("web", "backup")
		})
	}
}

// An interface's first words may say that nobody listens yet.
func TestResumeWaitsForTheSocket(t *testing.T) {
	s := leftStage(t, oneRouter, crashed(0))
	deaf := eth0
	deaf.ListeningIPv4 = false
	s.link(deaf)
	s.pass(500 * time.Millisecond)
	s.want()
	s.link(eth0)
	s.state("web", "active")
}

// But it does not wait for long: what is left may be another node's by now.
func TestOpeningEnds(t *testing.T) {
	s := leftStage(t, oneRouter, crashed(0))
	down := eth0
	down.Up = false
	s.link(down)
	s.pass(openingTime - time.Millisecond)
	s.want()
	s.pass(time.Millisecond)
	s.want("remove web/ipv4 192.0.2.100/24 on 2")
	s.link(eth0)
	s.state("web", "backup")
	s.post(event{found: &Found{Key: "web/ipv4"}}) // too late, and for another start
	s.state("web", "backup")
}

func TestInterfaceReplacedInTheOpening(t *testing.T) {
	s := newStage(t, oneRouter)
	s.mute = true // the answer takes its time
	s.link(eth0)
	other := eth0
	other.Index = 3
	s.link(other)
	s.want("remove web/ipv4 192.0.2.100/24 on 3")
	s.post(event{found: &Found{Key: "web/ipv4"}})
	s.state("web", "backup")
}

// Both families are resumed, or none; the older one counts.
func TestResumeOfBothFamilies(t *testing.T) {
	const both = `routers:
- name: web
  interface: eth0
  vrid: 51
  addresses: [192.0.2.100/24, fe80::100/64]
`
	rows := map[string]struct {
		left map[string]Found
		want string
	}{
		"both are there":    {map[string]Found{"web/ipv4": {}, "web/ipv6": {}}, "active"},
		"one is too old":    {map[string]Found{"web/ipv4": {}, "web/ipv6": {Age: 2800 * time.Millisecond}}, "backup"},
		"one was a crash":   {map[string]Found{"web/ipv4": {HandedOff: true}, "web/ipv6": {}}, "active"},
		"one is not there":  {map[string]Found{"web/ipv4": {}}, "backup"},
		"the other one not": {map[string]Found{"web/ipv6": {}}, "backup"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			s := leftStage(t, both, row.left)
			s.link(dual)
			for _, r := range s.d.snapshot().Routers {
				if r.State != row.want {
					t.Errorf("%s is %s, want %s", r.Family, r.State, row.want)
				}
			}
		})
	}
}

// An advert that comes while the daemon still looks counts.
func TestResumeAfterAnEarlyAdvert(t *testing.T) {
	for name, early := range map[string][]uint8{
		"somebody has taken over": {50}, "somebody has given up": {0}, "both": {50, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, oneRouter)
			s.mute = true
			s.link(eth0)
			for _, priority := range early {
				s.hear(advert(51, priority))
			}
			s.hear(reported()) // it is none, and takes no advert's place
			s.post(event{found: &Found{Key: "web/ipv4"}})
			if early[0] == 0 {
				s.want("set web/ipv4 192.0.2.100/24 on 2 lease 4s", "probe web/ipv4 192.0.2.100 on 2")
				return
			}
			s.want("set web/ipv4 192.0.2.100/24 on 2 lease 4s", "remove web/ipv4 192.0.2.100/24 on 2")
			if r := s.router("web"); r.State != "backup" || r.Reason != "resumed-too-late" {
				t.Errorf("%s because of %s", r.State, r.Reason)
			}
		})
	}
}

func TestResumeIsContested(t *testing.T) {
	s := leftStage(t, oneRouter, crashed(0))
	s.link(eth0)
	s.did = nil
	s.post(event{contest: "web/ipv6"}) // there is none
	s.post(event{contest: "web/ipv4"})
	s.want("remove web/ipv4 192.0.2.100/24 on 2")
	if r := s.router("web"); r.State != "backup" || r.Reason != "resumed-too-late" {
		t.Errorf("%s because of %s", r.State, r.Reason)
	}
}

// An unknown verdict does not hold a resumed router back; a failed one is in its first
// advert.
func TestResumeWithAFailedCheck(t *testing.T) {
	s := leftStage(t, oneCheck, crashed(0))
	s.link(eth0)
	s.state("web", "active")
	s.result(health.Result{Check: "haproxy"})
	s.did = nil
	s.pass(50 * time.Millisecond)
	s.want("announce web/ipv4", "send 1 vrid 51 on 2 from 192.0.2.11", "renew web/ipv4")
}

// A stop during the opening leaves nothing behind.
func TestStopInTheOpening(t *testing.T) {
	s := newStage(t, oneRouter)
	s.mute = true
	s.link(eth0)
	s.d.stop()
	s.want("remove web/ipv4 192.0.2.100/24 on 2")
	if !s.d.finished() {
		t.Error("it goes on")
	}
}

// A hand-off gives nothing up, and says once more who is Active.
func TestHandOff(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.pass(300 * time.Millisecond)
	s.did = nil
	s.d.HandOff()
	s.d.Run(context.Background(), func() {})
	s.want("renew web/ipv4", "send 254 vrid 51 on 2 from 192.0.2.11")
}

// Who is not Active, or not sure of it yet, says nothing.
func TestHandOffIsQuiet(t *testing.T) {
	for name, left := range map[string]map[string]Found{"backup": nil, "active": crashed(0)} {
		s := leftStage(t, oneRouter, left)
		s.link(eth0)
		s.state("web", name)
		s.did = nil
		s.d.HandOff()
		s.d.Run(context.Background(), func() {})
		s.want()
	}
}
