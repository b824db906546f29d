// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/vrrp"
)

const bothFamilies = `routers:
- name: web
  interface: eth0
  vrid: 51
  addresses: [192.0.2.100/24, 2001:db8::100/64]
`

// dual is an interface with both families.
var dual = func() Link {
	l := eth0
	l.Prefixes = append(slices.Clone(l.Prefixes), netip.MustParsePrefix("2001:db8::11/64"), netip.MustParsePrefix("fe80::11/64"))
	return l
}()

// advertIPv6 is what another node sends.
func advertIPv6(vrid, priority uint8) Packet {
	source := netip.MustParseAddr("fe80::12")
	a := vrrp.Advert{
		Version: 3, VRID: vrid, Priority: priority, Interval: time.Second,
		Addresses: []netip.Addr{vrrp.VirtualLinkLocal(vrid), netip.MustParseAddr("2001:db8::100")},
	}
	return Packet{
		Link: 2, Source: source, Destination: vrrp.GroupIPv6, TTL: 255,
		Payload: a.AppendTo(nil, source, vrrp.GroupIPv6),
	}
}

// The two families of a router are two virtual routers, which move together.
func TestBothFamiliesMoveTogether(t *testing.T) {
	s := newStage(t, bothFamilies)
	s.link(eth0) // no link-local address yet
	s.pass(time.Minute)
	s.want("remove web/ipv4 192.0.2.100/24 on 2", "remove web/ipv6 fe80::200:5eff:fe00:233/64 on 2, 2001:db8::100/64 on 2")
	s.link(dual)
	s.pass(time.Second)
	s.hear(advert(51, 254))
	s.pass(3 * time.Second) // IPv6 has heard nobody for long enough, IPv4 has
	s.want()
	s.pass(time.Second)
	s.want(
		"send 254 vrid 51 on 2 from 192.0.2.11", "send 254 vrid 51 on 2 from fe80::11", "renew web/ipv4", "renew web/ipv6",
		"set web/ipv4 192.0.2.100/24 on 2 lease 4s",
		"set web/ipv6 fe80::200:5eff:fe00:233/64 on 2, 2001:db8::100/64 on 2 lease 4s",
		"renew web/ipv4", "renew web/ipv6", "send 254 vrid 51 on 2 from 192.0.2.11", "send 254 vrid 51 on 2 from fe80::11")
	s.hear(advertIPv6(51, 255))
	for _, r := range s.d.snapshot().Routers {
		if r.State != "backup" || r.Phase != "releasing" {
			t.Errorf("%s %s is %s %s", r.Name, r.Family, r.State, r.Phase)
		}
	}
}

// One VRID, two families: each advert goes to its own.
func TestFamiliesWithOneVRID(t *testing.T) {
	s := newStage(t, bothFamilies)
	s.link(dual)
	s.hear(advertIPv6(51, 254))
	status := s.d.snapshot()
	if v4, v6 := status.Routers[0], status.Routers[1]; v4.Family != "ipv4" || v4.Counters.AdvertsReceived != 0 ||
		v6.Family != "ipv6" || v6.Counters.AdvertsReceived != 1 || v6.Active.Source != netip.MustParseAddr("fe80::12") {
		t.Errorf("status %+v", status.Routers)
	}
}

const elsewhere = `routers:
- name: web
  interface: eth0
  vrid: 51
  addresses: [192.0.2.100/24, {address: 198.51.100.1/24, interface: eth1, advertised: false}]
  routes: [default via 203.0.113.1 dev eth2]
`

// A router needs all of its interfaces.
func TestAddressesOnOtherInterfaces(t *testing.T) {
	s := newStage(t, elsewhere)
	s.link(eth0)
	eth1 := Link{Name: "eth1", Index: 3, Up: true}
	eth2 := Link{Name: "eth2", Index: 4, Up: true}
	s.link(eth1)
	if got := s.router("web").Blocked; len(got) != 1 || got[0] != "interface-missing" {
		t.Fatalf("without eth2 blocked by %v", got)
	}
	s.link(eth2)
	s.state("web", "backup")
	s.did = nil
	s.pass(4 * time.Second)
	if want := "set web/ipv4 192.0.2.100/24 on 2, 198.51.100.1/24 on 3, route 0.0.0.0/0 on 4 lease 4s"; !slices.Contains(s.did, want) {
		t.Errorf("did %v, want %s", s.did, want)
	}
	eth1.Up = false
	s.link(eth1)
	if got := s.router("web").Blocked; len(got) != 1 || got[0] != "link-down" {
		t.Errorf("with eth1 down blocked by %v", got)
	}
}

const threeByUnicast = `routers:
- name: web
  interface: eth0
  vrid: 51
  unicast: {lb1: 192.0.2.11, lb2: 192.0.2.12, lb3: 192.0.2.13}
  addresses: [192.0.2.100/24]
`

// The lease stands for an advert that left, to one of the peers at least.
func TestUnicastLease(t *testing.T) {
	s := activeStage(t, threeByUnicast)
	s.sendFail = errors.New("no route to host")
	s.only = netip.MustParseAddr("192.0.2.12")
	s.pass(time.Second)
	s.want("renew web/ipv4", "send 254 vrid 51 on 2 from 192.0.2.11 to 192.0.2.13")
	s.only = netip.Addr{}
	s.pass(time.Second)
	s.want("renew web/ipv4")
	s.pass(time.Second)
	s.want()
	if got := s.router("web").Counters.AdvertsNotSent; got != 5 {
		t.Errorf("%d adverts not sent, want 5", got)
	}
}

// Adverts leave from the configured address, or not at all.
func TestUnicastSource(t *testing.T) {
	s := newStage(t, strings.Replace(threeByUnicast, "192.0.2.11,", "192.0.2.111,", 1))
	s.link(eth0)
	if got := s.router("web").Blocked; len(got) != 1 || got[0] != "no-source-address" {
		t.Errorf("blocked by %v", got)
	}
	both := eth0
	both.Prefixes = append(slices.Clone(eth0.Prefixes), netip.MustParsePrefix("192.0.2.111/24"))
	s.link(both)
	if got := s.router("web").Source; got != "192.0.2.111" {
		t.Errorf("source %s", got)
	}
}

// With a virtual MAC adverts carry it, and the addresses go onto its interface;
// unicast adverts don't.
func TestVirtualMAC(t *testing.T) {
	s := newStage(t, oneRouter+"  virtual_mac: true\n")
	s.link(eth0)
	s.did = nil
	s.pass(3*time.Second + 7812500)
	s.want("send 254 vrid 51 on 2 from 192.0.2.11", "renew web/ipv4",
		"set web/ipv4 192.0.2.100/24 on 2, by vrrp.51 lease 4s") // switches still send its traffic to the old node
	s.post(event{holding: &Holding{Key: "web/ipv4", Held: true}})
	s.want("announce web/ipv4")
	s.pass(10 * time.Millisecond)
	s.want("renew web/ipv4", "send 254 vrid 51 on 2 from 192.0.2.11 by 00:00:5e:00:01:33")
	s = newStage(t, threeByUnicast+"  virtual_mac: true\n")
	s.link(eth0)
	s.pass(4 * time.Second)
	if !slices.Contains(s.did, "send 254 vrid 51 on 2 from 192.0.2.11 to 192.0.2.12") {
		t.Errorf("did %v", s.did)
	}
}
