// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// Hosts as they are: with several interfaces, routes, a bridge, a packet filter.

// reconfigure changes a node's configuration before vipd starts there.
func (s *site) reconfigure(t *testing.T, old, new string) {
	t.Helper()
	for _, n := range []*node{s.lb1, s.lb2} {
		text := n.config(s.election, ifname)
		if !strings.Contains(text, old) {
			t.Fatalf("no %q in the configuration", old)
		}
		n.configure(t, strings.Replace(text, old, new, 1))
	}
}

func (s *site) start(t *testing.T) {
	t.Helper()
	s.lb1.startVipd(t)
	s.lb2.startVipd(t)
	labtest.Await(t, func() error { return s.look(s.lb1) })
}

// hasInside tells what is wrong with what a router brings to the inside network.
func (n *node) hasInside(wanted bool) error {
	addresses, err := n.host.Addresses(netip.MustParseAddr("198.51.100.100"))
	if err != nil {
		return err
	}
	for _, a := range addresses {
		if a.Label != "eth1:in" {
			return fmt.Errorf("has the inside address with the label %q", a.Label)
		}
	}
	routes, err := n.host.Handle().RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: 112}, netlink.RT_FILTER_PROTOCOL)
	if err == nil && (len(addresses) == 1 && len(routes) == 1) != wanted {
		err = fmt.Errorf("has inside %v, routes %v, want them: %v", addresses, routes, wanted)
	}
	return err
}

// An address on another interface, not advertised, and a route by it come and go with
// the VIP; without the interface the node is not Active.
func TestInsideAddressAndRoute(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	inside, err := lab.NewSwitch()
	labtest.Must(t, err)
	t.Cleanup(func() { inside.Close() })
	cables := map[*node]*lab.Cable{}
	for i, n := range []*node{s.lb1, s.lb2} {
		cables[n], err = inside.Plug(n.host.Namespace, "eth1", fmt.Sprintf("198.51.100.1%d/24", i+1))
		labtest.Must(t, err)
	}
	s.reconfigure(t, "addresses: ["+lab.VIP4+"]", `addresses:
  - `+lab.VIP4+`
  - {address: 198.51.100.100/24, interface: eth1, advertised: false, label: "eth1:in"}
  routes: [203.0.113.0/24 via 198.51.100.254 dev eth1 src 198.51.100.100]`)
	s.start(t)
	settled := func(has, hasNot *node) func() error {
		return func() error {
			if err := has.hasInside(true); err != nil {
				return fmt.Errorf("%s %w", has.host.Name(), err)
			}
			if err := hasNot.hasInside(false); err != nil {
				return fmt.Errorf("%s %w", hasNot.host.Name(), err)
			}
			return s.look(has)
		}
	}
	labtest.Await(t, settled(s.lb1, s.lb2))
	labtest.Must(t, cables[s.lb1].Pull())
	labtest.Await(t, settled(s.lb2, s.lb1))
	labtest.Must(t, cables[s.lb1].Restore())
	labtest.Await(t, settled(s.lb1, s.lb2))
	labtest.Must(t, s.lb1.vipd.Stop())
	labtest.Await(t, settled(s.lb2, s.lb1))
}

// A router on a bridge, with a virtual MAC and without: many hosts have their address
// there.
func TestOnABridge(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{"physical MAC": "", "virtual MAC": "\n  virtual_mac: true"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := build(t, quick, haproxy)
			for _, n := range []*node{s.lb1, s.lb2} {
				labtest.Must(t, n.moveToBridge())
			}
			s.reconfigure(t, "interface: "+ifname, "interface: br0"+more)
			s.start(t)
			p := watch(t, s)
			p.quiet(t, s.lb1, steady)
			all := p.judge(t, []window{p.see(t, s, s.lb1.vipd.Stop, s.lb2), p.see(t, s, s.lb1.vipd.Restart, s.lb1)})
			t.Logf("lost 1 ms probes at stop and return: %s", lost(all))
			for _, got := range all {
				if got.lost > maxLostByVirtualMAC {
					t.Errorf("%d probes lost, limit %d", got.lost, maxLostByVirtualMAC)
				}
			}
		})
	}
}

// moveToBridge puts the node's interface into a bridge, which takes its address.
func (n *node) moveToBridge() error {
	h := n.host.Handle()
	bridge := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs()}
	bridge.Name = "br0"
	if err := h.LinkAdd(bridge); err != nil {
		return err
	}
	port, err := h.LinkByName(ifname)
	if err != nil {
		return err
	}
	if err := h.LinkSetMaster(port, bridge); err != nil {
		return err
	}
	address, err := netlink.ParseAddr(networks[n.host.Name()].String())
	if err != nil {
		return err
	}
	if err := h.AddrDel(port, address); err != nil {
		return err
	}
	if err := h.AddrAdd(bridge, address); err != nil {
		return err
	}
	return h.LinkSetUp(bridge)
}

// Accept_Mode off: the address is found, and not answered. After a crash the next
// daemon replaces the rules, after a stop there are none.
func TestAcceptOff(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	s.reconfigure(t, "addresses:", "accept: false\n  addresses:")
	s.start(t)
	w := watchNeighbour(t, s.client, vip.Addr())
	refused := func() error {
		if s.client.Do(func() error { return connect(vip.Addr()) }) == nil {
			return fmt.Errorf("a connection to the VIP is accepted")
		}
		return nil
	}
	labtest.Must(t, refused())
	knows(t, w, s.lb1.mac(t).String(), time.Time{})
	if err := s.client.Do(func() error { return connect(s.lb1.address()) }); err != nil {
		t.Errorf("the node's own address: %v", err)
	}
	labtest.Must(t, s.lb1.vipd.Kill())
	labtest.Must(t, s.lb1.vipd.Restart())
	labtest.Await(t, func() error { return s.look(s.lb1) })
	labtest.Must(t, refused())
	labtest.Must(t, s.lb1.vipd.Stop())
	if tables := s.lb1.nftables(t); strings.Contains(tables, "vipd") {
		t.Errorf("after a stop there is %s", tables)
	}
}

// Somebody starts a second vipd by hand: it says what is wrong, and the first one's
// addresses and rules are not touched.
func TestSecondDaemonTouchesNothing(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	s.reconfigure(t, "addresses:", "accept: false\n  virtual_mac: true\n  addresses:")
	s.start(t)
	tables := s.lb1.nftables(t)
	if !strings.Contains(tables, "inet vipd") {
		t.Fatalf("there is no table: %s", tables)
	}
	answer := s.lb1.command(t, "run", "--config", s.lb1.configFile(), "--state", s.lb1.host.Dir)
	if answer.code != 1 || !strings.Contains(answer.stderr, "another vipd answers on it") {
		t.Errorf("%+v", answer)
	}
	if now := s.lb1.nftables(t); now != tables {
		t.Errorf("the tables were %s, and are %s", tables, now)
	}
	labtest.Must(t, s.look(s.lb1))
}

// connect opens a connection to a web server, with little patience.
func connect(address netip.Addr) error {
	conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(address, 80).String(), 300*time.Millisecond)
	if err == nil {
		conn.Close()
	}
	return err
}
