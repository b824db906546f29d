// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vipd/vrrp"
)

// first reads a file that is fine, and returns its first router.
func first(t *testing.T, text string) *Router {
	t.Helper()
	f, problems := Parse("vipd.yaml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	node := ""
	if len(f.Nodes) > 0 {
		node = f.Nodes[0]
	}
	return &f.byNode[node].Routers[0]
}

func TestAddressMistakes(t *testing.T) {
	const form = "want an address with its network's length, such as 192.0.2.100/24 or 2001:db8::100/64"
	const place = "vipd.yaml:5:15: routers[0].addresses[0]"
	var mistakes []mistake
	for _, m := range []mistake{
		{"address that isn't one", "192.0.2.300/24", form},
		{"host name", "www.example.org", form},
		{"the network's own address", "192.0.2.0/24", "that is the network's own address"},
		{"broadcast address", "192.0.3.255/23", "that is the network's broadcast address"},
		{"multicast address", "224.0.0.18", "no host can have this address"},
		{"reserved address", "240.0.0.1/24", "no host can have this address"},
		{"loopback address", "127.0.0.1/8", "no host can have this address"},
		{"this host", "0.0.0.0/32", "no host can have this address"},
		{"default route as an address", "192.0.2.1/0", "want the length of its network, 1–32"},
		{"IPv6: unspecified address", "::/128", "no host can have this address"},
		{"IPv6: loopback address", "::1/128", "no host can have this address"},
		{"IPv6: multicast address", "ff02::12/64", "no host can have this address"},
		{"IPv4 written as IPv6", "::ffff:192.0.2.1/120", "no host can have this address"},
		{"IPv6: default route", "2001:db8::1/0", "want the length of its network, 1–128"},
		{"IPv6: the routers' anycast address", "2001:db8::/64", "that is the anycast address of all routers in the network"},
		{"IPv6: zone", "fe80::1%eth0", "want no zone: the key `interface` says where"},
		{"IPv6: zone and length", "fe80::1%eth0/64", "want no zone: the key `interface` says where"},
	} {
		mistakes = append(mistakes, mistake{
			m.name, router("addresses: ['" + m.text + "']"), fmt.Sprintf("%s: %q: %s", place, m.text, m.want),
		})
	}
	refused(t, mistakes)
}

func TestAddressKeyMistakes(t *testing.T) {
	refused(t, []mistake{
		{"no address", router("addresses: []"), "vipd.yaml:5:14: routers[0].addresses: no address: at least one must be there"},
		{"one address instead of a list", router("addresses: 192.0.2.100/24"), `vipd.yaml:5:14: routers[0].addresses: "192.0.2.100/24": want a list`},
		{"too many", router("addresses: [" + strings.Repeat("x, ", 1001) + "]"), "vipd.yaml:5:14: routers[0].addresses: 1001 elements: at most 1000"},
		{"mapping without the address", router("addresses: [{}]"), "vipd.yaml:5:15: routers[0].addresses[0]: `address` is missing"},
		{"wrong key", router("addresses: [{address: 192.0.2.1, dev: eth0}]"), `vipd.yaml:5:36: routers[0].addresses[0]: unknown key "dev": legal are address, interface, advertised, label, scope`},
		{"interface with a path in it", router("addresses: [{address: 192.0.2.1, interface: a/b}]"), `vipd.yaml:5:47: routers[0].addresses[0].interface: "a/b": want the name of a network interface, at most 15 bytes`},
		{"on the loopback interface", router("addresses: [{address: 192.0.2.1, interface: lo}]"), `vipd.yaml:5:47: routers[0].addresses[0].interface: "lo": neither adverts nor announcements can leave through the loopback interface`},
		{"label too long", router("addresses: [{address: 192.0.2.1, label: 'eth0:0123456789a'}]"), `vipd.yaml:5:43: routers[0].addresses[0].label: "eth0:0123456789a": want a label of at most 15 bytes, without blanks and slashes`},
		{"label with a blank", router("addresses: [{address: 192.0.2.1, label: 'eth0 a'}]"), `vipd.yaml:5:43: routers[0].addresses[0].label: "eth0 a": want a label of at most 15 bytes, without blanks and slashes`},
		{"IPv6 with a label", router("addresses: [{label: 'eth0:a', address: 2001:db8::1}]"), `vipd.yaml:5:23: routers[0].addresses[0].label: "eth0:a": only IPv4 addresses have a label`},
		{"unknown scope", router("addresses: [{address: 192.0.2.1, scope: world}]"), `vipd.yaml:5:43: routers[0].addresses[0].scope: "world": want global, site, link, host, nowhere or a whole number, 0–255`},
		{"scope 256", router("addresses: [{address: 192.0.2.1, scope: 256}]"), `vipd.yaml:5:43: routers[0].addresses[0].scope: "256": want global, site, link, host, nowhere or a whole number, 0–255`},
		{"scope in octal", router("addresses: [{address: 192.0.2.1, scope: 010}]"), `vipd.yaml:5:43: routers[0].addresses[0].scope: "010": want global, site, link, host, nowhere or a whole number, 0–255`},
		{"nothing advertised", router("addresses: [{address: 192.0.2.1, advertised: false}]"), "vipd.yaml:5:14: routers[0].addresses: no address is advertised: at least one must be"},
		{"256 advertised", router("addresses: [" + many("10.0.0.%d/16", 256) + "]"), "vipd.yaml:5:14: routers[0].addresses: 256 advertised IPv4 addresses: at most 255"},
		{"more than a frame of the virtual MAC can take", router("addresses: [" + many("2001:db8::1:%x/64", 90) + "]\n  virtual_mac: true"), "vipd.yaml:5:14: routers[0].addresses: 91 advertised IPv6 addresses make packets of 1504 bytes, which can't leave in fragments from a virtual MAC: want at most 90, the others with `advertised: false`"},
		{"255 advertised and the derived one", router("addresses: [" + many("2001:db8::1:%x/64", 255) + "]"), "vipd.yaml:5:14: routers[0].addresses: 256 advertised IPv6 addresses, the link-local one included: at most 255"},
		{"VRRPv2 with IPv6", minimal + "  version: 2\n" + "- {name: b, vrid: 1, interface: a, version: both, addresses: [2001:db8::1/64]}\n", "vipd.yaml:7:63: routers[1].addresses[0]: 2001:db8::1/64: VRRPv2 has no IPv6: want `version: 3`, or `advertised: false`"},
		{"address twice", router("addresses: [192.0.2.1/24, 192.0.2.1/32]"), `vipd.yaml:5:14: routers[0].addresses: 192.0.2.1 is there twice, first in router "web"`},
		{"address twice, once not advertised", router("addresses: [192.0.2.1/24, {address: 192.0.2.1, interface: eth1, advertised: false}]"), `vipd.yaml:5:14: routers[0].addresses: 192.0.2.1 is there twice, first in router "web"`},
		{"another's derived address", router("addresses: [2001:db8::1/64]") + "- {name: b, interface: eth0, vrid: 1, addresses: [fe80::200:5eff:fe00:233/64]}\n", `vipd.yaml:6:50: routers[1].addresses: fe80::200:5eff:fe00:233 is there twice, first in router "web"`},
	})
}

// many writes n addresses.
func many(format string, n int) string {
	var all []string
	for i := range n {
		text := fmt.Sprintf(format, i+1)
		if i == 255 {
			text = "10.0.1.0/16"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// What is legal, and easily refused by mistake.
func TestLegalAddresses(t *testing.T) {
	for name, text := range map[string]string{
		"first of two, /31":                       router("addresses: [192.0.2.0/31]"),
		"first of two, /127":                      router("addresses: ['2001:db8::/127']"),
		"255 addresses":                           router("addresses: [" + many("10.0.0.%d/16", 255) + "]"),
		"VRRPv2 with IPv6 that is not advertised": router("addresses: [192.0.2.1/24, {address: 2001:db8::1, advertised: false}]") + "  version: 2\n",
		"a link-local address on two interfaces": router("addresses: [fe80::1/64]") +
			"- {name: b, interface: eth1, vrid: 51, addresses: [fe80::1/64]}\n",
		"a VRID once for each family": minimal + "- {name: b, interface: eth0, vrid: 51, addresses: [2001:db8::1/64]}\n",
	} {
		if _, problems := Parse("vipd.yaml", []byte(text)); len(problems) > 0 {
			t.Errorf("%s: %s", name, lines(problems))
		}
	}
}

// What the adverts of each family carry, and what comes and goes with it.
func TestFamilies(t *testing.T) {
	for _, tt := range []struct{ name, addresses, want string }{
		{"IPv4", "192.0.2.1/24", "advertised 192.0.2.1; held 192.0.2.1/24"},
		{"IPv6 gets a link-local address", "2001:db8::1/64",
			"advertised fe80::200:5eff:fe00:233 2001:db8::1; held fe80::200:5eff:fe00:233/64 2001:db8::1/64"},
		{"its own link-local address comes first", "2001:db8::1/64, fe80::1/64, fe80::2/64",
			"advertised fe80::1 2001:db8::1 fe80::2; held 2001:db8::1/64 fe80::1/64 fe80::2/64"},
		{"a link-local address that is not advertised does not count", "2001:db8::1/64, {address: fe80::1, advertised: false}",
			"advertised fe80::200:5eff:fe00:233 2001:db8::1; held fe80::200:5eff:fe00:233/64 2001:db8::1/64 fe80::1/128"},
		{"169.254 stays where it is", "192.0.2.1/24, 169.254.0.1/16",
			"advertised 192.0.2.1 169.254.0.1; held 192.0.2.1/24 169.254.0.1/16"},
		{"IPv6 rides on IPv4", "{address: 2001:db8::1, advertised: false}, 192.0.2.1",
			"advertised 192.0.2.1; held 2001:db8::1/128 192.0.2.1/32"},
		{"IPv4 rides on IPv6", "fe80::1, {address: 192.0.2.1, advertised: false}",
			"advertised fe80::1; held fe80::1/128 192.0.2.1/32"},
		{"both", "2001:db8::1, {address: 2001:db8::2, advertised: false}, 192.0.2.1, {address: 192.0.2.2, advertised: false}",
			"advertised 192.0.2.1; held 192.0.2.1/32 192.0.2.2/32\n" +
				"advertised fe80::200:5eff:fe00:233 2001:db8::1; held fe80::200:5eff:fe00:233/64 2001:db8::1/128 2001:db8::2/128"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := first(t, router("addresses: ["+tt.addresses+"]"))
			var got []string
			for _, f := range r.Families {
				var prefixes []netip.Prefix
				for _, a := range f.Held {
					prefixes = append(prefixes, a.Prefix)
				}
				got = append(got, fmt.Sprintf("advertised %s; held %s", list(f.Addresses), list(prefixes)))
				if f.VRID != 51 || f.IPv4() != f.Addresses[0].Is4() {
					t.Errorf("family %+v", f)
				}
			}
			if diff := cmp.Diff(strings.Split(tt.want, "\n"), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(r.Addresses) > 0 || len(r.Peers) > 0 {
				t.Errorf("what the families have in common has %v and %v", r.Addresses, r.Peers)
			}
		})
	}
}

// list writes values as %v does, without brackets.
func list[T any](all []T) string { return strings.Trim(fmt.Sprint(all), "[]") }

func TestAddressesOfAllRouters(t *testing.T) {
	f, problems := Parse("vipd.yaml", []byte(router("addresses: [2001:db8::1/64, 192.0.2.1/24]")+
		"- {name: b, interface: eth1, vrid: 1, accept: false, addresses: [192.0.2.2/24, {address: 2001:db8::2, advertised: false}]}\n"))
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	c := f.byNode[""]
	const virtual = "192.0.2.1 fe80::200:5eff:fe00:233 2001:db8::1 192.0.2.2 2001:db8::2"
	if got := list(c.Virtual()); got != virtual {
		t.Errorf("virtual: %s, want %s", got, virtual)
	}
	if got := list(c.Refused()); got != "192.0.2.2 2001:db8::2" {
		t.Errorf("refused: %s", got)
	}
	if got := list(c.Routers[0].Prefixes()); got != "192.0.2.1/24 fe80::200:5eff:fe00:233/64 2001:db8::1/64" {
		t.Errorf("prefixes: %s", got)
	}
}

func TestVersions(t *testing.T) {
	refused(t, []mistake{
		{"version 4", router("version: 4"), `vipd.yaml:6:12: routers[0].version: "4": want 3 or 2 or both`},
		{"VRRPv2 in milliseconds", router("advert_interval: 1500ms") + "  version: 2\n", `vipd.yaml:6:20: routers[0].advert_interval: "1500ms": want whole steps of 1s`},
		{"VRRPv2 faster than a second", router("advert_interval: 500ms") + "  version: 2\n", `vipd.yaml:6:20: routers[0].advert_interval: "500ms": want a duration with its unit, 1s–4m15s`},
		{"both, slower than VRRPv3 can", router("advert_interval: 100s") + "  version: both\n", `vipd.yaml:6:20: routers[0].advert_interval: "100s": want a duration with its unit, 10ms–40.95s`},
		{"VRRPv2 with a checksum to choose", router("checksum: pseudo_header") + "  version: 2\n", "vipd.yaml:6:13: routers[0].checksum: \"pseudo_header\": VRRPv2 has one checksum only, without a pseudo-header: want no `checksum`"},
		{"unknown checksum", router("checksum: rfc5798"), `vipd.yaml:6:13: routers[0].checksum: "rfc5798": want auto or rfc9568 or pseudo_header`},
	})
	slow := first(t, router("advert_interval: 255s")+"  version: 2\n")
	if slow.Version != vrrp.Version2 || slow.Families[0].Interval.Seconds() != 255 || slow.Lease.Minutes() != 17 {
		t.Errorf("got %+v", slow)
	}
	if fast := first(t, router("advert_interval: 10ms")+"  version: both\n"); fast.Version != vrrp.VersionBoth {
		t.Errorf("got %+v", fast)
	}
	for word, want := range map[string]vrrp.ChecksumPolicy{
		"auto": vrrp.ChecksumAuto, "rfc9568": vrrp.ChecksumFixedRFC9568, "pseudo_header": vrrp.ChecksumFixedPseudoHeader,
	} {
		if got := first(t, router("checksum: "+word)).Families[0].Checksum; got != want {
			t.Errorf("checksum %s: got %d", word, got)
		}
	}
}

func TestVirtualMACMistakes(t *testing.T) {
	refused(t, []mistake{
		{"IPv6 rides on IPv4's virtual MAC", router("addresses: [192.0.2.1, {address: 2001:db8::1, advertised: false}]") + "  virtual_mac: true\n", "vipd.yaml:5:14: routers[0].addresses: 2001:db8::1 has no virtual MAC, because no address of its family is advertised: want another `interface` for it than eth0"},
		{"one virtual MAC's interface for two", router("virtual_mac: true") + "- {name: b, interface: eth1, vrid: 51, virtual_mac: true, addresses: [192.0.2.101/24]}\n", "vipd.yaml:7:53: routers[1].virtual_mac: the interface vrrp.51 is the virtual MAC's of router \"web\" already: want another `vrid`"},
		{"the same over IPv6", router("addresses: [fe80::1]") + "  virtual_mac: true\n- {name: b, interface: eth1, vrid: 51, virtual_mac: true, addresses: [fe80::2]}\n", "vipd.yaml:7:53: routers[1].virtual_mac: the interface vrrp6.51 is the virtual MAC's of router \"web\" already: want another `vrid`"},
		{"VRID twice on an interface, with virtual MACs", router("virtual_mac: true") + "- {name: b, interface: eth0, vrid: 51, virtual_mac: true, addresses: [192.0.2.101/24]}\n", `vipd.yaml:7:36: routers[1].vrid: 51 is used on eth0 by router "web" already: want another, 1–255`},
	})
	for name, text := range map[string]string{
		"on another interface": router("addresses: [192.0.2.1, {address: 2001:db8::1, advertised: false, interface: eth1}]") + "  virtual_mac: true\n",
		"one for each family":  router("virtual_mac: true") + "- {name: b, interface: eth1, vrid: 51, virtual_mac: true, addresses: [fe80::1]}\n",
		"only one of two":      router("virtual_mac: true") + "- {name: b, interface: eth1, vrid: 51, addresses: [192.0.2.101/24]}\n",
	} {
		if _, problems := Parse("vipd.yaml", []byte(text)); len(problems) > 0 {
			t.Errorf("%s: %s", name, lines(problems))
		}
	}
}

// What is not in the file, and yet advertised, is said once for all nodes.
func TestDerivedIsSaid(t *testing.T) {
	f, problems := Parse("test.yaml", []byte(`routers:
- {name: web, interface: eth0, vrid: 51, priority: {lb1: 254, lb2: 253}, addresses: [2001:db8::1/64, 192.0.2.1/24]}
- {name: own, interface: eth0, vrid: 52, addresses: [fe80::1/64, 2001:db8::2/64]}
`))
	if f == nil {
		t.Fatal(problems)
	}
	want := "router web: fe80::200:5eff:fe00:233/64 is added, and advertised first"
	if got := f.Derived(); len(got) != 1 || got[0] != want {
		t.Errorf("got %q", got)
	}
}

// A router needs the interfaces of all that it brings.
func TestInterfacesOfARouter(t *testing.T) {
	f, problems := Parse("test.yaml", []byte(`routers:
- name: web
  interface: eth1
  vrid: 51
  addresses: [192.0.2.1/24, {address: 192.0.2.2/24, interface: eth0}]
  routes: [10.0.0.0/8 via 192.0.2.9 dev eth2, 10.1.0.0/16 via 192.0.2.9]
`))
	if f == nil {
		t.Fatal(problems)
	}
	c, err := f.For("x")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Routers[0].Interfaces(); !slices.Equal(got, []string{"eth0", "eth1", "eth2"}) {
		t.Errorf("got %q", got)
	}
}
