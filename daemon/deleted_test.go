// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

var virtual = netip.MustParseAddr("192.0.2.100")

// deleted is what the network says when it has put an address back.
func (s *stage) deleted() {
	s.post(event{holding: &Holding{Key: "web/ipv4", Held: true, Added: []netip.Addr{virtual}, PutBack: true}})
}

// One deletion is a line. Three within a minute are a remark with the likely culprit,
// until there was none for a minute.
func TestDeletedAgainAndAgain(t *testing.T) {
	s := activeStage(t, oneRouter)
	for range 2 {
		s.deleted()
		s.want("announce web/ipv4 192.0.2.100")
		s.pass(100 * time.Millisecond)
		s.did = nil
	}
	if n := strings.Count(s.log.String(), "somebody else deleted"); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
	if r := s.router("web"); r.DeletedByOthers != "" || r.Counters.Deletions != 2 {
		t.Errorf("after two: %+v", r)
	}
	s.deleted()
	s.want("managers of eth0 for web/ipv4", "announce web/ipv4 192.0.2.100")
	s.post(event{managers: &Managers{Key: "web/ipv4", Managers: []string{"systemd-networkd manages eth0", "so does dhcpcd"}}})
	s.deleted()
	s.want("announce web/ipv4 192.0.2.100") // and asks nothing
	if r := s.router("web"); r.State != "active" || !strings.HasSuffix(r.DeletedByOthers, ": systemd-networkd manages eth0; so does dhcpcd") {
		t.Errorf("status %+v", r)
	}
	if n := strings.Count(s.log.String(), "again and again"); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
	s.pass(deletionTime + time.Second)
	if r := s.router("web"); r.DeletedByOthers != "" || r.Counters.Deletions != 4 || r.Counters.BecameActive != 1 {
		t.Errorf("a minute later: %+v", r)
	}
	s.post(event{managers: &Managers{Key: "nobody's"}})
}

func TestUnknownCulprit(t *testing.T) {
	s := activeStage(t, oneRouter)
	for range 3 {
		s.deleted()
	}
	s.post(event{managers: &Managers{Key: "web/ipv4"}})
	if got := s.router("web").DeletedByOthers; !strings.Contains(got, "no network manager is known") {
		t.Errorf("status: %s", got)
	}
}

// A virtual MAC's address, and one on another interface: the right one is asked about.
func TestManagersOfTheInterface(t *testing.T) {
	const yaml = `routers:
- name: web
  interface: eth0
  vrid: 51
  virtual_mac: true
  addresses: [192.0.2.100/24, {address: 198.51.100.1/24, interface: eth1}]
`
	s := newStage(t, yaml)
	s.link(eth0)
	inside := eth0
	inside.Name, inside.Index = "eth1", 3
	s.link(inside)
	f := s.d.family("web/ipv4")
	for ip, want := range map[string]string{"192.0.2.100": "vrrp.51", "198.51.100.1": "eth1"} {
		if got := f.linkOf(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s is on %s, want %s", ip, got, want)
		}
	}
}

// Addresses that go with their interface are nobody's fault.
func TestInterfaceExcusesDeletions(t *testing.T) {
	s := activeStage(t, oneRouter)
	down := eth0
	down.Up = false
	for range 3 {
		s.deleted()
		s.link(down)
		s.link(eth0)
		s.pass(5 * time.Second)
		s.held("web/ipv4")
	}
	if strings.Contains(strings.Join(s.did, "\n"), "managers") || s.router("web").DeletedByOthers != "" {
		t.Errorf("did %v", s.did)
	}
}
