// SPDX-License-Identifier: Apache-2.0

package config

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vipd/health"
	"vipd/vrrp"
)

// minimal is the smallest file that works. Each mistake below is made in it.
const minimal = `routers:
- name: web
  interface: eth0
  vrid: 51
  addresses: [192.0.2.100/24]
`

const twoNodes = `node: lb1
routers:
- name: web
  interface: eth0
  vrid: 51
  priority: {lb1: 254, lb2: 253}
  addresses: [192.0.2.100/24]
`

// routerKeyList is the list that a wrong key of a router is answered with.
const routerKeyList = "name, interface, vrid, version, priority, advert_interval, preempt, preempt_delay, " +
	"start_delay, start_grace, handover, probe, drain, lease, strict, addresses, unicast, virtual_mac, accept, checksum, auth, " +
	"announce, checks, track_interfaces, routes"

var plain = []cmp.Option{
	cmpopts.IgnoreUnexported(Router{}, Check{}, health.Check{}),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func TestDefaults(t *testing.T) {
	f, problems := Parse("vipd.yaml", []byte(minimal))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got, err := f.For("anybody")
	if err != nil {
		t.Fatal(err)
	}
	params := vrrp.Params{
		VRID: 51, Priority: 254, Interval: time.Second, Preempt: true, Probe: true,
		Announce: []time.Duration{0, 30 * time.Millisecond, 60 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second},
	}
	family := Family{Params: params, Held: []Address{held("192.0.2.100/24", "eth0")}}
	family.Addresses = addrs("192.0.2.100")
	want := &Config{Node: "anybody", API: "/run/vipd/vipd.sock", Routers: []Router{{
		Name: "web", Interface: "eth0", Lease: 4 * time.Second, StartGrace: 10 * time.Second, Accept: true,
		Params: params, Families: []Family{family},
	}}}
	if diff := cmp.Diff(want, got, plain...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryKey(t *testing.T) {
	f, problems := Load("testdata/full.yaml")
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	got, err := f.For("the name in the file wins")
	if err != nil {
		t.Fatal(err)
	}
	web := vrrp.Params{
		VRID: 51, Priority: 254, Interval: 500 * time.Millisecond, Preempt: true, PreemptDelay: 10 * time.Second,
		StartDelay: 20 * time.Second, Handover: vrrp.HandoverRFC, Probe: true, Strict: true, Checksum: vrrp.ChecksumFixedRFC9568,
		Announce: []time.Duration{0, time.Second}, Refresh: time.Minute,
	}
	web4, web6 := web, web
	web4.Addresses, web4.Peers = addrs("192.0.2.100", "192.0.2.101"), addrs("192.0.2.12")
	web6.DerivedLinkLocal = true
	web6.Addresses, web6.Peers = addrs("fe80::200:5eff:fe00:233", "2001:db8::100"), addrs("2001:db8::12")
	inside := vrrp.Params{
		VRID: 52, Version: vrrp.VersionBoth, Priority: 254, Interval: time.Second, Probe: true,
		Auth: vrrp.Password("secret"), Announce: defaultAnnounce(), Drain: 10 * time.Minute,
	}
	inside4 := inside
	inside4.Addresses = addrs("198.51.100.7")
	want := &Config{
		Node: "lb1", Log: Log{Level: slog.LevelDebug, JSON: true}, API: "/run/vipd/test.sock",
		Routers: []Router{{
			Name: "web", Interface: "eth0", Lease: 8 * time.Second, StartGrace: 5 * time.Second,
			ProbeEvery: 100 * time.Millisecond, VirtualMAC: true,
			Checks: []string{"haproxy", "nginx"}, Params: web,
			Tracked: []TrackedInterface{{Name: "eth2"}, {"eth3", Penalty{Less: 60}}, {"eth4", Penalty{Fault: true}}},
			Families: []Family{{
				Params: web4, Source: netip.MustParseAddr("192.0.2.11"),
				Held: []Address{
					held("192.0.2.100/24", "eth0"),
					{Prefix: netip.MustParsePrefix("192.0.2.101/32"), Interface: "eth0", Advertised: true, Label: "eth0:web", Scope: 253},
				},
				Routes: []Route{{
					Text: "default via 192.0.2.1 dev eth0 src 192.0.2.100 metric 50", Type: 1,
					Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1"),
					Source: netip.MustParseAddr("192.0.2.100"), Interface: "eth0", Table: 254, Metric: 50,
				}, {
					Text: "blackhole 198.18.0.0/15", Type: 6, Destination: netip.MustParsePrefix("198.18.0.0/15"), Table: 254,
				}},
			}, {
				Params: web6, Source: netip.MustParseAddr("2001:db8::11"),
				Held: []Address{
					{Prefix: netip.MustParsePrefix("fe80::200:5eff:fe00:233/64"), Interface: "eth0", Advertised: true, Derived: true},
					held("2001:db8::100/64", "eth0"),
					{Prefix: netip.MustParsePrefix("2001:db8:1::7/64"), Interface: "eth1"},
				},
				Routes: []Route{{
					Text: "2001:db8:2::/48 via 2001:db8::1 table 100 mtu 1400", Type: 1, Table: 100, MTU: 1400,
					Destination: netip.MustParsePrefix("2001:db8:2::/48"), Gateway: netip.MustParseAddr("2001:db8::1"),
				}},
			}},
		}, {
			Name: "inside", Interface: "eth1", Lease: 4 * time.Second, StartGrace: 10 * time.Second, Accept: true,
			Checks: []string{"http", "tcp"}, Params: inside, Tracked: []TrackedInterface{{Name: "eth2"}},
			Families: []Family{{Params: inside4, Held: []Address{held("198.51.100.7/24", "eth1")}}},
		}},
		Checks: everyCheck(),
	}
	if diff := cmp.Diff(want, got, plain...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	otherNode(t, f.byNode["lb2"].Routers, web6)
}

// otherNode sees what full.yaml has for lb2; six is lb1's IPv6 router.
func otherNode(t *testing.T, other []Router, six vrrp.Params) {
	t.Helper()
	if other[0].Interface != "ens3" || other[0].Probe || other[0].Priority != 200 || other[1].Checks[0] != "tcp" {
		t.Errorf("lb2's values: %+v", other)
	}
	if f := other[0].Families[1]; f.Source != six.Peers[0] || !slices.Equal(f.Peers, addrs("2001:db8::11")) {
		t.Errorf("lb2's unicast: %v to %v", f.Source, f.Peers)
	}
}

// everyCheck is the checks of testdata/full.yaml.
func everyCheck() []Check {
	return []Check{
		{Check: health.Check{Name: "haproxy", Interval: 2 * time.Second, Jitter: 200 * time.Millisecond, Timeout: 500 * time.Millisecond, Grace: 5 * time.Second,
			Kind: health.HAProxy{Socket: "/run/haproxy/admin.sock"}}, Rise: 3, Fall: 4,
			Damping: health.Damping{Failures: 2, Within: time.Hour, Hold: 10 * time.Minute}, Penalty: Penalty{Fault: true}},
		{Check: health.Check{Name: "nginx", Interval: time.Second, Jitter: 100 * time.Millisecond, Timeout: time.Second,
			Kind: health.Nginx{PIDFile: "/run/nginx.pid", HTTP: health.HTTP{URL: "http://127.0.0.1:8080/health"}}}, Rise: 2, Fall: 2, Penalty: Penalty{Less: 100}},
		{Check: health.Check{Name: "http", Interval: time.Second, Jitter: 100 * time.Millisecond, Timeout: time.Second,
			Kind: health.HTTP{URL: "http://[::1]/", Host: "example.org", Status: []int{200, 204}}}, Rise: 2, Fall: 2, Damping: defaultDamping},
		{Check: health.Check{Name: "tcp", Interval: time.Second, Jitter: 100 * time.Millisecond, Timeout: time.Second,
			Kind: health.TCP{Address: "127.0.0.1:443"}}, Rise: 2, Fall: 2, Damping: defaultDamping},
	}
}

// held is an address without anything special.
func held(prefix, ifname string) Address {
	return Address{Prefix: netip.MustParsePrefix(prefix), Interface: ifname, Advertised: true}
}

func addrs(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

// router makes a file of one router with this line more, or instead.
func router(line string) string {
	key := strings.TrimSpace(strings.SplitN(line, ":", 2)[0])
	var lines []string
	for l := range strings.Lines(minimal) {
		if !strings.HasPrefix(strings.TrimLeft(l, "- "), key+":") {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "") + "  " + line + "\n"
}

// withCheck makes a file of one router and this check.
func withCheck(check string) string {
	return minimal + "  checks: [c]\nchecks:\n- {name: c, " + check + "}\n"
}

// mistake is a file, and the one line that it gets.
type mistake struct{ name, text, want string }

// refused sees that each mistake is refused, with this one line.
func refused(t *testing.T, mistakes []mistake) {
	for _, tt := range mistakes {
		t.Run(tt.name, func(t *testing.T) {
			f, problems := Parse("vipd.yaml", []byte(tt.text))
			if f != nil || len(problems) != 1 || problems[0].String() != tt.want {
				t.Errorf("got:\n%v\nwant:\n%s", lines(problems), tt.want)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	refused(t, []mistake{
		{"empty file", "", "vipd.yaml: is empty: at least `routers` must be there"},
		{"only a comment", "# nothing\n", "vipd.yaml: is empty: at least `routers` must be there"},
		{"alias of nothing", "routers: *r\n", "vipd.yaml: is not YAML: an alias, *name, of an anchor that is not there"},
		{"not YAML", "routers: [", "vipd.yaml: is not YAML: line 1: did not find expected node content"},
		{"a list instead of a mapping", "- a\n", `vipd.yaml:1:1: a list: want a mapping with the keys node, log, api, routers, checks, groups`},
		{"two documents", minimal + "---\n" + minimal, "vipd.yaml:6:1: has a second YAML document; there may be one"},
		{"no routers", "node: lb1\n", "vipd.yaml:1:1: `routers` is missing"},
		{"empty list of routers", "routers: []\n", "vipd.yaml:1:10: routers: no router: at least one must be there"},
		{"wrong key", router("advert_int: 1s"), `vipd.yaml:6:3: routers[0]: unknown key "advert_int": legal are ` + routerKeyList},
		{"wrong key at the top", "router: []\n" + minimal, `vipd.yaml:1:1: unknown key "router": legal are node, log, api, routers, checks, groups`},
		{"key twice", minimal + "  vrid: 52\n", `vipd.yaml:6:3: routers[0]: key "vrid" is there twice`},
		{"key of a later version", router("notify: []"), `vipd.yaml:6:3: routers[0]: key "notify" is not in this version`},
		{"metrics, a key of a later version", "metrics: 127.0.0.1:9650\n" + minimal, `vipd.yaml:1:1: key "metrics" is not in this version`},
		{"version 4", router("version: 4"), `vipd.yaml:6:12: routers[0].version: "4": want 3 or 2 or both`},
		{"VRID 0", router("vrid: 0"), `vipd.yaml:5:9: routers[0].vrid: "0": want a whole number, 1–255`},
		{"VRID 256", router("vrid: 256"), `vipd.yaml:5:9: routers[0].vrid: "256": want a whole number, 1–255`},
		{"VRID in octal, which YAML would take for 41", router("vrid: 051"), `vipd.yaml:5:9: routers[0].vrid: "051": want a whole number, 1–255`},
		{"VRID 51.0", router("vrid: 51.0"), `vipd.yaml:5:9: routers[0].vrid: "51.0": want a whole number, 1–255`},
		{"VRID empty", router("vrid:"), `vipd.yaml:5:8: routers[0].vrid: no value: want a single value`},
		{"VRID a list", router("vrid: [51]"), `vipd.yaml:5:9: routers[0].vrid: a list: want a single value`},
		{"no name", strings.Replace(minimal, "- name: web\n  interface", "- interface", 1), "vipd.yaml:2:3: routers[0]: `name` is missing"},
		{"priority 0", router("priority: 0"), `vipd.yaml:6:13: routers[0].priority: "0": want a whole number, 1–254`},
		{"priority 255 that is not owner", router("priority: 255"), "vipd.yaml:6:13: routers[0].priority: 255 is for the router that owns the addresses, and is written `owner`: want 1–254"},
		{"priority owner", router("priority: owner"), "vipd.yaml:6:13: routers[0].priority: `owner` is not in this version: want 1–254"},
		{"interval without a unit", router("advert_interval: 1"), `vipd.yaml:6:20: routers[0].advert_interval: "1": want a duration with its unit, 10ms–40.95s`},
		{"interval 0", router("advert_interval: 0s"), `vipd.yaml:6:20: routers[0].advert_interval: "0s": want a duration with its unit, 10ms–40.95s`},
		{"interval too long", router("advert_interval: 41s"), `vipd.yaml:6:20: routers[0].advert_interval: "41s": want a duration with its unit, 10ms–40.95s`},
		{"interval in odd milliseconds", router("advert_interval: 15ms"), `vipd.yaml:6:20: routers[0].advert_interval: "15ms": want whole steps of 10ms`},
		{"negative delay", router("start_delay: -1s"), `vipd.yaml:6:16: routers[0].start_delay: "-1s": want a duration with its unit, 0s–1h`},
		{"yes for a boolean", router("preempt: yes"), `vipd.yaml:6:12: routers[0].preempt: "yes": want true or false`},
		{"unknown handover", router("handover: slow"), `vipd.yaml:6:13: routers[0].handover: "slow": want fast or rfc`},
		{"probe that is no word", router("probe: always"), `vipd.yaml:6:10: routers[0].probe: "always": want on-doubt, off or a duration with its unit, 50ms–1s`},
		{"probe too often", router("probe: 20ms"), `vipd.yaml:6:10: routers[0].probe: "20ms": want a duration with its unit, 50ms–1s`},
		{"probe too rarely", router("probe: 2s"), `vipd.yaml:6:10: routers[0].probe: "2s": want a duration with its unit, 50ms–1s`},
		{"lease shorter than a Backup waits", router("lease: 3s"), "vipd.yaml:6:10: routers[0].lease: 3s: with adverts every 1s want 4s or more: a Backup waits that long"},
		{"lease in milliseconds", router("lease: 4500ms"), `vipd.yaml:6:10: routers[0].lease: "4500ms": want auto, off or whole seconds`},
		{"interface with a path in it", router("interface: ../eth0"), `vipd.yaml:5:14: routers[0].interface: "../eth0": want the name of a network interface, at most 15 bytes`},
		{"interface name too long", router("interface: abcdefghijklmnop"), `vipd.yaml:5:14: routers[0].interface: "abcdefghijklmnop": want the name of a network interface, at most 15 bytes`},
		{"loopback interface", router("interface: lo"), `vipd.yaml:5:14: routers[0].interface: "lo": neither adverts nor announcements can leave through the loopback interface`},
		{"announcements out of order", router("announce: {at: [0s, 2s, 1s]}"), "vipd.yaml:6:18: routers[0].announce.at: want ascending times"},
		{"first announcement late", router("announce: {at: [1s]}"), "vipd.yaml:6:18: routers[0].announce.at: the first must be 0s: hosts must hear of the takeover at once"},
		{"refresh too often", router("announce: {refresh: 10ms}"), `vipd.yaml:6:23: routers[0].announce.refresh: "10ms": want 0s (off) or 1s–24h`},
		{"unknown check", router("checks: [haproxi]"), `vipd.yaml:6:11: routers[0].checks: unknown check "haproxi": defined are none`},
		{"VRID twice on an interface", minimal + "- {name: b, interface: eth0, vrid: 51, addresses: [192.0.2.101/24]}\n", `vipd.yaml:6:36: routers[1].vrid: 51 is used on eth0 by router "web" already: want another, 1–255`},
		{"name twice", minimal + "- {name: web, interface: eth0, vrid: 52, addresses: [192.0.2.101/24]}\n", `vipd.yaml:6:10: routers[1].name: "web" is the name of a router already`},
		{"address in two routers", minimal + "- {name: b, interface: eth1, vrid: 51, addresses: [192.0.2.100/24]}\n", `vipd.yaml:6:51: routers[1].addresses: 192.0.2.100 is there twice, first in router "web"`},
		{"check aimed at an IPv6 virtual address", minimal + "  checks: [c]\n- {name: b, interface: eth0, vrid: 1, addresses: [fe80::1]}\nchecks: [{name: c, tcp: {address: '[fe80::1%eth0]:80'}}]\n", `vipd.yaml:8:10: checks[0]: check "c" is aimed at the virtual address fe80::1, which is on the other node half of the time: want an address of this node, such as 127.0.0.1`},
		{"log level", "log: {level: loud}\n" + minimal, `vipd.yaml:1:14: log.level: "loud": want debug or info or warn or error`},
		{"node without values", strings.Replace(twoNodes, "lb1\nr", "lb3\nr", 1), `vipd.yaml:1:7: node: "lb3" has no values: the file has some for lb1, lb2`},
	})
}

func TestMistakesInChecks(t *testing.T) {
	const tcp = "tcp: {address: '127.0.0.1:80'}"
	refused(t, []mistake{
		{"check aimed at the virtual address", withCheck("http: {url: 'http://192.0.2.100/'}"), `vipd.yaml:8:3: checks[0]: check "c" is aimed at the virtual address 192.0.2.100, which is on the other node half of the time: want an address of this node, such as 127.0.0.1`},
		{"tcp check aimed at the virtual address", withCheck("tcp: {address: '192.0.2.100:80'}"), `vipd.yaml:8:3: checks[0]: check "c" is aimed at the virtual address 192.0.2.100, which is on the other node half of the time: want an address of this node, such as 127.0.0.1`},
		{"the virtual address as IPv6", withCheck("tcp: {address: '[::ffff:192.0.2.100]:80'}"), `vipd.yaml:8:3: checks[0]: check "c" is aimed at the virtual address 192.0.2.100, which is on the other node half of the time: want an address of this node, such as 127.0.0.1`},
		{"nginx check aimed at the virtual address", withCheck("nginx: {pid_file: /run/nginx.pid, url: 'http://192.0.2.100/'}"), `vipd.yaml:8:3: checks[0]: check "c" is aimed at the virtual address 192.0.2.100, which is on the other node half of the time: want an address of this node, such as 127.0.0.1`},
		{"check without a kind", withCheck("rise: 1"), "vipd.yaml:8:3: checks[0]: 0 kinds of check in one: want exactly one of haproxy, nginx, http, tcp, tls, process, ping, dns, file, script"},
		{"check of two kinds", withCheck(tcp + ", http: {url: 'http://127.0.0.1/'}"), "vipd.yaml:8:3: checks[0]: 2 kinds of check in one: want exactly one of haproxy, nginx, http, tcp, tls, process, ping, dns, file, script"},
		{"grace where no process is known", withCheck(tcp + ", grace: 1s"), "vipd.yaml:8:52: checks[0].grace: only haproxy, nginx and process see the end of a process: want no `grace`, or a larger `fall`"},
		{"grace of a day", withCheck("haproxy: {socket: /run/h.sock}, grace: 24h"), `vipd.yaml:8:52: checks[0].grace: "24h": want a duration with its unit, 0s–1h`},
		{"damping by a word", withCheck(tcp + ", damping: on"), `vipd.yaml:8:54: checks[0].damping: "on": want off`},
		{"damping after one failure", withCheck(tcp + ", damping: {failures: 1}"), `vipd.yaml:8:65: checks[0].damping.failures: "1": want a whole number, 2–100`},
		{"damping that never ends", withCheck(tcp + ", damping: {hold: 25h}"), `vipd.yaml:8:61: checks[0].damping.hold: "25h": want a duration with its unit, 1s–24h`},
		{"damping of another key", withCheck(tcp + ", damping: {flaps: 3}"), `vipd.yaml:8:55: checks[0].damping: unknown key "flaps": legal are failures, within, hold`},
		{"haproxy without a socket", withCheck("haproxy: {}"), "vipd.yaml:8:22: checks[0].haproxy: `socket` is missing"},
		{"relative path", withCheck("haproxy: {socket: admin.sock}"), `vipd.yaml:8:31: checks[0].haproxy.socket: "admin.sock": want an absolute path of at most 107 bytes`},
		{"check that needs the DNS", withCheck("http: {url: 'http://www.example.org/'}"), `vipd.yaml:8:25: checks[0].http.url: "http://www.example.org/": want a URL with an IP address, such as http://127.0.0.1:80/health`},
		{"tcp without a port", withCheck("tcp: {address: 127.0.0.1}"), `vipd.yaml:8:28: checks[0].tcp.address: "127.0.0.1": want an IP address and a port, such as 127.0.0.1:80`},
		{"tcp port 0", withCheck("tcp: {address: '127.0.0.1:0'}"), `vipd.yaml:8:28: checks[0].tcp.address: "127.0.0.1:0": want an IP address and a port, such as 127.0.0.1:80`},
		{"status that is none", withCheck("http: {url: 'http://127.0.0.1/', status: [20]}"), `vipd.yaml:8:55: checks[0].http.status[0]: "20": want a whole number, 100–599`},
		{"Host header with a path", withCheck("http: {url: 'http://127.0.0.1/', host: a/b}"), `vipd.yaml:8:52: checks[0].http.host: "a/b": want a host name, with a port or without`},
		{"interval too short", withCheck(tcp + ", interval: 1ms"), `vipd.yaml:8:55: checks[0].interval: "1ms": want a duration with its unit, 100ms–1h`},
		{"rise 0", withCheck(tcp + ", rise: 0"), `vipd.yaml:8:51: checks[0].rise: "0": want a whole number, 1–100`},
		{"penalty 254", withCheck(tcp + ", penalty: 254"), `vipd.yaml:8:54: checks[0].penalty: "254": want a whole number, 1–253`},
		{"penalty as a word", withCheck(tcp + ", penalty: high"), `vipd.yaml:8:54: checks[0].penalty: "high": want lowest, fault or a whole number, 1–253`},
	})
}

// All of it in one go, by line; and no second error because of the first.
func TestEveryProblemAtOnce(t *testing.T) {
	_, problems := Parse("vipd.yaml", []byte(`routers:
- name: a b
  interface: eth0
  vrid: 256
  addresses: [192.0.2.1000/24]
  colour: red
- name: inside
  interface: {lb1: eth1, lb3: eth1}
  vrid: {lb1: 52, lb2: 52}
  addresses: [192.0.2.100/24]
- {name: b, interface: eth0, vrid: 0, addresses: [2001:db8::1/64]}
- {name: c, interface: eth0, vrid: 0, addresses: [2001:db8::2/64]}
`))
	want := strings.TrimLeft(`
vipd.yaml:2:9: routers[0].name: "a b": want `+nameRule+`
vipd.yaml:4:9: routers[0].vrid: "256": want a whole number, 1–255
vipd.yaml:5:15: routers[0].addresses[0]: "192.0.2.1000/24": want an address with its network's length, such as 192.0.2.100/24 or 2001:db8::100/64
vipd.yaml:6:3: routers[0]: unknown key "colour": legal are `+routerKeyList+`
vipd.yaml:8:14: routers[1].interface: no value for node "lb2", which is named elsewhere in the file
vipd.yaml:9:9: routers[1].vrid: no value for node "lb3", which is named elsewhere in the file
vipd.yaml:11:36: routers[2].vrid: "0": want a whole number, 1–255
vipd.yaml:12:36: routers[3].vrid: "0": want a whole number, 1–255
`, "\n")
	if got := lines(problems); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// What works, but hardly as meant.
func TestWarnings(t *testing.T) {
	checked := twoNodes + "  checks: [c]\nchecks:\n- {name: c, tcp: {address: '127.0.0.1:80'}, penalty: 1}\n"
	for _, tt := range []struct{ name, text, want string }{
		{"penalty that can't move the address", strings.Replace(checked, "lb2: 253", "lb2: 100", 1),
			`vipd.yaml:10:54: warning: checks[0].penalty: 1 can't move router "web": lb1 would still have 253, and lb2 has 100`},
		{"penalty that makes the priorities equal", checked,
			`vipd.yaml:10:54: warning: checks[0].penalty: 1 can't move router "web": lb1 would still have 253, and lb2 has 253`},
		{"the same priority", strings.Replace(twoNodes, "253", "254", 1),
			"vipd.yaml:6:13: warning: routers[0].priority: lb1 and lb2 have the same priority, 254: the higher address decides"},
		{"three nodes close together", strings.Replace(twoNodes, "lb2: 253", "lb2: 253, lb3: 252", 1),
			"vipd.yaml:6:13: warning: routers[0].priority: lb2 and lb3 would take over within 3.90625ms of each other: with three nodes want priorities that are further apart"},
		{"a scope that the kernel does not ask for", router("addresses: [{address: 2001:db8::1, scope: link}]"),
			`vipd.yaml:5:45: warning: routers[0].addresses[0].scope: "link": an IPv6 address has the scope that it shows, whatever is said here`},
		{"adverts in fragments", router("addresses: [" + many("2001:db8::1:%x/64", 90) + "]"),
			"vipd.yaml:5:14: warning: routers[0].addresses: 91 advertised IPv6 addresses make packets of 1504 bytes, which leave in fragments: want at most 90, the others with `advertised: false`"},
		{"a check that nobody uses", minimal + "checks: [{name: c, tcp: {address: '127.0.0.1:80'}}]\n",
			`vipd.yaml:6:17: warning: checks[0].name: no router uses check "c"`},
		{"probe that comes too late", router("advert_interval: 100ms") + "  probe: on-doubt\n",
			"vipd.yaml:7:10: warning: routers[0].probe: with adverts every 100ms a Backup takes over before it knows that the host does not answer: asking takes 200ms"},
		{"probe that comes too late all the time", router("advert_interval: 80ms") + "  probe: 50ms\n",
			"vipd.yaml:7:10: warning: routers[0].probe: with adverts every 80ms a Backup takes over before it knows that the host does not answer: asking takes 200ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, problems := Parse("vipd.yaml", []byte(tt.text))
			if f == nil || len(problems) != 1 || problems[0].String() != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", lines(problems), tt.want)
			}
		})
	}
}

func TestAFileForOtherNodes(t *testing.T) {
	f, problems := Parse("vipd.yaml", []byte(strings.Replace(twoNodes, "node: lb1\n", "", 1)))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if c, err := f.For("lb2"); err != nil || c.Node != "lb2" || c.Routers[0].Priority != 253 {
		t.Errorf("lb2: %+v, %v", c, err)
	}
	const want = `this node is called "debian", and the file has values for lb1, lb2 only: set ` + "`node`, or the host name"
	if _, err := f.For("debian"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, make([]byte, maxFileSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): ": can't be read: no such file or directory",
		dir:                             ": can't be read: is a directory",
		large:                           ": is larger than 4 MiB",
	} {
		if f, problems := Load(path); f != nil || lines(problems) != path+want+"\n" {
			t.Errorf("got %swant %s", lines(problems), path+want)
		}
	}
}

// YAML's own traps: aliases are followed, bombs and loops are not.
func TestAliases(t *testing.T) {
	f, problems := Parse("vipd.yaml", []byte(strings.Replace(minimal, "vrid: 51", "vrid: &v 51", 1)+
		"- {name: b, interface: eth1, vrid: *v, addresses: [192.0.2.101/24]}\n"))
	if f == nil || f.byNode[""].Routers[1].VRID != 51 {
		t.Errorf("an alias is not followed: %s", lines(problems))
	}
	if f, problems := Parse("vipd.yaml", []byte("routers: &r\n- *r\n")); f != nil || len(problems) == 0 {
		t.Errorf("a loop passes: %s", lines(problems))
	}
}

// Whatever is in the file: no panic, and nothing valid without a router.
func FuzzParse(f *testing.F) {
	full, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Add([]byte(minimal))
	f.Add([]byte("routers: &r\n- *r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, problems := Parse("vipd.yaml", text)
		if (file == nil) != problems.Failed() {
			t.Errorf("file %v with problems:\n%s", file, lines(problems))
		}
		if file != nil && len(file.byNode) == 0 {
			t.Error("valid, and for nobody")
		}
	})
}

func lines(problems Problems) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}
