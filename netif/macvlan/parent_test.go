// SPDX-License-Identifier: Apache-2.0

package macvlan_test

import (
	"testing"

	"vipd/integration/lab/labtest"
	"vipd/netif/macvlan"
)

// The parent's settings are raised where they are too low, and are as before in the end,
// also when a run crashed in between.
func TestParentSettings(t *testing.T) {
	rows := []struct {
		name             string
		all              []string
		ignore, announce string // before
		raised           string // arp_ignore, arp_announce
	}{
		{"defaults", nil, "0", "0", "1 2"},
		{"announce as wanted", nil, "0", "2", "1 2"},
		{"all as wanted", nil, "1", "2", "1 2"},
		{"stricter", nil, "8", "1", "8 2"},
		{"the host's are enough", []string{"ipv4/conf/all/arp_ignore 1", "ipv4/conf/all/arp_announce 2"}, "0", "0", "0 0"},
		{"the host's is not enough", []string{"ipv4/conf/all/arp_announce 1"}, "0", "0", "1 2"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			before := []string{"ipv4/conf/eth0/arp_ignore " + row.ignore, "ipv4/conf/eth0/arp_announce " + row.announce}
			w.set(row.all...)
			w.set(before...)
			w.ensure(link4)
			w.demand("ipv4/conf/eth0/arp_ignore "+row.raised[:1], "ipv4/conf/eth0/arp_announce "+row.raised[2:])
			w.ensure(link4) // after a crash
			w.demand("ipv4/conf/eth0/arp_ignore "+row.raised[:1], "ipv4/conf/eth0/arp_announce "+row.raised[2:])
			w.remove(link4)
			w.demand(before...)
			if w.exists(link4.Name) {
				t.Error("the link is still there")
			}
			w.remove(link4) // gone already
		})
	}
}

var (
	changed   = []string{"ipv4/conf/eth0/arp_ignore 1", "ipv4/conf/eth0/arp_announce 2"}
	unchanged = []string{"ipv4/conf/eth0/arp_ignore 0", "ipv4/conf/eth0/arp_announce 0"}
)

// The last IPv4 link on a parent puts its settings back, whichever that is, and however
// many runs there were.
func TestLinksOnOneParent(t *testing.T) {
	second := macvlan.Link{Name: "vrrp.52", Parent: "eth0", Hardware: "00:00:5e:00:01:34"}
	rows := map[string][2]macvlan.Link{"in order": {link4, second}, "in reverse": {second, link4}}
	for name, order := range rows {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ensure(link6)
			w.demand(unchanged...)
			w.ensure(link4)
			w.ensure(second)
			w.remove(order[0])
			w.demand(changed...)
			w.ensure(order[0])
			w.remove(order[1])
			w.demand(changed...)
			w.remove(order[0])
			w.demand(unchanged...)
			if !w.exists(link6.Name) {
				t.Error("the IPv6 link is gone")
			}
		})
	}
}

// Each parent has its own settings, and its own last link.
func TestLinksOnTwoParents(t *testing.T) {
	w := newWorld(t)
	w.addVeth("eth1")
	w.set("ipv4/conf/eth1/arp_announce 1")
	second := macvlan.Link{Name: "vrrp.52", Parent: "eth1", Hardware: "00:00:5e:00:01:34"}
	w.ensure(link4)
	w.ensure(second)
	w.remove(link4)
	w.demand(unchanged...)
	w.demand("ipv4/conf/eth1/arp_ignore 1", "ipv4/conf/eth1/arp_announce 2")
	w.remove(second)
	w.demand("ipv4/conf/eth1/arp_ignore 0", "ipv4/conf/eth1/arp_announce 1")
}

// What is put back, after somebody has had a hand in it.
func TestParentSettingsMeddledWith(t *testing.T) {
	alias := func(text string) func(*world) {
		return func(w *world) { labtest.Must(w.t, w.h.LinkSetAlias(w.link(link4.Name), text)) }
	}
	rows := []struct {
		name   string
		meddle func(*world)
		want   []string
	}{
		{"crash before the alias was set", func(w *world) {
			alias("")(w)
			w.set(unchanged...)
		}, unchanged},
		{"alias nonsense", alias("uplink"), changed},
		{"alias out of range", alias("vipd: eth0 arp_ignore=9 arp_announce=0"), changed},
		{"alias negative", alias("vipd: eth0 arp_ignore=-1 arp_announce=0"), changed},
		{"alias with more", alias("vipd: eth0 arp_ignore=0 arp_announce=0 mtu=9"), changed},
		{"alias with leading zeros", alias("vipd: eth0 arp_ignore=00 arp_announce=0"), changed},
		{"administrator set it", func(w *world) { w.set("ipv4/conf/eth0/arp_ignore 2") },
			[]string{"ipv4/conf/eth0/arp_ignore 2", "ipv4/conf/eth0/arp_announce 0"}},
		{"interface renamed", func(w *world) {
			labtest.Must(w.t, w.h.LinkSetName(w.link("eth0"), "lan0"))
		}, []string{"ipv4/conf/lan0/arp_ignore 0", "ipv4/conf/lan0/arp_announce 0"}},
		{"interface gone", func(w *world) {
			labtest.Must(w.t, w.h.LinkDel(w.link("eth0")))
		}, nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.ensure(link4)
			row.meddle(w)
			if w.exists("eth0") {
				w.ensure(link4)
			}
			w.remove(link4)
			w.demand(row.want...)
			if w.exists(link4.Name) {
				t.Error("the link is still there")
			}
		})
	}
}

// The alias is for people, too: `ip link show vrrp.51`.
func TestAlias(t *testing.T) {
	w := newWorld(t)
	w.set("ipv4/conf/eth0/arp_announce 1")
	w.ensure(link4)
	w.ensure(link6)
	got := []string{w.link(link4.Name).Attrs().Alias, w.link(link6.Name).Attrs().Alias}
	if got[0] != "vipd: eth0 arp_ignore=0 arp_announce=1" || got[1] != "" {
		t.Errorf("aliases %q", got)
	}
}
