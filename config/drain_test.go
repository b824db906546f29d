// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"vipd/vrrp"
)

// draining is a file of one router that drains, with this line more, or instead.
func draining(line string) string { return router(line) + "  drain: 10m\n" }

func TestMistakesInDrain(t *testing.T) {
	refused(t, []mistake{
		{"a word", router("drain: on"), `vipd.yaml:6:10: routers[0].drain: "on": want off or a duration with its unit, 1s–24h`},
		{"without a unit", router("drain: 10"), `vipd.yaml:6:10: routers[0].drain: "10": want off or a duration with its unit, 1s–24h`},
		{"0 instead of off", router("drain: 0s"), `vipd.yaml:6:10: routers[0].drain: "0s": want off or a duration with its unit, 1s–24h`},
		{"too short", router("drain: 900ms"), `vipd.yaml:6:10: routers[0].drain: "900ms": want off or a duration with its unit, 1s–24h`},
		{"too long", router("drain: 25h"), `vipd.yaml:6:10: routers[0].drain: "25h": want off or a duration with its unit, 1s–24h`},
		{"nothing", router("drain:"), `vipd.yaml:6:9: routers[0].drain: no value: want a single value`},
		{"for another time on another node", twoNodes + "  drain: {lb1: 10m, lb2: 5m}\n",
			"vipd.yaml:8:10: routers[0].drain: lb1 has 10m and lb2 has 5m: want the same on all nodes, as each passes on what another one drains"},
		{"on one node only", strings.Replace(twoNodes, "lb2: 253", "lb2: 253, lb3: 200", 1) + "  drain: {lb1: off, lb2: off, lb3: 1h}\n",
			"vipd.yaml:8:10: routers[0].drain: lb1 has off and lb3 has 1h: want the same on all nodes, as each passes on what another one drains"},
		{"not on a node that is named elsewhere", twoNodes + "  drain: {lb1: 10m}\n",
			`vipd.yaml:8:10: routers[0].drain: no value for node "lb2", which is named elsewhere in the file`},
		{"of an owner", draining("priority: owner"), "vipd.yaml:6:13: routers[0].priority: `owner` is not in this version: want 1–254"},
		{"of addresses that accept nothing", draining("accept: false"),
			"vipd.yaml:7:10: routers[0].drain: with `accept: false` no connection ends at the addresses: want `accept: true`, or `drain: off`"},
		{"of addresses that accept nothing on one node", twoNodes + "  accept: {lb1: true, lb2: false}\n  drain: 10m\n",
			"vipd.yaml:9:10: routers[0].drain: with `accept: false` no connection ends at the addresses: want `accept: true`, or `drain: off`"},
		{"of a family that is not advertised", draining("addresses: [192.0.2.100/24, {address: 2001:db8::100/64, advertised: false}]"),
			"vipd.yaml:5:14: routers[0].addresses: 2001:db8::100 can't be drained: as no address of its family is advertised, the next Active does not learn where to pass its connections on to: want one that is, or `drain: off`"},
		{"of IPv4 beside IPv6", draining("addresses: [2001:db8::100/64, {address: 192.0.2.100/24, advertised: false, interface: eth1}]"),
			"vipd.yaml:5:14: routers[0].addresses: 192.0.2.100 can't be drained: as no address of its family is advertised, the next Active does not learn where to pass its connections on to: want one that is, or `drain: off`"},
	})
}

// What drains, and what is only warned of.
func TestDrain(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"off", router("drain: off") + "  accept: false\n", ""},
		{"off on all nodes", twoNodes + "  drain: {lb1: off, lb2: off}\n", ""},
		{"both families, some addresses not advertised", draining("addresses: [192.0.2.100/24, 2001:db8::100/64, {address: 2001:db8:1::7/64, interface: eth1, advertised: false}]"), ""},
		{"a link-local address beside IPv4", draining("addresses: [192.0.2.100/24, {address: fe80::1, advertised: false}]"), ""},
		{"virtual MAC", draining("virtual_mac: true"), ""},
		{"unicast", draining("unicast: {source: 192.0.2.11, peers: 192.0.2.12}"), ""},
		{"VRRPv2", draining("version: 2"), ""},
		{"no lease", draining("lease: off"), ""},
		{"a route", draining("routes: [default via 192.0.2.1]"), ""},
		{"a route from another address of the host", draining("routes: [default via 192.0.2.1 src 192.0.2.11]"), ""},
		{"one of two routers in a group", draining("vrid: 51") + "- {name: inside, interface: eth1, vrid: 52, addresses: [198.51.100.1/24]}\ngroups:\n- {name: edge, routers: [web, inside]}\n", ""},
		{"only link-local addresses", draining("addresses: [fe80::1]"),
			"vipd.yaml:6:10: warning: routers[0].drain: all addresses are link-local, and these go at once: there is nothing to drain\n"},
		{"a route from a virtual address", draining("routes: [default via 192.0.2.1 src 192.0.2.100]"),
			`vipd.yaml:6:11: warning: routers[0].routes: "default via 192.0.2.1 src 192.0.2.100" stays while a node drains, but what the node itself opens by it from 192.0.2.100 gets no answer then, as the next Active has that address: ` + "want no `src`\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, problems := Parse("vipd.yaml", []byte(tt.text))
			if got := lines(problems); f == nil || got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

// kernel is what a kernel is set to, by the path under /proc/sys.
type kernel map[string]int

func (k kernel) sysctl(path string) (int, error) {
	if value, ok := k[path]; ok {
		return value, nil
	}
	return 0, fs.ErrNotExist
}

// usually is a kernel with eth0 as it starts, changed by what is said here.
func usually(changed kernel) kernel {
	k := kernel{
		"net/ipv4/ip_early_demux": 1, "net/ipv4/tcp_early_demux": 1,
		"net/ipv4/conf/all/rp_filter": 0, "net/ipv4/conf/eth0/rp_filter": 0,
	}
	for path, value := range changed {
		k[path] = value
	}
	return k
}

// usualSysctl is that of a kernel that nothing is wrong with.
func usualSysctl(path string) (int, error) { return usually(nil).sysctl(path) }

func TestDrainAgainstAHost(t *testing.T) {
	const beside = "addresses: [192.0.2.100/24, {address: 198.51.100.7/24, interface: eth1}]"
	const strict = `vipd.yaml:5:14: routers[0].addresses: 198.51.100.7 is on "eth1", but while this node drains its segments come in by "eth0", where the reverse path filter drops them: the higher of net.ipv4.conf.all.rp_filter and net.ipv4.conf.eth0.rp_filter is 1 (strict), want 2 (loose)` + "\n"
	const demux = ": the kernel can't tell then which connections are this node's own, and vipd passes on nothing to a node that drains: want 1\n"
	const vrf = " is in a VRF: an address that drains is on the loopback interface, outside of it: want `drain: off`\n"
	eth0, eth1 := hostWith(true, "192.0.2.11/24", "fe80::11/64"), hostWith(true, "198.51.100.11/24")
	in := func(ifi hostInterface) hostInterface { ifi.vrf = true; return ifi }
	for _, tt := range []struct {
		name       string
		eth0, eth1 hostInterface
		kernel     kernel
		text, want string
	}{
		{"as it should be", eth0, eth1, nil, draining(beside), ""},
		{"no early demux", eth0, eth1, kernel{"net/ipv4/ip_early_demux": 0}, draining(beside), "vipd.yaml:6:10: routers[0].drain: net.ipv4.ip_early_demux is 0" + demux},
		{"no early demux of TCP", eth0, eth1, kernel{"net/ipv4/tcp_early_demux": 0}, draining(beside), "vipd.yaml:6:10: routers[0].drain: net.ipv4.tcp_early_demux is 0" + demux},
		{"no early demux of TCP over IPv6", eth0, eth1, kernel{"net/ipv4/tcp_early_demux": 0}, draining("addresses: [2001:db8::100/64]"), "vipd.yaml:6:10: routers[0].drain: net.ipv4.tcp_early_demux is 0" + demux},
		{"no early demux, and nothing that drains", eth0, eth1, kernel{"net/ipv4/ip_early_demux": 0, "net/ipv4/tcp_early_demux": 0}, minimal, ""},
		{"reverse path of the interface", eth0, eth1, kernel{"net/ipv4/conf/eth0/rp_filter": 1}, draining(beside), strict},
		{"reverse path of all interfaces", eth0, eth1, kernel{"net/ipv4/conf/all/rp_filter": 1}, draining(beside), strict},
		{"loose reverse path", eth0, eth1, kernel{"net/ipv4/conf/all/rp_filter": 1, "net/ipv4/conf/eth0/rp_filter": 2}, draining(beside), ""},
		{"reverse path, and all on one interface", eth0, eth1, kernel{"net/ipv4/conf/all/rp_filter": 1}, draining("vrid: 51"), ""},
		{"reverse path, and nothing that drains", eth0, eth1, kernel{"net/ipv4/conf/all/rp_filter": 1}, router(beside), ""},
		{"reverse path, and only IPv6 beside", eth0, eth1, kernel{"net/ipv4/conf/all/rp_filter": 1}, draining("addresses: [2001:db8::100/64, {address: 2001:db8:1::7/64, interface: eth1}]"), ""},
		{"in a VRF", in(eth0), eth1, nil, draining("vrid: 51"), `vipd.yaml:3:14: routers[0].interface: "eth0"` + vrf},
		{"an address in a VRF", eth0, in(eth1), nil, draining(beside), `vipd.yaml:5:14: routers[0].addresses: "eth1"` + vrf},
		{"a route and an address in a VRF", eth0, in(eth1), nil, draining("addresses: [192.0.2.100/24, {address: 2001:db8::100/64, interface: eth1}]") + "  routes: [10.0.0.0/8 dev eth1]\n", `vipd.yaml:5:14: routers[0].addresses: "eth1"` + vrf},
		{"a route in a VRF", eth0, in(eth1), nil, draining("routes: [10.0.0.0/8 dev eth1]"), ""},
		{"in a VRF, and nothing that drains", in(eth0), eth1, nil, minimal, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, problems := Parse("vipd.yaml", []byte(tt.text))
			if f == nil {
				t.Fatal(lines(problems))
			}
			look := func(name string) (hostInterface, error) {
				return map[string]hostInterface{"eth0": tt.eth0, "eth1": tt.eth1}[name], nil
			}
			got := f.byNode[""].against("vipd.yaml", tt.eth0, look, usually(tt.kernel).sysctl)
			if lines(got) != tt.want || got.Failed() != (tt.want != "") {
				t.Errorf("got:\n%swant:\n%s", lines(got), tt.want)
			}
		})
	}
}

// A setting that can't be read is a warning: the daemon will see.
func TestDrainOnAHostThatHidesItsSettings(t *testing.T) {
	c := configOf(t, draining("addresses: [192.0.2.100/24, {address: 198.51.100.7/24, interface: eth0.5}]"))
	hidden := func(string) (int, error) { return 0, errors.New("hidden") }
	missing := func(string) (int, error) { return 0, fs.ErrNotExist }
	look := func(string) (hostInterface, error) { return hostWith(true, "192.0.2.11/24", "198.51.100.11/24"), nil }
	const demux = `vipd.yaml:6:10: warning: routers[0].drain: net.ipv4.ip_early_demux must be 1, and can't be read: `
	const tcp = `vipd.yaml:6:10: warning: routers[0].drain: net.ipv4.tcp_early_demux must be 1, and can't be read: `
	const beside = `vipd.yaml:5:14: warning: routers[0].addresses: whether the reverse path filter of "eth0" drops what is passed on for 198.51.100.7 can't be read: hidden` + "\n"
	for _, tt := range []struct {
		name   string
		sysctl func(string) (int, error)
		want   string
	}{
		{"hidden", hidden, beside + demux + "hidden\n" + tcp + "hidden\n"},
		{"no such interface", missing, demux + "file does not exist\n" + tcp + "file does not exist\n"},
	} {
		if got := lines(c.against("vipd.yaml", hostInterface{}, look, tt.sysctl)); got != tt.want {
			t.Errorf("%s: got:\n%swant:\n%s", tt.name, got, tt.want)
		}
	}
}

// sysctl(8)'s own way with the dot of a VLAN's name.
func TestSysctlName(t *testing.T) {
	if got := sysctlName("net/ipv4/conf/eth0.5/rp_filter"); got != "net.ipv4.conf.eth0/5.rp_filter" {
		t.Error(got)
	}
}

func TestReadSysctl(t *testing.T) {
	for _, path := range append(earlyDemux(), "net/ipv4/conf/all/rp_filter", "net/ipv4/conf/lo/rp_filter") {
		if value, err := readSysctl(path); err != nil || value < 0 || value > 2 {
			t.Errorf("%s: %d, %v", path, value, err)
		}
	}
	if _, err := readSysctl("net/ipv4/conf/nosuch0/rp_filter"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of an interface that is not there: %v", err)
	}
}

func TestDrainWord(t *testing.T) {
	for drain, want := range map[time.Duration]string{0: "off", time.Second: "1s", 90 * time.Second: "1m30s", 24 * time.Hour: "24h"} {
		if got := (&Router{Params: vrrp.Params{Drain: drain}}).drainWord(); got != want {
			t.Errorf("%v: %s, want %s", drain, got, want)
		}
	}
}
