// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const diffBase = `log: {level: info}
routers:
- name: web
  interface: eth0
  vrid: 51
  priority: 200
  addresses: [192.0.2.100/24, 192.0.2.101/24]
  unicast: {source: 192.0.2.11, peers: [192.0.2.12]}
  checks: [http]
- name: six
  interface: eth0
  vrid: 51
  addresses: ["2001:db8::100/64"]
checks:
- name: http
  http: {url: "http://127.0.0.1/"}
`

// configOf reads a file as lb1 sees it.
func configOf(t *testing.T, text string) *Config {
	t.Helper()
	f, problems := Parse("test.yaml", []byte(text))
	if f == nil {
		t.Fatal(problems)
	}
	c, err := f.For("lb1")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDiff(t *testing.T) {
	const six = "- name: six\n  interface: eth0\n  vrid: 51\n  addresses: [\"2001:db8::100/64\"]\n"
	tests := map[string]struct {
		replace []string // old, new
		steps   []string
		removed string // routers that stop
		added   string
	}{
		"nothing":          {},
		"order of routers": {replace: []string{six, "", "routers:\n", "routers:\n" + six}},
		"comment":          {replace: []string{"log:", "# comment\nlog:"}},
		"name":             {replace: []string{"name: web", "name: site"}, steps: []string{"site: name web becomes site: nothing"}},
		"names exchanged": {replace: []string{"name: web", "name: x", "name: six", "name: web", "name: x", "name: six"},
			steps: []string{"six: name web becomes six: nothing", "web: name six becomes web: nothing"}},
		"node":            {replace: []string{"log:", "node: other\nlog:"}, steps: []string{"vipd: node lb1 becomes other: nothing"}},
		"log level":       {replace: []string{"level: info", "level: debug"}, steps: []string{"vipd: log level info becomes debug: nothing"}},
		"priority":        {replace: []string{"priority: 200", "priority: 100"}, steps: []string{"web: priority 200 becomes 100: election"}},
		"interval":        {replace: []string{"priority: 200", "priority: 200\n  advert_interval: 2s"}, steps: []string{"web: advert_interval 1s becomes 2s: nothing", "web: lease 4s becomes 8s: nothing"}},
		"preempt":         {replace: []string{"priority: 200", "priority: 200\n  preempt: false\n  preempt_delay: 3s"}, steps: []string{"web: preempt true becomes false: election", "web: preempt_delay 0s becomes 3s: election"}},
		"start":           {replace: []string{"priority: 200", "priority: 200\n  start_delay: 3s\n  start_grace: 4s"}, steps: []string{"web: start_delay 0s becomes 3s: nothing", "web: start_grace 10s becomes 4s: nothing"}},
		"handover":        {replace: []string{"priority: 200", "priority: 200\n  handover: rfc"}, steps: []string{"web: handover fast becomes rfc: election"}},
		"asking":          {replace: []string{"priority: 200", "priority: 200\n  probe: 100ms"}, steps: []string{"web: probe on-doubt becomes 100ms: nothing"}},
		"no asking":       {replace: []string{"priority: 200", "priority: 200\n  probe: off"}, steps: []string{"web: probe on-doubt becomes off: nothing"}},
		"lease":           {replace: []string{"priority: 200", "priority: 200\n  lease: 9s"}, steps: []string{"web: lease 4s becomes 9s: nothing"}},
		"drain":           {replace: []string{"priority: 200", "priority: 200\n  drain: 10m"}, steps: []string{"web: drain off becomes 10m: nothing"}},
		"strict":          {replace: []string{"priority: 200", "priority: 200\n  strict: true"}, steps: []string{"web: strict false becomes true: election"}},
		"accept":          {replace: []string{"priority: 200", "priority: 200\n  accept: false"}, steps: []string{"web: accept true becomes false: nothing"}},
		"checksum":        {replace: []string{"priority: 200", "priority: 200\n  checksum: rfc9568"}, steps: []string{"web: checksum auto becomes rfc9568: election"}},
		"announce":        {replace: []string{"priority: 200", "priority: 200\n  announce: {at: [0s], refresh: 1m}"}, steps: []string{"web: announce at [0s 30ms 60ms 250ms 1s 5s], refresh 0s becomes at [0s], refresh 1m0s: nothing"}},
		"address added":   {replace: []string{"192.0.2.101/24", "192.0.2.101/24, 192.0.2.102/24"}, steps: []string{"web: address 192.0.2.102/24 is added: announce"}},
		"address removed": {replace: []string{", 192.0.2.101/24", ""}, steps: []string{"web: address 192.0.2.101/24 is removed: nothing"}},
		"address changed": {replace: []string{"192.0.2.101/24", "{address: 192.0.2.101/24, interface: eth1, advertised: false, label: \"eth1:x\", scope: link}"},
			steps: []string{"web: address 192.0.2.101/24 is removed: nothing", "web: address 192.0.2.101/24 on eth1 not advertised label eth1:x scope 253 is added: announce"}},
		"route":           {replace: []string{"checks: [http]", "checks: [http]\n  routes: [198.51.100.0/24 via 192.0.2.1]"}, steps: []string{"web: route 198.51.100.0/24 via 192.0.2.1 is added: nothing"}},
		"peer":            {replace: []string{"[192.0.2.12]", "[192.0.2.12, 192.0.2.13]"}, steps: []string{"web: peer 192.0.2.13 is added: nothing"}},
		"check of router": {replace: []string{"  checks: [http]\n", ""}, steps: []string{"web: check http is removed: election"}},
		"interface tracked": {replace: []string{"checks: [http]", "checks: [http]\n  track_interfaces: [eth1, {name: eth2, penalty: 30}]"},
			steps: []string{"web: tracked interface eth1 is added: election", "web: tracked interface eth2 penalty 30 is added: election"}},
		"check renamed": {replace: []string{"http]", "tcp]", "name: http", "name: tcp"},
			steps: []string{"vipd: check tcp is added: nothing", "vipd: check http is removed: nothing", "web: check http is removed: election", "web: check tcp is added: election"}},
		"probe":   {replace: []string{"127.0.0.1/", "127.0.0.1/health"}, steps: []string{"vipd: check http becomes another probe: election"}},
		"rise":    {replace: []string{"- name: http", "- name: http\n  rise: 3"}, steps: []string{"vipd: check http becomes another probe: election"}},
		"penalty": {replace: []string{"- name: http", "- name: http\n  penalty: fault"}, steps: []string{"vipd: penalty of check http lowest becomes fault: election"}},
		"vrid": {replace: []string{"vrid: 51\n  priority", "vrid: 52\n  priority"}, removed: "web", added: "web",
			steps: []string{"web: router eth0 vrid 52 IPv4 is added: election", "web: router eth0 vrid 51 IPv4 is removed: election"}},
		"multicast": {replace: []string{"  unicast: {source: 192.0.2.11, peers: [192.0.2.12]}\n", ""}, removed: "web", added: "web",
			steps: []string{"web: unicast from 192.0.2.11 becomes multicast: restart of the router", "web: peer 192.0.2.12 is removed: election"}},
		"source": {replace: []string{"source: 192.0.2.11", "source: 192.0.2.15"}, removed: "web", added: "web",
			steps: []string{"web: unicast from 192.0.2.11 becomes from 192.0.2.15: restart of the router"}},
		"version": {replace: []string{"priority: 200", "priority: 200\n  version: 2"}, removed: "web", added: "web",
			steps: []string{"web: version 3 becomes 2: restart of the router"}},
		"virtual MAC": {replace: []string{"priority: 200", "priority: 200\n  virtual_mac: true"}, removed: "web", added: "web",
			steps: []string{"web: virtual_mac false becomes true: restart of the router"}},
		"families joined": {replace: []string{six, "", "192.0.2.101/24]", `192.0.2.101/24, "2001:db8::100/64"]`, "  unicast: {source: 192.0.2.11, peers: [192.0.2.12]}\n", ""}, removed: "web six", added: "web",
			steps: []string{
				"web: families IPv4 becomes IPv4+IPv6: restart of the router", "web: unicast from 192.0.2.11 becomes multicast: restart of the router",
				"web: address fe80::200:5eff:fe00:233/64 is added: announce", "web: address 2001:db8::100/64 is added: announce",
				"web: peer 192.0.2.12 is removed: election", "six: router eth0 vrid 51 IPv6 is removed: election"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := diffBase
			for i := 0; i < len(test.replace); i += 2 {
				if !strings.Contains(text, test.replace[i]) {
					t.Fatalf("no %q", test.replace[i])
				}
				text = strings.Replace(text, test.replace[i], test.replace[i+1], 1)
			}
			old, new := configOf(t, diffBase), configOf(t, text)
			plan, err := Diff(old, new)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.steps, stepsOf(plan)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if got := namesOf(plan.Removed); got != test.removed {
				t.Errorf("removed %q, want %q", got, test.removed)
			}
			if got := namesOf(plan.Added); got != test.added {
				t.Errorf("added %q, want %q", got, test.added)
			}
			if len(plan.Kept)+len(plan.Added) != len(new.Routers) || len(plan.Kept)+len(plan.Removed) != len(old.Routers) {
				t.Errorf("%d kept, %d added, %d removed", len(plan.Kept), len(plan.Added), len(plan.Removed))
			}
		})
	}
}

func stepsOf(plan Plan) (steps []string) {
	for _, step := range plan.Steps {
		steps = append(steps, step.String())
	}
	return steps
}

// namesOf has a comma between the routers of one group.
func namesOf(groups []Group) string {
	var names []string
	for _, g := range groups {
		names = append(names, strings.ReplaceAll(g.names(), ", ", ","))
	}
	return strings.Join(names, " ")
}

// One router becomes two: it stops once, and both start.
func TestDiffPartsFamilies(t *testing.T) {
	joined := strings.Replace(diffBase[:strings.Index(diffBase, "- name: six")], "192.0.2.101/24]", `"2001:db8::100/64"]`, 1) +
		diffBase[strings.Index(diffBase, "checks:\n"):]
	joined = strings.Replace(joined, "  unicast: {source: 192.0.2.11, peers: [192.0.2.12]}\n", "", 1)
	plan, err := Diff(configOf(t, joined), configOf(t, diffBase))
	if err != nil || namesOf(plan.Removed) != "web" || namesOf(plan.Added) != "web six" || len(plan.Kept) > 0 {
		t.Errorf("removed %s, added %s, error %v", namesOf(plan.Removed), namesOf(plan.Added), err)
	}
	if steps := stepsOf(plan); !slices.Contains(steps, "six: router eth0 vrid 51 IPv6 is added: election") {
		t.Errorf("steps %q", steps)
	}
}

func TestDiffNeedsARestart(t *testing.T) {
	for name, line := range map[string]string{
		"api":        "api: /run/other.sock\n",
		"log format": "log: {format: json}\n",
	} {
		base := strings.Replace(diffBase, "log: {level: info}\n", "", 1)
		if _, err := Diff(configOf(t, base), configOf(t, line+base)); err == nil || !strings.Contains(err.Error(), "needs a restart") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A password is compared, and never shown.
func TestDiffOfAPassword(t *testing.T) {
	base := strings.Replace(diffBase, "priority: 200", "version: 2\n  auth: {password: secret1}", 1)
	plan, err := Diff(configOf(t, base), configOf(t, strings.Replace(base, "secret1", "secret2", 1)))
	if err != nil || len(plan.Steps) != 1 || plan.Steps[0].String() != "web: auth (not shown) becomes (not shown): election" {
		t.Errorf("%+v, %v", plan.Steps, err)
	}
}

func TestConflicts(t *testing.T) {
	base := &configOf(t, diffBase).Routers[0]
	for name, test := range map[string]struct {
		old, new string
		want     bool
	}{
		"same":          {"", "", true},
		"another vrid":  {"vrid: 51\n  priority", "vrid: 52\n  priority", true}, // its addresses
		"another place": {"vrid: 51\n  priority: 200\n  addresses: [192.0.2.100/24, 192.0.2.101/24]", "vrid: 52\n  addresses: [192.0.2.109/24]", false},
	} {
		other := &configOf(t, strings.Replace(diffBase, test.old, test.new, 1)).Routers[0]
		if got := base.Conflicts(other); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if six := &configOf(t, diffBase).Routers[1]; base.Conflicts(six) {
		t.Error("the other family")
	}
}
