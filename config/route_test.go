// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestRouteMistakes(t *testing.T) {
	const words = "via, dev, src, metric, table, scope, mtu, onlink"
	for _, tt := range []struct{ name, text, want string }{
		{"only a type", "blackhole", "want a destination: a network, an address or `default`"},
		{"unknown word", "10.0.0.0/8 via 192.0.2.1 proto static", `unknown word "proto": legal are ` + words},
		{"a type that is none", "throw 10.0.0.0/8", `unknown word "10.0.0.0/8": legal are ` + words},
		{"destination that isn't one", "ten dev eth0", "\"ten\": want a network, an address or `default`"},
		{"destination with a zone", "fe80::1%eth0 dev eth0", "\"fe80::1%eth0\": want a network, an address or `default`"},
		{"host bits", "10.1.0.0/8 dev eth0", `"10.1.0.0/8" is an address in its network: want 10.0.0.0/8`},
		{"IPv4 written as IPv6", "::ffff:10.0.0.0/104 dev eth0", "want IPv4 written as such"},
		{"word twice", "10.0.0.0/8 dev eth0 dev eth1", "`dev` is there twice"},
		{"flag twice", "10.0.0.0/8 onlink onlink", "`onlink` is there twice"},
		{"word without its value", "10.0.0.0/8 via", "`via` has no value"},
		{"via a name", "10.0.0.0/8 via gateway", "`via gateway`: want an IP address"},
		{"via a multicast address", "10.0.0.0/8 via 224.0.0.1", "`via 224.0.0.1`: no host can have this address"},
		{"via with a zone", "2001:db8::/32 via fe80::1%eth0", "`via fe80::1%eth0`: want no zone: the interface is known"},
		{"src a network", "10.0.0.0/8 dev eth0 src 192.0.2.0/24", "`src 192.0.2.0/24`: want an IP address"},
		{"dev with a slash", "10.0.0.0/8 dev a/b", "`dev a/b`: want the name of a network interface, at most 15 bytes"},
		{"negative metric", "10.0.0.0/8 dev eth0 metric -1", "`metric -1`: want a whole number, 0–4294967295"},
		{"metric in octal", "10.0.0.0/8 dev eth0 metric 010", "`metric 010`: want a whole number, 0–4294967295"},
		{"metric too large", "10.0.0.0/8 dev eth0 metric 4294967296", "`metric 4294967296`: want a whole number, 0–4294967295"},
		{"table 0", "10.0.0.0/8 dev eth0 table 0", "`table 0`: want main, local, default or a whole number, 1–4294967295"},
		{"table by its name in a file", "10.0.0.0/8 dev eth0 table isp", "`table isp`: want main, local, default or a whole number, 1–4294967295"},
		{"unknown scope", "10.0.0.0/8 dev eth0 scope world", "`scope world`: want global, site, link, host, nowhere or a whole number, 0–255"},
		{"MTU too small", "10.0.0.0/8 dev eth0 mtu 67", "`mtu 67`: want a whole number, 68–65535"},
		{"locked MTU", "10.0.0.0/8 dev eth0 mtu lock 1400", "`mtu lock`: want a whole number, 68–65535"},
		{"default of no family", "default dev eth0", "`default` of which family: want 0.0.0.0/0 or ::/0"},
		{"via of another family", "10.0.0.0/8 via 2001:db8::1", "`via` is of another family than the destination"},
		{"src of another family", "2001:db8::/32 dev eth0 src 192.0.2.1", "`src` is of another family than the destination"},
		{"default between two families", "default via 192.0.2.1 src 2001:db8::1", "`src` is of another family than the destination"},
		{"blackhole with a gateway", "blackhole 10.0.0.0/8 via 192.0.2.1", "a route that leads nowhere has neither `via` nor `dev`"},
		{"prohibit with an interface", "prohibit 10.0.0.0/8 dev eth0", "a route that leads nowhere has neither `via` nor `dev`"},
		{"leads to nobody", "10.0.0.0/8 metric 5", "where to: want `via` or `dev`"},
		{"link-local gateway without an interface", "2001:db8::/32 via fe80::1", "a link-local `via` needs a `dev`"},
		{"onlink without an interface", "10.0.0.0/8 via 192.0.2.1 onlink", "`onlink` needs `via` and `dev`"},
		{"blackhole on the link", "blackhole 10.0.0.0/8 onlink", "`onlink` needs `via` and `dev`"},
		{"onlink without a gateway", "10.0.0.0/8 dev eth0 onlink", "`onlink` needs `via` and `dev`"},
		{"IPv6 with a scope", "2001:db8::/32 dev eth0 scope link", "IPv6 routes have no scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseRoute(tt.text); err == nil || err.Error() != tt.want {
				t.Errorf("%s: got %v, want %s", tt.text, err, tt.want)
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	for _, want := range []Route{
		{Text: "10.0.0.0/8 via 192.0.2.1", Destination: prefix("10.0.0.0/8"), Gateway: addr("192.0.2.1"), Type: unix.RTN_UNICAST, Table: 254},
		{Text: "unicast  10.0.0.1  dev eth0", Destination: prefix("10.0.0.1/32"), Interface: "eth0", Type: unix.RTN_UNICAST, Table: 254, Scope: unix.RT_SCOPE_LINK},
		{Text: "10.0.0.1 dev eth0 scope global", Destination: prefix("10.0.0.1/32"), Interface: "eth0", Type: unix.RTN_UNICAST, Table: 254},
		{Text: "10.0.0.1 dev lo scope host table local", Destination: prefix("10.0.0.1/32"), Interface: "lo", Type: unix.RTN_UNICAST, Table: 255, Scope: unix.RT_SCOPE_HOST},
		{Text: "default via 192.0.2.1 table default", Destination: prefix("0.0.0.0/0"), Gateway: addr("192.0.2.1"), Type: unix.RTN_UNICAST, Table: 253},
		{Text: "default dev eth0 src 192.0.2.1", Destination: prefix("0.0.0.0/0"), Interface: "eth0", Source: addr("192.0.2.1"), Type: unix.RTN_UNICAST, Table: 254, Scope: unix.RT_SCOPE_LINK},
		{Text: "default via fe80::1 dev eth0", Destination: prefix("::/0"), Gateway: addr("fe80::1"), Interface: "eth0", Type: unix.RTN_UNICAST, Table: 254},
		{Text: "::/0 dev eth0 metric 4294967295 mtu 1280 table 4294967295", Destination: prefix("::/0"), Interface: "eth0", Metric: 1<<32 - 1, MTU: 1280, Type: unix.RTN_UNICAST, Table: 1<<32 - 1},
		{Text: "10.0.0.0/8 onlink via 203.0.113.1 dev eth0 metric 5 table main", Destination: prefix("10.0.0.0/8"), Gateway: addr("203.0.113.1"), Interface: "eth0", Metric: 5, OnLink: true, Type: unix.RTN_UNICAST, Table: 254},
		{Text: "blackhole 2001:db8::/32 metric 5", Destination: prefix("2001:db8::/32"), Metric: 5, Type: unix.RTN_BLACKHOLE, Table: 254},
		{Text: "unreachable 10.0.0.0/8", Destination: prefix("10.0.0.0/8"), Type: unix.RTN_UNREACHABLE, Table: 254},
		{Text: "prohibit 0.0.0.0/0", Destination: prefix("0.0.0.0/0"), Type: unix.RTN_PROHIBIT, Table: 254},
	} {
		got, err := parseRoute(want.Text)
		if diff := cmp.Diff(want, got, plain...); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", want.Text, err, diff)
		}
	}
}

func TestRoutesInTheFile(t *testing.T) {
	refused(t, []mistake{
		{"one route instead of a list", router("routes: default via 192.0.2.1"), `vipd.yaml:6:11: routers[0].routes: "default via 192.0.2.1": want a list`},
		{"a mapping", router("routes: [{to: default}]"), `vipd.yaml:6:12: routers[0].routes[0]: a mapping: want a single value`},
		{"unknown word", router("routes: [10.0.0.0/8 to eth0]"), `vipd.yaml:6:12: routers[0].routes[0]: "10.0.0.0/8 to eth0": unknown word "to": legal are ` + routeOptions},
		{"route twice", router("routes: [10.0.0.0/8 dev eth0, 10.0.0.0/8 via 192.0.2.1]"), `vipd.yaml:6:11: routers[0].routes: 10.0.0.0/8 is there twice with this table and metric, first in router "web"`},
		{"route of another router", router("routes: [10.0.0.0/8 dev eth0]") + "- {name: b, interface: eth1, vrid: 1, addresses: [192.0.2.2/24], routes: [10.0.0.0/8 dev eth1]}\n", `vipd.yaml:7:74: routers[1].routes: 10.0.0.0/8 is there twice with this table and metric, first in router "web"`},
	})
	alone := first(t, router("routes: ['2001:db8::/32 dev eth0', 10.0.0.0/8 dev eth0, 10.0.0.0/8 dev eth0 metric 2]"))
	if len(alone.Families[0].Routes) != 3 {
		t.Errorf("the only family has not all routes: %+v", alone.Families[0].Routes)
	}
}

// Whatever is written: no panic, and a route that was taken is whole.
func FuzzRoute(f *testing.F) {
	for _, text := range []string{"default via 192.0.2.1 dev eth0 onlink", "blackhole ::/0 metric 5", "10.0.0.0/8 src 1.2.3.4 table main scope link mtu 1400"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		route, err := parseRoute(text)
		if err == nil && (!route.Destination.IsValid() || route.Type == 0 || route.Table == 0) {
			t.Errorf("%q: %+v", text, route)
		}
	})
}
