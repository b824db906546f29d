// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"vipd/netif"
)

// What IPv6 adds, and both families share.

const etherTypeIPv6 = 0x86dd

// dual follows eth0 for both families, and waits for its link-local address.
func dual(t *testing.T) (*record, netif.Link) {
	t.Helper()
	r := startWith(t, netif.Config{Interfaces: []netif.Interface{{Name: "eth0", IPv4: true, IPv6: true}}})
	return r, r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.SourceIPv6().IsValid() })
}

func advertIPv6(l netif.Link) netif.Datagram {
	return netif.Datagram{
		Link: l.Index, Source: l.SourceIPv6(), Destination: netip.MustParseAddr("ff02::12"),
		Payload: []byte{0x31, 51, 254, 1, 0, 100, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	}
}

func vrrpIPv6(frame []byte) bool { return len(frame) > 54 && frame[14+6] == 112 }

// RFC 9568 §5.1.2, byte by byte; the kernel chooses the flow label.
func TestIPv6AdvertLeaves(t *testing.T) {
	w := newWorld(t)
	r, l := dual(t)
	c := newCapture(t, w.peer, etherTypeIPv6)
	d := advertIPv6(l)
	check(t, r.send([]netif.Datagram{d}))
	frame := c.next(t, vrrpIPv6)
	source := l.SourceIPv6().As16()
	want := "333300000012" + hexMAC(t, l.Hardware) + "86dd" +
		"6c0" + hex.EncodeToString(frame[15:18])[1:] + fmt.Sprintf("%04x", len(d.Payload)) + "70ff" +
		hex.EncodeToString(source[:]) + "ff020000000000000000000000000012" + hex.EncodeToString(d.Payload)
	if got := hex.EncodeToString(frame); got != want {
		t.Errorf("frame\n%s, want\n%s", got, want)
	}
}

func hexMAC(t *testing.T, text string) string {
	t.Helper()
	mac, err := net.ParseMAC(text)
	check(t, err)
	return hex.EncodeToString(mac)
}

// A frame of our own is what the kernel would send, but from another address.
func TestAdvertFromAVirtualMAC(t *testing.T) {
	w := newWorld(t)
	r, l := dual(t)
	for _, tt := range []struct {
		datagram  netif.Datagram
		etherType int
		isVRRP    func([]byte) bool
		mask      []int // octets that the kernel chooses: identification, checksum; flow label
	}{
		{advert(l.Index), etherTypeIPv4, vrrp, []int{18, 19, 24, 25}},
		{advertIPv6(l), etherTypeIPv6, vrrpIPv6, []int{15, 16, 17}},
	} {
		c := newCapture(t, w.peer, tt.etherType)
		check(t, r.send([]netif.Datagram{tt.datagram}))
		want := slices.Clone(c.next(t, tt.isVRRP))
		tt.datagram.Hardware = "00:00:5e:00:01:33"
		check(t, r.send([]netif.Datagram{tt.datagram}))
		got := c.next(t, tt.isVRRP)
		copy(want[6:12], []byte{0, 0, 0x5e, 0, 1, 0x33})
		for _, i := range tt.mask {
			want[i], got[i] = 0, 0
		}
		if !bytes.Equal(got, want) {
			t.Errorf("frame\n%x, want\n%x", got, want)
		}
	}
	for what, change := range map[string]func(*netif.Datagram){
		"unicast":             func(d *netif.Datagram) { d.Destination = netip.MustParseAddr(peerIP) },
		"no hardware address": func(d *netif.Datagram) { d.Hardware = "vrrp.51" },
		"too long":            func(d *netif.Datagram) { d.Payload = make([]byte, 1481) },
		"an unknown link":     func(d *netif.Datagram) { d.Link = 4711 },
	} {
		d := advert(l.Index)
		d.Hardware = "00:00:5e:00:01:33"
		change(&d)
		if r.send([]netif.Datagram{d}) == nil {
			t.Errorf("%s: sent", what)
		}
	}
}

// The header's checksum is right: the peer's kernel delivers the packet.
func TestFrameIsReceived(t *testing.T) {
	w := newWorld(t)
	r, l := dual(t)
	var heard net.PacketConn
	check(t, w.peer.Do(func() (err error) { heard, err = net.ListenPacket("ip4:112", "0.0.0.0"); return err }))
	defer heard.Close()
	d := advert(l.Index)
	d.Hardware, d.Destination = "00:00:5e:00:01:33", netip.MustParseAddr("224.0.0.1") // which every host has joined
	check(t, r.send([]netif.Datagram{d}))
	check(t, heard.SetReadDeadline(time.Now().Add(patience)))
	b := make([]byte, 100)
	if n, _, err := heard.ReadFrom(b); err != nil || !bytes.Equal(b[:n], d.Payload) {
		t.Errorf("received %x, %v", b[:n], err)
	}
}

func TestIPv6AdvertArrives(t *testing.T) {
	w := newWorld(t)
	r, l := dual(t)
	var from netip.Addr
	check(t, w.peer.Do(func() error {
		ifi, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		conn, err := net.ListenPacket("ip6:112", "::")
		if err != nil {
			return err
		}
		defer conn.Close()
		c := ipv6.NewPacketConn(conn)
		for i, to := range []string{"ff02::12", l.SourceIPv6().String(), "ff02::1"} { // the last one is no advert's
			cm := &ipv6.ControlMessage{HopLimit: 255 - i, IfIndex: ifi.Index}
			if _, err := c.WriteTo([]byte("hello"), cm, &net.IPAddr{IP: net.ParseIP(to)}); err != nil {
				return err
			}
		}
		addresses, err := ifi.Addrs()
		for _, a := range addresses {
			if p := netip.MustParsePrefix(a.String()); p.Addr().IsLinkLocalUnicast() {
				from = p.Addr()
			}
		}
		return err
	}))
	r.await(t, "two packets", func() bool { return len(r.packets) >= 2 })
	for i, to := range []string{"ff02::12", l.SourceIPv6().String()} {
		p := r.awaitPacket(t, i+1)
		want := netif.Packet{Link: l.Index, Source: from, Destination: netip.MustParseAddr(to), TTL: uint8(255 - i), Payload: []byte("hello")}
		if fmt.Sprint(p) != fmt.Sprint(want) {
			t.Errorf("%+v, want %+v", p, want)
		}
	}
}

// Never a source address, and no second lost to duplicate address detection.
func TestIPv6Address(t *testing.T) {
	newWorld(t)
	link, err := netlink.LinkByName("eth0")
	check(t, err)
	own, err := netlink.ParseAddr("2001:db8::11/64")
	check(t, err)
	check(t, netlink.AddrAdd(link, own))
	r, l := dual(t)
	w := netif.Want{Addresses: on(l.Index, virtual6+"/64", "2001:db8:1::1/64"), Present: true, Lease: 4 * time.Second}
	r.hold(t, w)
	got := map[string]netlink.Addr{}
	list, err := netlink.AddrList(link, netlink.FAMILY_V6)
	check(t, err)
	for _, a := range list {
		got[a.IPNet.String()] = a
	}
	for _, want := range []string{"2001:db8::100/128", "2001:db8:1::1/64"} { // inside the interface's network, and not
		a, ok := got[want]
		if !ok || a.Protocol != tag || a.PreferedLft != 0 || a.ValidLft < 3 || a.ValidLft > 4 || a.Flags&unix.IFA_F_TENTATIVE != 0 {
			t.Errorf("%s: %+v in %v", want, a, got)
		}
	}
	if last := r.last(t, "eth0"); slices.Contains(last.Prefixes, netip.MustParsePrefix("2001:db8:1::1/64")) {
		t.Errorf("shown as the interface's own: %v", last.Prefixes)
	}
	w.Present = false
	if h := r.set(t, w); h.Err != nil {
		t.Error(h.Err)
	}
	list, err = netlink.AddrList(link, netlink.FAMILY_V6)
	check(t, err)
	if len(list) != 2 {
		t.Errorf("%v stay", list)
	}
}

// RFC 9568 §8.2.2, byte by byte: Override, not Solicited, Router as the interface
// forwards.
func TestUnsolicitedNA(t *testing.T) {
	w := newWorld(t)
	r, l := dual(t)
	c := newCapture(t, w.peer, etherTypeIPv6)
	r.hold(t, netif.Want{Addresses: on(l.Index, virtual6+"/64"), Present: true})
	vip := netip.MustParseAddr(virtual6).As16()
	for _, forwarding := range []string{"0", "1"} {
		sysctl(t, "ipv6/conf/eth0/forwarding", forwarding)
		r.Announce("web")
		frame := c.next(t, func(f []byte) bool { return len(f) > 54 && f[20] == 58 && f[54] == 136 && f[58]&0x40 == 0 })
		flags := map[string]string{"0": "20", "1": "a0"}[forwarding]
		want := "333300000001" + hexMAC(t, l.Hardware) + "86dd" + "60000000" + "0020" + "3aff" +
			hex.EncodeToString(vip[:]) + "ff020000000000000000000000000001" +
			"8800" + hex.EncodeToString(frame[56:58]) + flags + "000000" + hex.EncodeToString(vip[:]) +
			"0201" + hexMAC(t, l.Hardware)
		if got := hex.EncodeToString(frame); got != want {
			t.Errorf("forwarding %s: frame\n%s, want\n%s", forwarding, got, want)
		}
	}
}

func sysctl(t *testing.T, path, value string) {
	t.Helper()
	check(t, writeSysctl(path, value))
}

// The peer has the address at another hardware address, and learns; so the checksum is
// right, too.
func TestNeighbourLearnsIPv6(t *testing.T) {
	w := newWorld(t)
	r, l := dual(t)
	link, err := w.peer.Handle().LinkByName("eth0")
	check(t, err)
	check(t, w.peer.Handle().NeighSet(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, State: netlink.NUD_STALE, IP: net.ParseIP(virtual6),
		HardwareAddr: []byte{2, 0, 0, 0, 0, 99},
	}))
	r.hold(t, netif.Want{Addresses: on(l.Index, virtual6+"/64"), Present: true})
	r.Announce("web")
	awaitTrue(t, "the peer has learned", func() bool {
		list, err := w.peer.Handle().NeighList(link.Attrs().Index, unix.AF_INET6)
		check(t, err)
		return slices.ContainsFunc(list, func(n netlink.Neigh) bool {
			return n.IP.String() == virtual6 && n.HardwareAddr.String() == l.Hardware
		})
	})
}

// A bridge gets another hardware address: hosts hear of it without being asked.
func TestNewHardwareAddressIsAnnounced(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, time.Minute, virtual+"/24"))
	c := newCapture(t, w.peer, etherTypeARP)
	link, err := netlink.LinkByName("eth0")
	check(t, err)
	check(t, netlink.LinkSetHardwareAddr(link, []byte{2, 0, 0, 0, 0, 0x77}))
	check(t, netlink.LinkSetMTU(link, 1400)) // told of, unlike a veth's address
	c.next(t, func(frame []byte) bool {
		return gratuitous(frame) && bytes.Equal(frame[6:12], []byte{2, 0, 0, 0, 0, 0x77}) &&
			bytes.Equal(frame[32:38], make([]byte, 6)) // the kernel's own have a target
	})
}

// What a run before has left on another interface goes, too; what is there for
// another key of this run stays.
func TestLeftoversElsewhere(t *testing.T) {
	w := newWorld(t)
	_, err := w.lan.Plug(nil, "eth1", "198.51.100.11/24")
	check(t, err)
	eth1, err := netlink.LinkByName("eth1")
	check(t, err)
	for _, text := range []string{virtual + "/32", "192.0.2.101/32"} {
		a, err := netlink.ParseAddr(text)
		check(t, err)
		a.Protocol = tag
		check(t, netlink.AddrAdd(eth1, a))
	}
	r := start(t, "eth0", "eth1")
	r.hold(t, netif.Want{Addresses: on(eth1.Attrs().Index, "192.0.2.101/32"), Present: true})
	r.Set("both", netif.Want{Addresses: on(r.last(t, "eth0").Index, virtual+"/24", "192.0.2.101/32")})
	r.awaitHolding(t, 2)
	if got := addresses(t, "eth1"); !slices.Equal(got, []string{"192.0.2.101/32 tag 112", "198.51.100.11/24"}) {
		t.Errorf("eth1 has %q", got)
	}
}

// An address moves from key to key without a moment of absence.
func TestMovesBetweenKeys(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, time.Minute, virtual+"/24")
	r.hold(t, w)
	updates := make(chan netlink.AddrUpdate, 100)
	done := make(chan struct{})
	defer close(done)
	check(t, netlink.AddrSubscribe(updates, done))
	gone := w
	gone.Present = false
	r.mu.Lock()
	r.onHolding = func(h netif.Holding) { // within the keeper: both are done in one pass
		if h.Key == "begin" {
			r.Set("web", gone)
			r.Set("other", w)
		}
	}
	r.mu.Unlock()
	r.Set("begin", netif.Want{})
	r.await(t, "both answers", func() bool { return len(r.holdings) >= 4 })
	demandAddresses(t, "192.0.2.100/32 tag 112 leased")
	addAddress(t, "192.0.2.77/24", nil) // a mark in the stream of updates
	for u := range updates {
		if u.LinkAddress.IP.String() == "192.0.2.77" {
			break
		}
		if u.LinkAddress.IP.String() == virtual && !u.NewAddr {
			t.Error("it was deleted in between")
		}
	}
}

// An administrator's label and scope, as `ip address` shows them.
func TestLabelAndScope(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, 4*time.Second, virtual+"/24")
	w.Addresses[0].Label, w.Addresses[0].Scope = "eth0:web", unix.RT_SCOPE_LINK
	r.hold(t, w)
	link, err := netlink.LinkByName("eth0")
	check(t, err)
	list, err := netlink.AddrList(link, netlink.FAMILY_V4)
	check(t, err)
	for _, a := range list {
		if a.IP.String() == virtual && (a.Label != "eth0:web" || a.Scope != unix.RT_SCOPE_LINK) {
			t.Errorf("label %q, scope %d", a.Label, a.Scope)
		}
	}
	w.Present = false
	if h := r.set(t, w); h.Err != nil {
		t.Error(h.Err)
	}
	demandAddresses(t)
}

const vrrp51 = "vrrp.51"

// virtualMAC is a host with a virtual link on eth0.
func virtualMAC(t *testing.T) *record {
	t.Helper()
	return startWith(t, netif.Config{
		Interfaces:   []netif.Interface{{Name: "eth0", IPv4: true}},
		VirtualLinks: []netif.VirtualLink{{Name: vrrp51, Parent: "eth0", Hardware: "00:00:5e:00:01:33"}},
	})
}

func isUp(t *testing.T, ifname string) bool {
	t.Helper()
	link, err := netlink.LinkByName(ifname)
	check(t, err)
	return link.Attrs().RawFlags&unix.IFF_UP != 0
}

// The virtual link is there before the takeover, up while it has addresses, and gone
// at the end.
func TestVirtualLink(t *testing.T) {
	w := newWorld(t)
	r := virtualMAC(t)
	want := r.want(t, 4*time.Second, virtual+"/24")
	want.VirtualLink, want.Present = vrrp51, false
	if h := r.set(t, want); h.Err != nil {
		t.Fatal(h.Err)
	}
	if isUp(t, vrrp51) {
		t.Error("up before it has addresses")
	}
	want.Present = true
	r.hold(t, want)
	if got := addresses(t, vrrp51); !isUp(t, vrrp51) || !slices.Equal(got, []string{"192.0.2.100/32 tag 112 leased"}) {
		t.Errorf("up: %v, has %q", isUp(t, vrrp51), got)
	}
	demandAddresses(t)
	c := newCapture(t, w.peer, etherTypeARP)
	r.Announce("web")
	frame := c.next(t, gratuitous)
	if want := []byte{0, 0, 0x5e, 0, 1, 0x33}; !bytes.Equal(frame[6:12], want) || !bytes.Equal(frame[22:28], want) {
		t.Errorf("announced from %x by %x", frame[22:28], frame[6:12])
	}
	want.Present = false
	if h := r.set(t, want); h.Err != nil {
		t.Error(h.Err)
	}
	if isUp(t, vrrp51) || len(addresses(t, vrrp51)) > 0 {
		t.Errorf("afterwards up: %v, has %q", isUp(t, vrrp51), addresses(t, vrrp51))
	}
	check(t, r.stop())
	if _, err := netlink.LinkByName(vrrp51); err == nil {
		t.Error("still there after the end")
	}
}

// Somebody sets it down, or deletes it: it comes back.
func TestVirtualLinkIsKept(t *testing.T) {
	newWorld(t)
	r := virtualMAC(t)
	want := r.want(t, time.Minute, virtual+"/24")
	want.VirtualLink = vrrp51
	r.hold(t, want)
	link, err := netlink.LinkByName(vrrp51)
	check(t, err)
	check(t, netlink.LinkSetDown(link))
	awaitTrue(t, "up again", func() bool { return isUp(t, vrrp51) })
	check(t, netlink.LinkDel(link))
	awaitTrue(t, "made again", func() bool {
		link, err := netlink.LinkByName(vrrp51)
		if err != nil {
			return false
		}
		list, err := netlink.AddrList(link, netlink.FAMILY_V4)
		return err == nil && len(list) == 1 && isUp(t, vrrp51)
	})
}

// A link of that name that is another's is never touched, and said.
func TestForeignVirtualLink(t *testing.T) {
	newWorld(t)
	r := virtualMAC(t)
	veth := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: "other"}
	veth.Name = vrrp51
	check(t, netlink.LinkAdd(veth))
	t.Cleanup(func() { _ = netlink.LinkDel(veth) })
	want := r.want(t, time.Minute, virtual+"/24")
	want.VirtualLink = vrrp51
	if h := r.set(t, want); h.Held || h.Err == nil {
		t.Errorf("%+v", h)
	}
	demandAddresses(t)
}

// Routes come after the addresses that they need, come back when somebody deletes
// them, and go before the addresses.
func TestRoutes(t *testing.T) {
	newWorld(t)
	r := startWith(t, netif.Config{Interfaces: []netif.Interface{{Name: "eth0", IPv4: true}}, Routes: true})
	w := r.want(t, time.Minute, virtual+"/24")
	w.Routes = []netif.Route{{
		Destination: netip.MustParsePrefix("203.0.113.0/24"), Gateway: netip.MustParseAddr(peerIP), Source: netip.MustParseAddr(virtual),
	}}
	r.hold(t, w)
	found := func() []netlink.Route {
		list, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: tag}, netlink.RT_FILTER_PROTOCOL)
		check(t, err)
		return list
	}
	if got := found(); len(got) != 1 || got[0].Src.String() != virtual {
		t.Fatalf("routes %v", got)
	}
	check(t, netlink.RouteDel(&found()[0]))
	awaitTrue(t, "the route is back", func() bool { return len(found()) == 1 })
	w.Routes = nil
	r.hold(t, w)
	if got := found(); len(got) != 0 {
		t.Errorf("not wanted any more: %v", got)
	}
	w.Routes = []netif.Route{{Destination: netip.MustParsePrefix("203.0.113.0/24"), Gateway: netip.MustParseAddr("10.9.9.9")}}
	if h := r.set(t, w); h.Held || h.Err == nil {
		t.Errorf("a gateway that is nowhere: %+v", h)
	}
	demandAddresses(t)
}

// awaitTrue waits for what the kernel sends no event for, here.
func awaitTrue(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not %s after %v", what, patience)
		}
	}
}
