// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"strings"
	"testing"
)

func TestTrackedInterfaceMistakes(t *testing.T) {
	const listed = "vipd.yaml:6:21: routers[0].track_interfaces"
	refused(t, []mistake{
		{"no list", router("track_interfaces: eth1"), listed + `: "eth1": want a list`},
		{"no name", router("track_interfaces: [{penalty: 1}]"), "vipd.yaml:6:22: routers[0].track_interfaces[0]: `name` is missing"},
		{"a name that no interface has", router("track_interfaces: [a/b]"), `vipd.yaml:6:22: routers[0].track_interfaces[0]: "a/b": want the name of a network interface, at most 15 bytes`},
		{"keepalived's word", router("track_interfaces: [{name: eth1, weight: -20}]"), `vipd.yaml:6:35: routers[0].track_interfaces[0]: unknown key "weight": legal are name, penalty`},
		{"penalty 254", router("track_interfaces: [{name: eth1, penalty: 254}]"), `vipd.yaml:6:44: routers[0].track_interfaces[0].penalty: "254": want a whole number, 1–253`},
		{"loopback", router("track_interfaces: [lo]"), `vipd.yaml:6:22: routers[0].track_interfaces[0]: "lo": the loopback interface is always there, and says nothing`},
		{"the router's own", router("track_interfaces: [eth0]"), listed + `: "eth0" is the router's own, which does not run without it: want others`},
		{"that of an address", router("addresses: [192.0.2.100/24, {address: 192.0.2.101, interface: eth1}]") + "  track_interfaces: [eth1]\n",
			`vipd.yaml:6:21: routers[0].track_interfaces: "eth1" is the router's own, which does not run without it: want others`},
		{"that of a route", router("routes: [10.0.0.0/8 dev eth1]") + "  track_interfaces: [eth1]\n",
			`vipd.yaml:7:21: routers[0].track_interfaces: "eth1" is the router's own, which does not run without it: want others`},
		{"that of the virtual MAC", router("virtual_mac: true") + "  track_interfaces: [vrrp.51]\n",
			`vipd.yaml:7:21: routers[0].track_interfaces: "vrrp.51" is the router's own, which does not run without it: want others`},
		{"twice", router("track_interfaces: [eth1, {name: eth1, penalty: fault}]"), listed + `: "eth1" is there twice`},
		{"too many", router("track_interfaces: [" + many("e%d", maxTrackedInterfaces+1) + "]"), listed + ": 51 elements: at most 50"},
	})
}

// A penalty is warned of that can't move the addresses, by the numbers of both nodes.
func TestPenaltiesThatMoveNothing(t *testing.T) {
	nodes := func(priorities, more string) string {
		return strings.Replace(twoNodes, "{lb1: 254, lb2: 253}", "{"+priorities+"}", 1) + more
	}
	const checks = "  checks: [c]\nchecks:\n- {name: c, tcp: {address: '127.0.0.1:80'}, penalty: "
	for _, tt := range []struct{ name, text, want string }{
		{"of an interface", nodes("lb1: 200, lb2: 100", "  track_interfaces: [eth1, {name: eth2, penalty: 30}, {name: eth3, penalty: fault}]\n"),
			`8:21: warning: routers[0].track_interfaces: 30 for eth2 can't move router "web": lb1 would still have 170, and lb2 has 100`},
		{"of the better node alone", nodes("lb1: 200, lb2: 100", "  track_interfaces: {lb1: [{name: eth2, penalty: 101}], lb2: [{name: eth2, penalty: 1}]}\n"), ""},
		{"each of two that would do together", nodes("lb1: 200, lb2: 180", "  track_interfaces: [{name: eth2, penalty: 15}]\n"+checks+"15}\n"),
			`8:21: warning: routers[0].track_interfaces: 15 for eth2 can't move router "web": lb1 would still have 185, and lb2 has 180
vipd.yaml:11:54: warning: checks[0].penalty: 15 can't move router "web": lb1 would still have 185, and lb2 has 180`},
		{"three nodes: the second decides", nodes("lb1: 200, lb2: 190, lb3: 100", checks+"20}\n"), ""},
		{"three nodes: it is not enough for the second", nodes("lb1: 200, lb2: 180, lb3: 100", checks+"20}\n"),
			`10:54: warning: checks[0].penalty: 20 can't move router "web": lb1 would still have 180, and lb2 has 180`},
		{"the other node has the lowest priority anyway", nodes("lb1: 254, lb2: 1", checks+"lowest}\n"),
			`10:54: warning: checks[0].penalty: lowest can't move router "web": lb1 would still have 1, and lb2 has 1`},
		{"more than there is", nodes("lb1: 20, lb2: 10", checks+"200}\n"), ""},
		{"fault", nodes("lb1: 254, lb2: 1", checks+"fault}\n"), ""},
		{"without preemption", nodes("lb1: 200, lb2: 100", "  preempt: false\n"+checks+"101}\n"), ""},
		{"by the RFC's handover", nodes("lb1: 200, lb2: 100", "  handover: rfc\n"+checks+"101}\n"), ""},
		{"by the RFC's handover and without preemption", nodes("lb1: 200, lb2: 100", "  preempt: false\n  handover: rfc\n"+checks+"101}\n"),
			"9:13: warning: routers[0].handover: with `preempt: false` a lowered priority never moves router \"web\": want `fast`, or `penalty: fault` wherever it has one"},
		{"only there", nodes("lb1: 200, lb2: 100", "  preempt: {lb1: true, lb2: false}\n  handover: {lb1: fast, lb2: rfc}\n"+checks+"101}\n"),
			"9:13: warning: routers[0].handover: with `preempt: false` a lowered priority never moves router \"web\": want `fast`, or `penalty: fault` wherever it has one"},
		{"of an interface, by the RFC's handover and without preemption", router("preempt: false") + "  handover: rfc\n  track_interfaces: [eth1]\n",
			"7:13: warning: routers[0].handover: with `preempt: false` a lowered priority never moves router \"web\": want `fast`, or `penalty: fault` wherever it has one"},
		{"fault, by the RFC's handover and without preemption", nodes("lb1: 200, lb2: 100", "  preempt: false\n  handover: rfc\n"+checks+"fault}\n"), ""},
		{"nothing is checked", router("preempt: false") + "  handover: rfc\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, problems := Parse("vipd.yaml", []byte(tt.text))
			want := ""
			if tt.want != "" {
				want = "vipd.yaml:" + tt.want + "\n"
			}
			if got := lines(problems); f == nil || got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

// A tracked interface that is not there is a warning: the router runs without it.
func TestTrackedInterfaceAgainstAHost(t *testing.T) {
	f, problems := Parse("vipd.yaml", []byte(router("track_interfaces: [eth1, eth2, eth3]")))
	if f == nil {
		t.Fatal(lines(problems))
	}
	hosts := map[string]hostInterface{"eth0": hostWith(true, "192.0.2.11/24"), "eth1": hostWith(true), "eth2": hostWith(false)}
	look := func(name string) (hostInterface, error) {
		if ifi, ok := hosts[name]; ok {
			return ifi, nil
		}
		return hostInterface{}, errors.New("no such network interface")
	}
	const want = `vipd.yaml:6:21: warning: routers[0].track_interfaces: "eth2" is down, or has no carrier: that counts as a failure
vipd.yaml:6:21: warning: routers[0].track_interfaces: there is no interface "eth3" on this host now: that counts as a failure
`
	if got := lines(f.byNode[""].against("vipd.yaml", hosts["eth0"], look, usualSysctl)); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}
