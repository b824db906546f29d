// SPDX-License-Identifier: Apache-2.0

package macvlan_test

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"vipd/integration/lab/labtest"
	"vipd/netif/macvlan"
)

// What a run before left is kept as it is, and its settings are made again.
func TestAdoption(t *testing.T) {
	for _, l := range []macvlan.Link{link4, link6} {
		t.Run(l.Name, func(t *testing.T) {
			w := newWorld(t)
			index := w.ensure(l)
			address := map[bool]string{false: vip + "/32", true: vip6 + "/128"}[l.IPv6]
			w.promote(l.Name, address)
			w.set("ipv4/conf/"+l.Name+"/arp_ignore 0", "ipv4/conf/"+l.Name+"/rp_filter 0")
			if again := w.ensure(l); again != index {
				t.Errorf("index %d, was %d", again, index)
			}
			if w.link(l.Name).Attrs().Flags&net.FlagUp == 0 {
				t.Error("it is down")
			}
			w.demandAddresses(l.Name, address)
			w.demand("ipv4/conf/"+l.Name+"/arp_ignore 1", "ipv4/conf/"+l.Name+"/rp_filter 2")
		})
	}
}

// One of ours that is not as it should be is replaced, by one that is down.
func TestReplacement(t *testing.T) {
	rows := map[string]func(w *world, link netlink.Link) macvlan.Link{
		"another MAC": func(*world, netlink.Link) macvlan.Link {
			l := link4
			l.Hardware = "00:00:5e:00:01:34"
			return l
		},
		"another mode": func(w *world, link netlink.Link) macvlan.Link {
			labtest.Must(w.t, w.h.LinkSetMacvlanMode(link, netlink.MACVLAN_MODE_PRIVATE))
			return link4
		},
		"another parent": func(w *world, _ netlink.Link) macvlan.Link {
			w.addVeth("eth1")
			l := link4
			l.Parent = "eth1"
			return l
		},
	}
	for name, change := range rows {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ensure(link4)
			w.promote(link4.Name, vip+"/32")
			l := change(w, w.link(link4.Name))
			w.ensure(l)
			link := w.link(l.Name).(*netlink.Macvlan)
			if link.Flags&net.FlagUp != 0 || link.HardwareAddr.String() != l.Hardware ||
				link.Mode != netlink.MACVLAN_MODE_BRIDGE || link.ParentIndex != w.link(l.Parent).Attrs().Index {
				t.Errorf("is %+v", link)
			}
			w.demandAddresses(l.Name)
			w.remove(l)
			w.demand("ipv4/conf/eth0/arp_ignore 0", "ipv4/conf/eth0/arp_announce 0")
		})
	}
}

// addVeth gives the node one more interface.
func (w *world) addVeth(name string) {
	w.t.Helper()
	veth := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: name + "-far"}
	veth.Name = name
	labtest.Must(w.t, w.h.LinkAdd(veth))
}

// A link that somebody else made stays as it is.
func TestForeignLink(t *testing.T) {
	rows := map[string]func(w *world) netlink.Link{
		"a macvlan": func(w *world) netlink.Link {
			mac, err := net.ParseMAC(link4.Hardware)
			labtest.Must(w.t, err)
			link := &netlink.Macvlan{LinkAttrs: netlink.NewLinkAttrs(), Mode: netlink.MACVLAN_MODE_BRIDGE}
			link.ParentIndex, link.HardwareAddr = w.link("eth0").Attrs().Index, mac
			return link
		},
		"a bridge in our group": func(*world) netlink.Link {
			link := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs()}
			link.Group = 112
			return link
		},
	}
	for name, foreign := range rows {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			link := foreign(w)
			link.Attrs().Name = link4.Name
			labtest.Must(t, w.h.LinkAdd(link))
			if _, err := w.tryEnsure(link4); !errors.Is(err, macvlan.ErrForeign) {
				t.Errorf("error %v", err)
			}
			w.remove(link4)
			if w.link(link4.Name).Attrs().Index != link.Attrs().Index {
				t.Error("it was replaced")
			}
			w.demand("ipv4/conf/eth0/arp_ignore 0", "ipv4/conf/vrrp.51/arp_ignore 0")
		})
	}
}

func TestParentRefused(t *testing.T) {
	w := newWorld(t)
	w.ensure(link4)
	w.addVeth("eth1")
	bridge := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs()}
	bridge.Name = "br0"
	labtest.Must(t, w.h.LinkAdd(bridge))
	w.addVeth("eth2")
	labtest.Must(t, w.h.LinkSetMaster(w.link("eth2"), bridge))
	const prefix = "virtual link vrrp.52 on "
	rows := []struct {
		name, parent, hardware string
		index                  int
		want                   string
	}{
		{"index of another", "eth0", "00:00:5e:00:01:34", w.link("eth1").Attrs().Index,
			"eth0: the interface can't carry a virtual MAC: its index belongs to eth1"},
		{"a macvlan", "vrrp.51", "00:00:5e:00:01:34", w.link("vrrp.51").Attrs().Index,
			"vrrp.51: the interface can't carry a virtual MAC: it is a macvlan itself"},
		{"a bridge's port", "eth2", "00:00:5e:00:01:34", w.link("eth2").Attrs().Index,
			"eth2: create: device or resource busy"},
		{"no such interface", "eth0", "00:00:5e:00:01:34", 999, "eth0: find interface 999: Link not found"},
		{"nonsense as MAC", "eth0", "virtual", w.link("eth0").Attrs().Index,
			"eth0: address virtual: invalid MAC address"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			l := macvlan.Link{Name: "vrrp.52", Parent: row.parent, Hardware: row.hardware}
			err := w.node.Do(func() error {
				_, err := macvlan.Ensure(w.h, l, row.index)
				return err
			})
			if err == nil || err.Error() != prefix+row.want {
				t.Errorf("error %v, want %s", err, prefix+row.want)
			}
			if w.exists(l.Name) {
				t.Error("the link was made")
			}
		})
	}
}

// With such a setting of the whole host, ARP would go wrong whatever the link's own
// are: here is how, and the refusal.
func TestHostSettingsRefused(t *testing.T) {
	rows := []struct {
		setting string
		answers []string // to requests for the VIP, for one behind the parent and for the node
		v6      bool     // whether an IPv6 link goes well with it
	}{
		{"ipv4/conf/all/arp_filter 1", []string{"node"}, true},
		{"ipv4/conf/all/arp_ignore 2", []string{"node"}, false},
		{"ipv4/conf/all/arp_ignore 3", []string{"VIP", "VIP", "node", "node"}, false},
		{"ipv4/conf/all/proxy_arp 1", []string{"VIP", "node", "other"}, false},
	}
	for _, row := range rows {
		t.Run(row.setting, func(t *testing.T) {
			w := newWorld(t)
			w.set("ipv4/conf/all/forwarding 1")
			w.ensure(link4)
			w.ensure(link6)
			w.set("ipv4/neigh/vrrp.51/proxy_delay 0", "ipv4/neigh/vrrp6.51/proxy_delay 0") // a proxy answers at once
			w.promote(link4.Name, vip+"/32")
			w.promote(link6.Name, vip6+"/128")
			w.set(row.setting)
			if got := w.answers(); !slices.Equal(got, row.answers) {
				t.Errorf("answers for %q, want %q", got, row.answers)
			}
			if _, err := w.tryEnsure(link4); !errors.Is(err, macvlan.ErrSetting) {
				t.Errorf("error %v", err)
			}
			if _, err := w.tryEnsure(link6); errors.Is(err, macvlan.ErrSetting) == row.v6 {
				t.Errorf("IPv6: error %v", err)
			}
		})
	}
}

// answers tells for whom ARP answers came. The last word is the IPv6 link's: the kernel
// hands all that is broadcast to the links of a parent in turn.
func (w *world) answers() (names []string) {
	w.t.Helper()
	who := map[string]string{vip: "VIP", ownIP: "node", "192.0.2.77": "other"}
	for _, target := range []string{vip, "192.0.2.77", ownIP} {
		w.send(w.arpRequest(target))
	}
	w.awaitSolicited(link6.Name, vip6)
	w.send(w.solicitation(vip6))
	last := vip6 + " is at " + link6.Hardware
	describe := func(frame []byte) string {
		if w.arpOf(2)(frame) != "" {
			return who[net.IP(frame[28:32]).String()]
		}
		return strings.TrimSuffix(advertisement(frame), " router")
	}
	names = w.collect(describe, last, 1)
	names = names[:len(names)-1]
	slices.Sort(names)
	return names
}
