// SPDX-License-Identifier: Apache-2.0

package macvlan_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif/macvlan"
)

// hostile are defaults of a host that all new interfaces get.
var hostile = []string{
	"ipv4/conf/default/arp_filter 1", "ipv4/conf/default/proxy_arp 1", "ipv4/conf/default/rp_filter 1",
	"ipv4/conf/default/promote_secondaries 0", "ipv4/conf/all/rp_filter 1", "ipv4/conf/all/forwarding 1",
	"ipv6/conf/default/disable_ipv6 1", "ipv6/conf/default/accept_ra 2", "ipv6/conf/default/autoconf 1",
	"ipv6/conf/default/addr_gen_mode 3",
}

// Each address is answered for once: the virtual one with the virtual MAC, the node's
// own with the physical one, others' not at all.
func TestARPAnswers(t *testing.T) {
	for name, settings := range map[string][]string{"plain host": nil, "hostile defaults": hostile} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.set(settings...)
			w.ensure(link4)
			w.ensure(link6)
			w.set("ipv4/neigh/vrrp.51/proxy_delay 0", "ipv4/neigh/vrrp6.51/proxy_delay 0") // a proxy answers at once
			w.promote(link4.Name, vip+"/32")
			w.promote(link6.Name, vip6+"/128")
			virtual, own := vip+" is at "+link4.Hardware, ownIP+" is at "+w.own.String()
			for _, target := range []string{vip, ownIP, "192.0.2.77", vip} {
				w.send(w.arpRequest(target))
			}
			got := w.collect(w.arpOf(2), virtual, 2)
			slices.Sort(got)
			if want := []string{virtual, virtual, own}; !slices.Equal(got, want) {
				t.Errorf("answers %q, want %q", got, want)
			}
		})
	}
}

// What a neighbour learns from the node's requests is true: they name the node with
// the physical MAC and the virtual address with the virtual one.
func TestARPRequests(t *testing.T) {
	w := newWorld(t)
	w.ensure(link4)
	w.promote(link4.Name, vip+"/32")
	labtest.Must(t, w.h.RouteAdd(&netlink.Route{LinkIndex: w.link(link4.Name).Attrs().Index,
		Dst: &net.IPNet{IP: net.IPv4(198, 51, 100, 0).To4(), Mask: net.CIDRMask(24, 32)}, Scope: netlink.SCOPE_LINK}))
	rows := []struct{ name, source, target, want string }{
		{"from the VIP by the parent", vip, "192.0.2.201", ownIP + " asks at " + w.own.String()},
		{"from the node by the parent", ownIP, "192.0.2.202", ownIP + " asks at " + w.own.String()},
		{"from the VIP by the link", vip, "198.51.100.1", vip + " asks at " + link4.Hardware},
		{"from the node by the link", ownIP, "198.51.100.2", vip + " asks at " + link4.Hardware},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			labtest.Must(t, w.node.Do(func() error { return sendUDP(row.source, row.target) }))
			asks := func(frame []byte) string {
				if text := w.arpOf(1)(frame); text != "" && net.IP(frame[38:42]).String() == row.target {
					if text != row.want {
						t.Errorf("%s, want %s", text, row.want)
					}
					return "asked"
				}
				return ""
			}
			w.collect(asks, "asked", 1)
		})
	}
}

func sendUDP(source, target string) error {
	conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(source)}, &net.UDPAddr{IP: net.ParseIP(target), Port: 9})
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte("?"))
	return errors.Join(err, conn.Close())
}

// A virtual IPv6 address is answered for once, and the Router flag is as the parent
// forwards.
func TestNeighbourAdvertisements(t *testing.T) {
	for name, row := range map[string]struct{ forwarding, flag string }{
		"host": {"0", ""}, "router": {"1", " router"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.set("ipv6/conf/eth0/forwarding " + row.forwarding)
			w.ensure(link4)
			w.ensure(link6)
			w.promote(link4.Name, vip+"/32")
			w.promote(link6.Name, vip6+"/128")
			own := "2001:db8::12"
			w.promote("eth0", own+"/128") // without duplicate detection
			w.awaitSolicited("eth0", own)
			w.awaitSolicited(link6.Name, vip6)
			for _, target := range []string{vip6, own, vip6} {
				w.send(w.solicitation(target))
			}
			virtual := vip6 + " is at " + link6.Hardware + row.flag
			got := w.collect(advertisement, virtual, 2)
			slices.Sort(got)
			want := []string{virtual, virtual, own + " is at " + w.own.String() + row.flag}
			if !slices.Equal(got, want) {
				t.Errorf("answers %q, want %q", got, want)
			}
		})
	}
}

// A link is made down, with no address. Up, it has those that it is given.
func TestNoAddressesOfItsOwn(t *testing.T) {
	for name, settings := range map[string][]string{"plain host": nil, "hostile defaults": hostile} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.set(settings...)
			for _, l := range []macvlan.Link{link4, link6} {
				if index := w.ensure(l); index != w.link(l.Name).Attrs().Index {
					t.Errorf("index %d, is %d", index, w.link(l.Name).Attrs().Index)
				}
				if w.link(l.Name).Attrs().Flags&net.FlagUp != 0 {
					t.Errorf("%s is up", l.Name)
				}
				w.demandAddresses(l.Name)
			}
			w.promote(link4.Name, vip+"/32")
			w.demandAddresses(link4.Name, vip+"/32")
			w.promote(link6.Name, vip6+"/128")
			w.demandAddresses(link6.Name, vip6+"/128")
			w.demand("ipv6/conf/vrrp6.51/accept_ra 0", "ipv6/conf/vrrp6.51/autoconf 0", "ipv4/conf/vrrp.51/promote_secondaries 1")
		})
	}
}

// A router takes and forwards what is sent to the virtual MAC while the link is up, and
// nothing while it is down. Only the parent forwards: the link does as it does.
func TestDownTakesNothing(t *testing.T) {
	w := newWorld(t)
	w.set("ipv4/conf/eth0/forwarding 1", "ipv4/conf/all/rp_filter 1")
	w.ensure(link4)
	virtual := w.link(link4.Name).Attrs().HardwareAddr
	local := w.listenUDP()
	toBoth := func(mac net.HardwareAddr, text string) {
		w.send(ipv4Frame(mac, w.mac, unix.IPPROTO_UDP, clientIP, "203.0.113.9", datagram(text)))
		w.send(ipv4Frame(mac, w.mac, unix.IPPROTO_UDP, clientIP, ownIP, datagram(text)))
	}
	labtest.Must(t, w.h.RouteAdd(&netlink.Route{LinkIndex: w.link("eth0").Attrs().Index, Gw: net.ParseIP(clientIP),
		Dst: &net.IPNet{IP: net.IPv4(203, 0, 113, 0).To4(), Mask: net.CIDRMask(24, 32)}}))
	toBoth(virtual, "down")
	toBoth(w.own, "physical")
	w.promote(link4.Name, vip+"/32")
	toBoth(virtual, "up")

	forwarded := func(frame []byte) string {
		if len(frame) < 42 || slices.Equal(frame[6:12], w.mac) || net.IP(frame[30:34]).String() != "203.0.113.9" {
			return ""
		}
		return string(frame[42:])
	}
	if got := w.collect(forwarded, "up", 1); !slices.Equal(got, []string{"physical", "up"}) {
		t.Errorf("forwarded %q", got)
	}
	if got := receive(t, local, "up"); !slices.Equal(got, []string{"physical", "up"}) {
		t.Errorf("accepted %q", got)
	}
}

// listenUDP listens on the node, where datagrams go.
func (w *world) listenUDP() (conn *net.UDPConn) {
	w.t.Helper()
	labtest.Must(w.t, w.node.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{Port: 4789})
		return err
	}))
	w.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// receive reads texts until the last.
func receive(t *testing.T, conn net.PacketConn, last string) (texts []string) {
	t.Helper()
	labtest.Must(t, conn.SetReadDeadline(time.Now().Add(patience)))
	b := make([]byte, 2048)
	for !slices.Contains(texts, last) {
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			t.Fatalf("waiting for %q, got %q: %v", last, texts, err)
		}
		texts = append(texts, string(b[:n]))
	}
	return texts
}

// While the link is up, the parent still hears adverts of another Active, which have
// the same source MAC. In private mode it would not: that is why the mode is bridge.
func TestParentHearsAnotherActive(t *testing.T) {
	rows := []struct {
		name string
		mode netlink.MacvlanMode
		want []string
	}{
		{"bridge", netlink.MACVLAN_MODE_BRIDGE, []string{"another Active", "fence"}},
		{"private", netlink.MACVLAN_MODE_PRIVATE, []string{"fence"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.ensure(link4)
			w.promote(link4.Name, vip+"/32")
			link := w.link(link4.Name)
			if row.mode != link.(*netlink.Macvlan).Mode {
				labtest.Must(t, w.h.LinkSetMacvlanMode(link, row.mode))
			}
			socket := w.listenAdverts()
			group := net.HardwareAddr{1, 0, 0x5e, 0, 0, 18}
			advert := func(from net.HardwareAddr, text string) {
				w.send(ipv4Frame(group, from, 112, clientIP, "224.0.0.18", []byte(text)))
			}
			advert(link.Attrs().HardwareAddr, "another Active")
			advert(w.mac, "fence")
			if got := receive(t, socket, "fence"); !slices.Equal(got, row.want) {
				t.Errorf("the parent heard %q, want %q", got, row.want)
			}
		})
	}
}

// listenAdverts listens on the node's parent interface, and there alone.
func (w *world) listenAdverts() (conn net.PacketConn) {
	w.t.Helper()
	bind := func(_, _ string, c syscall.RawConn) (err error) {
		controlled := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), "eth0") })
		return errors.Join(controlled, err)
	}
	labtest.Must(w.t, w.node.Do(func() (err error) {
		config := net.ListenConfig{Control: bind}
		if conn, err = config.ListenPacket(context.Background(), "ip4:112", "0.0.0.0"); err != nil {
			return err
		}
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		return ipv4.NewPacketConn(conn).JoinGroup(eth0, &net.IPAddr{IP: net.IPv4(224, 0, 0, 18)})
	}))
	w.t.Cleanup(func() { _ = conn.Close() })
	return conn
}
