// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// What a run that was killed leaves goes; what the administrator has set stays.
func TestRelease(t *testing.T) {
	newWorld(t)
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	index := link.Attrs().Index
	leave(t, index, v4().virtual+"/32", tag, 60)
	leave(t, index, v6().virtual+"/128", tag, 60)
	leave(t, index, "192.0.2.101/32", 0, 0)    // wanted, and the administrator's
	leave(t, index, "192.0.2.102/32", tag, 60) // of another configuration
	ours := netif.Route{Destination: netip.MustParsePrefix("198.51.100.0/24"), Type: unix.RTN_BLACKHOLE}
	others := netif.Route{Destination: netip.MustParsePrefix("203.0.113.0/24"), Type: unix.RTN_BLACKHOLE}
	for r, protocol := range map[netif.Route]string{ours: "112", others: "static"} {
		run(t, "ip", "route", "add", "blackhole", r.Destination.String(), "proto", protocol)
		t.Cleanup(func() { _ = exec.Command("ip", "route", "del", "blackhole", r.Destination.String()).Run() })
	}
	run(t, "ip", "link", "add", "vrrp.51", "link", "eth0", "group", "112", "type", "macvlan", "mode", "bridge")
	run(t, "ip", "link", "add", "vrrp.52", "link", "eth0", "type", "macvlan", "mode", "bridge")
	for _, table := range []string{"inet vipd", "arp vipd", "inet firewall"} {
		run(t, "nft", append([]string{"add", "table"}, strings.Fields(table)...)...)
	}
	leftovers := netif.Leftovers{
		Addresses: []netip.Addr{netip.MustParseAddr(v4().virtual), netip.MustParseAddr(v6().virtual), netip.MustParseAddr("192.0.2.101")},
		Routes:    []netif.Route{ours, others},
		VirtualLinks: []netif.VirtualLink{
			{Name: "vrrp.51", Parent: "eth0", Hardware: "00:00:5e:00:01:33"},
			{Name: "vrrp.52", Parent: "eth0", Hardware: "00:00:5e:00:01:34"},
		},
	}
	for _, want := range [][]string{{v4().virtual + "/32 from eth0", v6().virtual + "/128 from eth0"}, nil} { // and once more
		removed, err := netif.Release(leftovers)
		if err != nil || !slices.Equal(removed, want) {
			t.Errorf("removed %v, %v, want %v", removed, err, want)
		}
	}
	for _, left := range []struct{ what, is string }{
		{run(t, "ip", "-o", "address", "show", "dev", "eth0"), "192.0.2.101/32 192.0.2.102/32"},
		{run(t, "ip", "route"), "203.0.113.0/24"},
		{run(t, "ip", "-o", "link"), "vrrp.52"},
		{run(t, "nft", "list", "tables"), "firewall"},
	} {
		for _, word := range strings.Fields(left.is) {
			if !strings.Contains(left.what, word) {
				t.Errorf("%s is gone:\n%s", word, left.what)
			}
		}
		for _, gone := range []string{v4().virtual + "/", v6().virtual, "198.51.100.0/24", "vrrp.51", "vipd"} {
			if strings.Contains(left.what, gone) {
				t.Errorf("%s is still there:\n%s", gone, left.what)
			}
		}
	}
}

// leave adds an address as a run before has left it; 0 seconds are for ever.
func leave(t *testing.T, link int, prefix string, tag, seconds int) {
	t.Helper()
	a, err := netlink.ParseAddr(prefix)
	labtest.Must(t, err)
	a.Protocol, a.ValidLft, a.PreferedLft = tag, seconds, seconds
	eth0, err := netlink.LinkByIndex(link)
	labtest.Must(t, err)
	labtest.Must(t, netlink.AddrAdd(eth0, a))
}

// run runs a program in the test's namespace, and returns what it says.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return string(out)
}
