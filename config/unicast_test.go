// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"
	"testing"
)

// dual is a router of both families.
func dual(unicast string) string {
	return router("addresses: [192.0.2.100/24, 2001:db8::100/64]") + "  unicast: " + unicast + "\n"
}

// single is one of IPv4.
func single(unicast string) string { return router("unicast: " + unicast) }

func TestUnicastMistakes(t *testing.T) {
	const here = "vipd.yaml:6:12: routers[0].unicast: "
	refused(t, []mistake{
		{"one address", single("192.0.2.11"), here + `"192.0.2.11": want the address of each node, such as {lb1: 192.0.2.11, lb2: 192.0.2.12}, or a mapping with the keys source, peers`},
		{"true", single("true"), here + `"true": want the address of each node, such as {lb1: 192.0.2.11, lb2: 192.0.2.12}, or a mapping with the keys source, peers`},
		{"nobody", single("{}"), here + `a mapping: want the address of each node, such as {lb1: 192.0.2.11, lb2: 192.0.2.12}, or a mapping with the keys source, peers`},
		{"one node", single("{lb1: 192.0.2.11}"), here + `only node "lb1" is there: want the addresses of all nodes`},
		{"a node of the file is not there", single("{lb1: 192.0.2.11, lb2: 192.0.2.12}") + "  priority: {lb1: 3, lb2: 2, lb3: 100}\n", here + `no value for node "lb3", which is named elsewhere in the file`},
		{"node twice", single("{lb1: 192.0.2.11, lb1: 192.0.2.12}"), `vipd.yaml:6:30: routers[0].unicast: node "lb1" is there twice`},
		{"no address", single("{lb1: eth0, lb2: 192.0.2.12}"), `vipd.yaml:6:18: routers[0].unicast.lb1: "eth0": want an IP address`},
		{"address with a length", single("{lb1: 192.0.2.11/24, lb2: 192.0.2.12}"), `vipd.yaml:6:18: routers[0].unicast.lb1: "192.0.2.11/24": want an IP address`},
		{"multicast address", single("{lb1: 192.0.2.11, lb2: 224.0.0.18}"), `vipd.yaml:6:35: routers[0].unicast.lb2: "224.0.0.18": no host can have this address`},
		{"broadcast address", single("{lb1: 192.0.2.11, lb2: 255.255.255.255}"), `vipd.yaml:6:35: routers[0].unicast.lb2: "255.255.255.255": no host can have this address`},
		{"zone", dual("{lb1: [192.0.2.11, 'fe80::1%eth0'], lb2: [192.0.2.12, fe80::2]}"), `vipd.yaml:6:31: routers[0].unicast.lb1[1]: "fe80::1%eth0": want no zone: the interface is known`},
		{"two nodes of one address", single("{lb1: 192.0.2.11, lb2: 192.0.2.11}"), here + "192.0.2.11 is there twice"},
		{"peer twice", single("{source: 192.0.2.11, peers: [192.0.2.12, 192.0.2.12]}"), here + "192.0.2.12 is there twice"},
		{"its own peer", single("{source: 192.0.2.11, peers: 192.0.2.11}"), here + "192.0.2.11 is there twice"},
		{"two addresses of a node", single("{lb1: [192.0.2.11, 192.0.2.13], lb2: 192.0.2.12}"), "vipd.yaml:6:18: routers[0].unicast.lb1: 2 IPv4 addresses: a node has one"},
		{"two sources", single("{source: [192.0.2.11, 192.0.2.13], peers: [192.0.2.12]}"), "vipd.yaml:6:21: routers[0].unicast.source: 2 IPv4 addresses: a node has one"},
		{"IPv6 without a source", dual("{source: 192.0.2.11, peers: [192.0.2.12, 2001:db8::12]}"), "vipd.yaml:6:21: routers[0].unicast.source: no IPv6 address, and the router advertises some"},
		{"IPv6 without a peer", dual("{source: [192.0.2.11, 2001:db8::11], peers: [192.0.2.12]}"), "vipd.yaml:6:56: routers[0].unicast.peers: no IPv6 address, and the router advertises some"},
		{"IPv4 without a peer", dual("{lb1: [192.0.2.11, 2001:db8::11], lb2: 2001:db8::12}"), "vipd.yaml:6:51: routers[0].unicast.lb2: no IPv4 address, and the router advertises some"},
		{"a family that the router has not", single("{lb1: 192.0.2.11, lb2: [192.0.2.12, 2001:db8::12]}"), "vipd.yaml:6:35: routers[0].unicast.lb2: 2001:db8::12: the router advertises no address of this family"},
		{"no peers", single("{source: 192.0.2.11}"), here + "`peers` is missing"},
		{"no source", single("{peers: [192.0.2.11]}"), here + "`source` is missing"},
		{"empty peers", single("{source: 192.0.2.11, peers: []}"), "vipd.yaml:6:40: routers[0].unicast.peers: no IPv4 address, and the router advertises some"},
		{"a node beside source and peers", single("{source: 192.0.2.11, peers: [192.0.2.12], lb2: 192.0.2.13}"), `vipd.yaml:6:54: routers[0].unicast: unknown key "lb2": legal are source, peers`},
		{"one node says source and peers, the other does not", single("{lb1: {source: 192.0.2.11, peers: 192.0.2.12}, lb2: 192.0.2.12}"), `vipd.yaml:6:64: routers[0].unicast.lb2: "192.0.2.12": want a mapping with the keys source, peers`},
		{"33 peers", single("{source: 192.0.2.11, peers: [" + many("198.51.100.%d", 33) + "]}"), here + "33 IPv4 peers: at most 32"},
		{"a virtual address of its own", single("{lb1: 192.0.2.11, lb2: 192.0.2.100}"), here + "192.0.2.100 is a virtual address: want one that stays on its node"},
		{"a virtual address as a peer", single("{source: 192.0.2.11, peers: 192.0.2.100}"), here + "192.0.2.100 is a virtual address: want one that stays on its node"},
		{"a virtual address of another router", single("{source: 192.0.2.101, peers: 192.0.2.12}") + "- {name: b, interface: eth1, vrid: 1, addresses: [192.0.2.101/24]}\n", here + "192.0.2.101 is a virtual address: want one that stays on its node"},
		{"a problem with the addresses makes none here", router("addresses: [192.0.2.300, 2001:db8::1]") + "  unicast: {lb1: 192.0.2.11, lb2: 192.0.2.12}\n", `vipd.yaml:5:15: routers[0].addresses[0]: "192.0.2.300": want an address with its network's length, such as 192.0.2.100/24 or 2001:db8::100/64`},
	})
}

// Each way to write it, and what each node makes of it.
func TestUnicast(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"by node", single("{lb1: 192.0.2.11, lb2: 192.0.2.12, lb3: 192.0.2.13}"), `
lb1: 192.0.2.11 to 192.0.2.12 192.0.2.13
lb2: 192.0.2.12 to 192.0.2.11 192.0.2.13
lb3: 192.0.2.13 to 192.0.2.11 192.0.2.12
`},
		{"by node, both families", dual("{lb1: [192.0.2.11, 2001:db8::11], lb2: [2001:db8::12, 192.0.2.12]}"), `
lb1: 192.0.2.11 to 192.0.2.12
lb1: 2001:db8::11 to 2001:db8::12
lb2: 192.0.2.12 to 192.0.2.11
lb2: 2001:db8::12 to 2001:db8::11
`},
		{"source and peers", dual("{source: [192.0.2.11, fe80::11], peers: [192.0.2.12, fe80::12, fe80::13]}"), `
: 192.0.2.11 to 192.0.2.12
: fe80::11 to fe80::12 fe80::13
`},
		{"source and peers by node", single("{lb1: {source: 192.0.2.11, peers: 192.0.2.12}, lb2: {source: 192.0.2.12, peers: [192.0.2.11]}}"), `
lb1: 192.0.2.11 to 192.0.2.12
lb2: 192.0.2.12 to 192.0.2.11
`},
		{"multicast", router("preempt: true"), "\n: invalid IP to \n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, problems := Parse("vipd.yaml", []byte(tt.text))
			if f == nil || problems.Failed() {
				t.Fatal(lines(problems))
			}
			nodes := f.Nodes
			if len(nodes) == 0 {
				nodes = []string{""}
			}
			var got strings.Builder
			for _, node := range nodes {
				for _, family := range f.byNode[node].Routers[0].Families {
					fmt.Fprintf(&got, "%s: %v to %s\n", node, family.Source, list(family.Peers))
				}
			}
			if got.String() != strings.TrimPrefix(tt.want, "\n") {
				t.Errorf("got:\n%swant:%s", &got, tt.want)
			}
		})
	}
}
