// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
)

func layOut(t *testing.T) *Site {
	t.Helper()
	s, err := NewSite()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, s.Close()) })
	return s
}

func TestSiteHasBothFamilies(t *testing.T) {
	s := layOut(t)
	datagram(t, s.Client.Namespace, s.LB1.Namespace, "192.0.2.11:0")
	datagram(t, s.LB1.Namespace, s.LB2.Namespace, "[2001:db8::12]:0")
}

// Whoever needs a link-local address must not have to wait for it.
func TestSiteHasNoTentativeAddresses(t *testing.T) {
	for _, h := range []*Host{layOut(t).LB1, layOut(t).Client} {
		all, err := h.Handle().AddrList(nil, netlink.FAMILY_V6)
		labtest.Must(t, err)
		var linkLocal int
		for _, a := range all {
			if a.Flags&unix.IFA_F_TENTATIVE != 0 {
				t.Errorf("%s is tentative", a.IP)
			}
			if a.IP.IsLinkLocalUnicast() {
				linkLocal++
			}
		}
		if linkLocal != 1 {
			t.Errorf("%d link-local addresses: %v", linkLocal, all)
		}
	}
}

func TestSiteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s, err := NewSite()
	labtest.Must(t, err)
	var order strings.Builder
	for i := range 3 {
		s.OnClose(func() error { fmt.Fprint(&order, i); return nil })
	}
	labtest.Must(t, os.WriteFile(filepath.Join(s.LB1.Dir, "file"), nil, 0o600))
	labtest.Must(t, s.Close())
	labtest.Must(t, s.Close())
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 || order.String() != "210" {
		t.Errorf("left behind: %v; closed in the order %s", left, order.String())
	}
}

func TestSiteThatCannotBe(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "nowhere"))
	if _, err := NewSite(); err == nil {
		t.Error("no directory: no error")
	}
}

func TestAddHostMistakes(t *testing.T) {
	s := layOut(t)
	if _, err := s.AddHost("lb1", 13); err == nil {
		t.Error("the name of another host: no error")
	}
}

func TestVanishAndReturn(t *testing.T) {
	s := layOut(t)
	labtest.Must(t, s.LB1.Vanish())
	if _, err := s.LB1.Handle().LinkByName(Interface); err == nil {
		t.Error("the interface is there")
	}
	if s.LB1.Vanish() == nil {
		t.Error("it has vanished twice")
	}
	labtest.Must(t, s.LB1.Return())
	datagram(t, s.Client.Namespace, s.LB1.Namespace, "192.0.2.11:0")
	labtest.Must(t, s.LB1.Cable.Cut(true)) // it is the new one
	if s.LB1.Return() == nil {
		t.Error("it has returned twice")
	}
}

func TestAddresses(t *testing.T) {
	s := layOut(t)
	for address, want := range map[string]int{"192.0.2.11": 1, "2001:db8::11": 1, "127.0.0.1": 1, "192.0.2.12": 0} {
		found, err := s.LB1.Addresses(netip.MustParseAddr(address))
		labtest.Must(t, err)
		if len(found) != want {
			t.Errorf("%s: %v", address, found)
		}
	}
}

func TestSysctl(t *testing.T) {
	n := newNamespace(t, "lb1")
	labtest.Must(t, n.Sysctl("net/ipv4/ip_forward", "1"))
	labtest.Must(t, n.Do(func() error {
		value, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
		if string(value) != "1\n" {
			t.Errorf("inside: %q", value)
		}
		return err
	}))
	if value, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward"); err != nil || string(value) != "0\n" {
		t.Errorf("outside: %q, %v", value, err)
	}
	if n.Sysctl("net/ipv4/no_such_thing", "1") == nil {
		t.Error("no error")
	}
}
