// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// advert is a datagram from the interface's own address to the group.
func (f family) advert(link int) netif.Datagram {
	return netif.Datagram{
		Link:        link,
		Source:      netip.MustParseAddr(f.own),
		Destination: netip.MustParseAddr(f.group),
		Payload:     []byte{0x31, 51, 254, 1, 0, 100, 0, 0, 192, 0, 2, 100},
	}
}

// capture reads the frames of one type that arrive at the peer's eth0.
type capture struct{ conn *packet.Conn }

func newCapture(t *testing.T, peer *lab.Namespace, etherType int) *capture {
	t.Helper()
	return newCaptureOn(t, peer, "eth0", etherType)
}

func newCaptureOn(t *testing.T, peer *lab.Namespace, ifname string, etherType int) *capture {
	t.Helper()
	var c capture
	labtest.Must(t, peer.Do(func() (err error) {
		ifi, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		c.conn, err = packet.Listen(ifi, packet.Raw, etherType, nil)
		return err
	}))
	t.Cleanup(func() { _ = c.conn.Close() })
	return &c
}

// next returns the next frame that the filter wants.
func (c *capture) next(t *testing.T, wanted func(frame []byte) bool) []byte {
	t.Helper()
	labtest.Must(t, c.conn.SetReadDeadline(time.Now().Add(patience)))
	b := make([]byte, 2048)
	for {
		n, _, err := c.conn.ReadFrom(b)
		labtest.Must(t, err)
		if wanted(b[:n]) {
			return b[:n]
		}
	}
}

// vrrp tells whether a frame is a packet of protocol 112.
func vrrp(frame []byte) bool {
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_IP:
		return frame[14+9] == 112
	case unix.ETH_P_IPV6:
		return frame[14+6] == 112
	}
	return false
}

// speaker is a raw socket of a namespace that sends packets of protocol 112 out of an
// interface.
type speaker struct {
	conn     net.PacketConn
	setLimit func(int) error // TTL or hop limit of unicast
}

func (f family) speaker(t *testing.T, n *lab.Namespace, ifname string) (s speaker) {
	t.Helper()
	labtest.Must(t, n.Do(func() error {
		ifi, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		if f == v4() {
			if s.conn, err = net.ListenPacket("ip4:112", "0.0.0.0"); err != nil {
				return err
			}
			c := ipv4.NewPacketConn(s.conn)
			s.setLimit = c.SetTTL
			return errors.Join(c.SetMulticastInterface(ifi), c.SetMulticastTTL(255))
		}
		if s.conn, err = net.ListenPacket("ip6:112", "::"); err != nil {
			return err
		}
		c := ipv6.NewPacketConn(s.conn)
		s.setLimit = c.SetHopLimit
		return errors.Join(c.SetMulticastInterface(ifi), c.SetMulticastHopLimit(255))
	}))
	t.Cleanup(func() { _ = s.conn.Close() })
	return s
}

func (s speaker) say(t *testing.T, payload, destination string) {
	t.Helper()
	_, err := s.conn.WriteTo([]byte(payload), &net.IPAddr{IP: net.ParseIP(destination)})
	labtest.Must(t, err)
}

func (r *record) awaitPacket(t *testing.T, n int) (p netif.Packet) {
	t.Helper()
	r.await(t, "packet", func() bool {
		if len(r.packets) >= n {
			p = r.packets[n-1]
		}
		return len(r.packets) >= n
	})
	return p
}

func TestAdvertArrives(t *testing.T) { eachFamily(t, testAdvertArrives) }

func testAdvertArrives(t *testing.T, f family) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := f.speaker(t, w.peer, "eth0")
	c.say(t, "hello", f.group)
	want := netif.Packet{
		Link:        r.last(t, "eth0").Index,
		Source:      netip.MustParseAddr(f.peer),
		Destination: netip.MustParseAddr(f.group),
		TTL:         255,
		Payload:     []byte("hello"),
	}
	p := r.awaitPacket(t, 1)
	if f == v6() { // the kernel's choice for the group
		want.Source = linkLocal(t, w.peer)
	}
	demandPacket(t, p, want)

	labtest.Must(t, c.setLimit(64))
	c.say(t, "to you", f.own)
	want.Source, want.Destination = netip.MustParseAddr(f.peer), netip.MustParseAddr(f.own)
	want.TTL, want.Payload = 64, []byte("to you")
	demandPacket(t, r.awaitPacket(t, 2), want)
}

// linkLocal is the link-local address of a namespace's eth0.
func linkLocal(t *testing.T, n *lab.Namespace) netip.Addr {
	t.Helper()
	link, err := n.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	list, err := n.Handle().AddrList(link, netlink.FAMILY_V6)
	labtest.Must(t, err)
	for _, a := range list {
		if ip, _ := netip.AddrFromSlice(a.IP); ip.IsLinkLocalUnicast() {
			return ip
		}
	}
	t.Fatalf("no link-local address among %v", list)
	return netip.Addr{}
}

func demandPacket(t *testing.T, got, want netif.Packet) {
	t.Helper()
	same := got.Link == want.Link && got.Source == want.Source && got.Destination == want.Destination &&
		got.TTL == want.TTL && bytes.Equal(got.Payload, want.Payload)
	if !same {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestIPOptionsAreStripped(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	var fd int
	labtest.Must(t, w.peer.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW, 112)
		return err
	}))
	defer unix.Close(fd)
	labtest.Must(t, unix.SetsockoptString(fd, unix.IPPROTO_IP, unix.IP_OPTIONS, "\x01\x01\x01\x00"))
	labtest.Must(t, unix.Sendto(fd, []byte("after options"), 0, &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 11}}))
	if p := r.awaitPacket(t, 1); string(p.Payload) != "after options" {
		t.Errorf("%q", p.Payload)
	}
}

func TestTooLongIsCut(t *testing.T) {
	rows := []struct {
		family family
		most   int
	}{{v4(), 2048 - 20}, {v6(), 4096}}
	w := newWorld(t)
	r := start(t, "eth0")
	for i, row := range rows {
		c := row.family.speaker(t, w.peer, "eth0")
		c.say(t, strings.Repeat("x", 6000), row.family.own) // in fragments
		c.say(t, "short", row.family.own)
		if p := r.awaitPacket(t, 2*i+1); len(p.Payload) != row.most {
			t.Errorf("%s: %d bytes", row.family.name, len(p.Payload))
		}
		if p := r.awaitPacket(t, 2*i+2); string(p.Payload) != "short" {
			t.Errorf("%s: %d bytes", row.family.name, len(p.Payload))
		}
	}
}

// 255 IPv6 addresses don't fit into one frame.
func TestLongestAdvert(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := v6().speaker(t, w.peer, "eth0")
	c.say(t, strings.Repeat("x", 8+255*16), v6().group)
	if p := r.awaitPacket(t, 1); len(p.Payload) != 8+255*16 {
		t.Errorf("%d bytes", len(p.Payload))
	}
	d := v6().advert(r.last(t, "eth0").Index)
	d.Payload = make([]byte, 8+255*16)
	labtest.Must(t, r.send([]netif.Datagram{d}))
}

func TestOwnPacketsDoNotArrive(t *testing.T) { eachFamily(t, testOwnPacketsDoNotArrive) }

func testOwnPacketsDoNotArrive(t *testing.T, f family) {
	w := newWorld(t)
	r := start(t, "eth0")
	labtest.Must(t, r.send([]netif.Datagram{f.advert(r.last(t, "eth0").Index)}))
	f.speaker(t, w.peer, "eth0").say(t, "later", f.group)
	if p := r.awaitPacket(t, 1); string(p.Payload) != "later" {
		t.Errorf("heard ourselves: %+v", p)
	}
}

// The socket of one interface hears neither multicast nor unicast from the other,
// even when it is sent to that interface's address.
func TestInterfacesDoNotHearEachOther(t *testing.T) { eachFamily(t, testInterfacesDoNotHearEachOther) }

func testInterfacesDoNotHearEachOther(t *testing.T, f family) {
	w := newWorld(t)
	other := newSwitch(t)
	_, err := other.Plug(nil, "eth1", "198.51.100.11/24", "2001:db8:1::11/64")
	labtest.Must(t, err)
	_, err = other.Plug(w.peer, "eth1", "198.51.100.12/24", "2001:db8:1::12/64")
	labtest.Must(t, err)
	labtest.Must(t, w.peer.Do(func() error { return awaitUsableOn("eth1") }))
	second := map[string]string{"IPv4": "198.51.100.11", "IPv6": "2001:db8:1::11"}[f.name]
	r := start(t, "eth0", "eth1")
	zero, one := r.last(t, "eth0").Index, r.last(t, "eth1").Index
	c0, c1 := f.speaker(t, w.peer, "eth0"), f.speaker(t, w.peer, "eth1")
	steps := []struct {
		from              speaker
		text, destination string
		link              int
	}{
		{c0, "multicast 0", f.group, zero},
		{c1, "multicast 1", f.group, one},
		{c0, "unicast 0", f.own, zero},
		{c1, "unicast 1", second, one},
		{c0, "multicast 0", f.group, zero},
	}
	for i, step := range steps {
		step.from.say(t, step.text, step.destination)
		p := r.awaitPacket(t, i+1)
		if p.Link != step.link || string(p.Payload) != step.text {
			t.Errorf("%s to %s: got %+v, want it once, on link %d", step.text, step.destination, p, step.link)
		}
	}
}

// Only the wanted families are heard.
func TestUnwantedFamilyIsNotHeard(t *testing.T) {
	w := newWorld(t)
	r := startWith(t, netif.Config{Followed: netif.Followed{Interfaces: []netif.Interface{{Name: "eth0", IPv4: true}}}})
	r.awaitLink(t, "eth0", func(l netif.Link) bool {
		return l.ListeningIPv4 && !l.ListeningIPv6 && l.Problem == "" && l.Up
	})
	v6().speaker(t, w.peer, "eth0").say(t, "unwanted", v6().group)
	v4().speaker(t, w.peer, "eth0").say(t, "wanted", v4().group)
	if p := r.awaitPacket(t, 1); string(p.Payload) != "wanted" {
		t.Errorf("%+v", p)
	}
}
