// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"vipd/health"
	"vipd/vrrp"
)

const cheap = `  priority: 100
  checks: [a, b]
  track_interfaces: [{name: eth1, penalty: 10}]
checks:
- {name: a, tcp: {address: "127.0.0.1:80"}, penalty: 15}
- {name: b, tcp: {address: "127.0.0.1:81"}, penalty: 5}
`

// outrankedStage is a Backup whose checks pass.
func outrankedStage(t *testing.T, yaml string) *stage {
	t.Helper()
	s := newStage(t, yaml)
	s.link(eth0)
	s.link(eth1)
	for _, c := range s.d.checks {
		s.result(health.Result{Check: c.config.Name, OK: true})
	}
	s.state("web", "backup")
	return s
}

// warnings counts what the log says of it.
func (s *stage) warnings() int {
	return strings.Count(s.log.String(), "no failed check can move the addresses here")
}

// All penalties together count, and what they leave must be less than ours.
func TestOutranked(t *testing.T) {
	const sum = "no failed check can move the addresses here: all penalties together (30) leave the Active 170 of its priority 200, and ours is 100"
	for name, row := range map[string]struct {
		yaml   string
		active uint8
		want   string
	}{
		"far above":           {oneRouter + cheap, 200, sum},
		"the same in the end": {oneRouter + cheap, 130, strings.NewReplacer("170", "100", "200", "130").Replace(sum)},
		"just within reach":   {oneRouter + cheap, 129, ""},
		"below ours":          {oneRouter + cheap, 90, ""},
		"one of them is lowest": {
			oneRouter + strings.Replace(cheap, "penalty: 5", "penalty: lowest", 1), 254, ""},
		"one of them is a fault": {
			oneRouter + strings.Replace(cheap, "penalty: 5", "penalty: fault", 1), 254, ""},
		"nothing is checked": {oneRouter + "  priority: 100\n", 254, ""},
		"ours is the lowest anyway": {oneRouter + strings.Replace(strings.Replace(cheap, "100", "1", 1), "15", "250", 1), 254,
			"no failed check can move the addresses here: all penalties together (265) leave the Active 1 of its priority 254, and ours is 1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := outrankedStage(t, row.yaml)
			s.hear(advert(51, row.active))
			if got := s.router("web").Active.Outranks; got != row.want {
				t.Errorf("said %q, want %q", got, row.want)
			}
			if got := s.warnings(); (got == 1) != (row.want != "") {
				t.Errorf("%d warnings", got)
			}
		})
	}
}

// In a group the lowest priority of a node decides, and the router that can lose most.
func TestOutrankedGroup(t *testing.T) {
	group := func(web, inside string) string {
		return `routers:
- {name: web, interface: eth0, vrid: 51, priority: 100, addresses: [192.0.2.100/24], checks: [a]}
- {name: inside, interface: eth1, vrid: 52, priority: 50, addresses: [198.51.100.1/24], checks: [b]}
groups:
- {name: edge, routers: [web, inside]}
checks:
- {name: a, tcp: {address: "127.0.0.1:80"}, penalty: ` + web + `}
- {name: b, tcp: {address: "127.0.0.1:81"}, penalty: ` + inside + `}
`
	}
	for name, row := range map[string]struct{ yaml, want string }{
		"too little, but for the router alone": {group("60", "60"), "all penalties together (60) leave the Active 90 of its priority 150, and ours is 50"},
		"one router can lose enough":           {group("10", "101"), ""},
		"one router can lose all":              {group("10", "lowest"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, row.yaml)
			s.link(eth0)
			s.link(inside)
			for _, c := range s.d.checks {
				s.result(health.Result{Check: c.config.Name, OK: true})
			}
			s.hear(advert(51, 150))
			if got := s.router("web").Active.Outranks; !strings.HasSuffix(got, row.want) || (got == "") != (row.want == "") {
				t.Errorf("said %q, want %q", got, row.want)
			}
		})
	}
}

// It is said once of an Active and its priority, and at most once a minute of one.
func TestOutrankedIsSaidOnce(t *testing.T) {
	s := outrankedStage(t, oneRouter+cheap)
	hear := func(priorities ...uint8) {
		for _, priority := range priorities {
			s.pass(time.Second)
			s.hear(advert(51, priority))
		}
	}
	for range 200 {
		hear(200)
	}
	if got := s.warnings(); got != 1 {
		t.Fatalf("%d warnings of one Active, want 1", got)
	}
	hear(190)
	if got := s.warnings(); got != 2 {
		t.Errorf("%d warnings after another priority, want 2", got)
	}
	for range 20 {
		hear(190, 200)
	}
	if got := s.warnings(); got != 2 {
		t.Errorf("%d warnings of a priority that goes up and down for 40 s, want 2", got)
	}
}

// Who is not followed outranks nobody.
func TestOutrankedByAStranger(t *testing.T) {
	s := outrankedStage(t, strings.Replace(oneRouter+cheap, "  priority", "  unicast: {source: 192.0.2.11, peers: [192.0.2.12]}\n  priority", 1))
	p := advert(51, 200)
	p.Source, p.Destination = netip.MustParseAddr("192.0.2.13"), netip.MustParseAddr("192.0.2.11")
	a := vrrp.Advert{Version: 3, VRID: 51, Priority: 200, Interval: time.Second, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.100")}}
	p.Payload = a.AppendTo(nil, p.Source, p.Destination)
	s.hear(p)
	if got := s.router("web").Rejected["stranger"]; got != 1 {
		t.Errorf("%d strangers", got)
	}
	s.pass(5 * time.Second)
	s.state("web", "active")
	if r := s.router("web"); s.warnings() != 0 || r.Active != nil {
		t.Errorf("%d warnings, %+v", s.warnings(), r)
	}
}

// A reload that lowers more ends it.
func TestOutrankedUntilAReload(t *testing.T) {
	s := outrankedStage(t, oneRouter+cheap)
	s.hear(advert(51, 200))
	s.reloaded(oneRouter + strings.Replace(cheap, "penalty: 15", "penalty: 86", 1))
	if got := s.router("web").Active.Outranks; got != "" {
		t.Errorf("still %q", got)
	}
}
