// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"net"
	"strings"
	"testing"
)

// An interface that is not there is a warning: the daemon waits for it.
func TestAgainstHost(t *testing.T) {
	f, _ := Parse("vipd.yaml", []byte(strings.Replace(minimal, "eth0", "nosuch0", 1)))
	c, err := f.For("anybody")
	if err != nil {
		t.Fatal(err)
	}
	const want = `vipd.yaml:3:14: warning: routers[0].interface: there is no interface "nosuch0" on this host now: the router waits for it` + "\n"
	if got := lines(c.AgainstHost("vipd.yaml")); got != want {
		t.Errorf("got %swant %s", got, want)
	}
}

// hostWith is a host with eth0, which has these addresses, and nothing else.
func hostWith(running bool, addresses ...string) hostInterface {
	ifi := hostInterface{running: running}
	for _, text := range addresses {
		ip, network, err := net.ParseCIDR(text)
		if err != nil {
			panic(err)
		}
		ifi.addresses = append(ifi.addresses, &net.IPNet{IP: ip, Mask: network.Mask})
	}
	return ifi
}

func TestAgainstAHost(t *testing.T) {
	usual := hostWith(true, "192.0.2.11/24", "2001:db8::11/64", "fe80::11/64")
	both := router("addresses: [192.0.2.100/24, 2001:db8::100/64, fe80::1]")
	for _, tt := range []struct {
		name string
		eth0 hostInterface
		text string
		want string
	}{
		{"as it should be", usual, both, ""},
		{"no carrier", hostWith(false, "192.0.2.11/24"), minimal, `3:14: warning: routers[0].interface: "eth0" is down, or has no carrier`},
		{"no address", hostWith(true), minimal, `3:14: warning: routers[0].interface: "eth0" has no IPv4 address: adverts need one as their source`},
		{"only the virtual address, set by a running vipd", hostWith(true, "192.0.2.100/32"), minimal,
			`3:14: warning: routers[0].interface: "eth0" has no IPv4 address: adverts need one as their source`},
		{"no link-local address", hostWith(true, "192.0.2.11/24", "2001:db8::11/64"), both,
			`3:14: warning: routers[0].interface: "eth0" has no IPv6 link-local address: adverts need one as their source`},
		{"another network", hostWith(true, "198.51.100.1/24"), minimal,
			`5:14: warning: routers[0].addresses: 192.0.2.100 is in none of the networks of "eth0": [198.51.100.0/24]`},
		{"another IPv6 network", hostWith(true, "192.0.2.11/24", "2001:db8:1::1/64", "fe80::11/64"), both,
			`5:14: warning: routers[0].addresses: 2001:db8::100 is in none of the networks of "eth0": [2001:db8:1::/64]`},
		{"no IPv6 network yet", hostWith(true, "192.0.2.11/24", "fe80::11/64"), both, ""},
		{"an address's interface", usual, router("addresses: [192.0.2.100/24, {address: 192.0.2.101, interface: eth1}, {address: 192.0.2.102, interface: eth1}]"),
			`5:14: warning: routers[0].addresses: there is no interface "eth1" on this host now: the router waits for it`},
		{"a route's interface", usual, router("routes: [10.0.0.0/8 dev eth1]"),
			`6:11: warning: routers[0].routes: there is no interface "eth1" on this host now: the router waits for it`},
		{"a route without an interface", usual, router("routes: [blackhole 10.0.0.0/8]"), ""},
		{"unicast from here", usual, router("unicast: {source: 192.0.2.11, peers: 192.0.2.12}"), ""},
		{"unicast from elsewhere", usual, router("unicast: {source: 192.0.2.13, peers: 192.0.2.12}"),
			"6:12: warning: routers[0].unicast: 192.0.2.13, the source of this node, is on no interface of this host now"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, problems := Parse("vipd.yaml", []byte(tt.text))
			if f == nil {
				t.Fatal(lines(problems))
			}
			look := func(name string) (hostInterface, error) {
				if name != "eth0" {
					return hostInterface{}, errors.New("no such network interface")
				}
				return tt.eth0, nil
			}
			want := ""
			if tt.want != "" {
				want = "vipd.yaml:" + tt.want + "\n"
			}
			if got := lines(f.byNode[""].against("vipd.yaml", tt.eth0, look, usualSysctl)); got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}
