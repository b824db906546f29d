// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/netif"
)

const etherTypeIPv4, etherTypeARP = 0x0800, 0x0806

func advert(link int) netif.Datagram {
	return netif.Datagram{
		Link:        link,
		Source:      netip.MustParseAddr(ownIP),
		Destination: netip.MustParseAddr("224.0.0.18"),
		Payload:     []byte{0x31, 51, 254, 1, 0, 100, 0, 0, 192, 0, 2, 100},
	}
}

// capture reads the frames of one type that arrive at the peer's eth0.
type capture struct{ conn *packet.Conn }

func newCapture(t *testing.T, peer *lab.Namespace, etherType int) *capture {
	t.Helper()
	var c capture
	check(t, peer.Do(func() (err error) {
		ifi, err := net.InterfaceByName("eth0")
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
	check(t, c.conn.SetReadDeadline(time.Now().Add(patience)))
	b := make([]byte, 2048)
	for {
		n, _, err := c.conn.ReadFrom(b)
		check(t, err)
		if wanted(b[:n]) {
			return b[:n]
		}
	}
}

func vrrp(frame []byte) bool { return len(frame) > 34 && frame[14+9] == 112 }

// speaker is a raw socket of the peer that sends packets of protocol 112.
func speaker(t *testing.T, n *lab.Namespace, ifname string) *ipv4.PacketConn {
	t.Helper()
	var c *ipv4.PacketConn
	check(t, n.Do(func() error {
		ifi, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		conn, err := net.ListenPacket("ip4:112", "0.0.0.0")
		if err != nil {
			return err
		}
		c = ipv4.NewPacketConn(conn)
		if err := c.SetMulticastInterface(ifi); err != nil {
			return err
		}
		return c.SetMulticastTTL(255)
	}))
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func say(t *testing.T, c *ipv4.PacketConn, payload, destination string) {
	t.Helper()
	_, err := c.WriteTo([]byte(payload), nil, &net.IPAddr{IP: net.ParseIP(destination)})
	check(t, err)
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

// RFC 9568 §5.1.1; TOS and the destination's hardware address byte by byte.
func TestAdvertLeaves(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, etherTypeIPv4)
	check(t, r.send([]netif.Datagram{advert(r.last(t, "eth0").Index)}))
	frame := c.next(t, vrrp)
	if got := hex.EncodeToString(frame[:6]); got != "01005e000012" {
		t.Errorf("to hardware address %s", got)
	}
	ip := frame[14:]
	ip[4], ip[5], ip[6], ip[7], ip[10], ip[11] = 0, 0, 0, 0, 0, 0 // identification, DF, checksum: the kernel's
	want := "45c0002000000000ff700000" + "c000020b" + "e0000012" + "3133fe010064" + "0000" + "c0000264"
	if got := hex.EncodeToString(ip); got != want {
		t.Errorf("IP packet\n%s, want\n%s", got, want)
	}
}

func TestAdvertArrives(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := speaker(t, w.peer, "eth0")
	say(t, c, "hello", "224.0.0.18")
	want := netif.Packet{
		Link:        r.last(t, "eth0").Index,
		Source:      netip.MustParseAddr(peerIP),
		Destination: netip.MustParseAddr("224.0.0.18"),
		TTL:         255,
		Payload:     []byte("hello"),
	}
	demandPacket(t, r.awaitPacket(t, 1), want)

	check(t, c.SetTTL(64))
	say(t, c, "to you", ownIP)
	want.Destination, want.TTL, want.Payload = netip.MustParseAddr(ownIP), 64, []byte("to you")
	demandPacket(t, r.awaitPacket(t, 2), want)
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
	check(t, w.peer.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW, 112)
		return err
	}))
	defer unix.Close(fd)
	check(t, unix.SetsockoptString(fd, unix.IPPROTO_IP, unix.IP_OPTIONS, "\x01\x01\x01\x00"))
	check(t, unix.Sendto(fd, []byte("after options"), 0, &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 11}}))
	if p := r.awaitPacket(t, 1); string(p.Payload) != "after options" {
		t.Errorf("%q", p.Payload)
	}
}

func TestTooLongIsCut(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := speaker(t, w.peer, "eth0")
	say(t, c, strings.Repeat("x", 4000), ownIP) // in fragments
	say(t, c, "short", ownIP)
	if p := r.awaitPacket(t, 1); len(p.Payload) != 2048-20 {
		t.Errorf("%d bytes", len(p.Payload))
	}
	if p := r.awaitPacket(t, 2); string(p.Payload) != "short" {
		t.Errorf("%d bytes", len(p.Payload))
	}
}

func TestOwnPacketsDoNotArrive(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	check(t, r.send([]netif.Datagram{advert(r.last(t, "eth0").Index)}))
	say(t, speaker(t, w.peer, "eth0"), "later", "224.0.0.18")
	if p := r.awaitPacket(t, 1); string(p.Payload) != "later" {
		t.Errorf("heard ourselves: %+v", p)
	}
}

// The socket of one interface hears neither multicast nor unicast from the other,
// even when it is sent to that interface's address.
func TestInterfacesDoNotHearEachOther(t *testing.T) {
	w := newWorld(t)
	other := newSwitch(t)
	_, err := other.Plug(nil, "eth1", "198.51.100.11/24")
	check(t, err)
	_, err = other.Plug(w.peer, "eth1", "198.51.100.12/24")
	check(t, err)
	r := start(t, "eth0", "eth1")
	zero, one := r.last(t, "eth0").Index, r.last(t, "eth1").Index
	c0, c1 := speaker(t, w.peer, "eth0"), speaker(t, w.peer, "eth1")
	steps := []struct {
		from              *ipv4.PacketConn
		text, destination string
		link              int
	}{
		{c0, "multicast 0", "224.0.0.18", zero},
		{c1, "multicast 1", "224.0.0.18", one},
		{c0, "unicast 0", ownIP, zero},
		{c1, "unicast 1", "198.51.100.11", one},
		{c0, "multicast 0", "224.0.0.18", zero},
	}
	for i, step := range steps {
		say(t, step.from, step.text, step.destination)
		p := r.awaitPacket(t, i+1)
		if p.Link != step.link || string(p.Payload) != step.text {
			t.Errorf("%s to %s: got %+v, want it once, on link %d", step.text, step.destination, p, step.link)
		}
	}
}

func TestFailedDatagramsDoNotHoldUpOthers(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, etherTypeIPv4)
	good := advert(r.last(t, "eth0").Index)
	noSource, noLink, strange := good, good, good
	noSource.Source = netip.Addr{}
	noLink.Link = 4711
	strange.Source = netip.MustParseAddr("203.0.113.77") // not ours
	batch := []netif.Datagram{noSource, good, noLink, good, strange}
	for len(batch) < 150 {
		batch = append(batch, good)
	}
	err := r.send(batch)
	for _, part := range []string{"source invalid IP", "interface index 4711", "203.0.113.77"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not name %q", err, part)
		}
	}
	for range 147 {
		c.next(t, vrrp)
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	batch := slices.Repeat([]netif.Datagram{advert(r.last(t, "eth0").Index)}, 16)
	allocations := testing.AllocsPerRun(100, func() {
		r.Send(batch, func(_ int, err error) { t.Error(err) })
	})
	// None without the race detector, which empties the pools of x/net at random.
	if allocations > float64(len(batch)/2) {
		t.Errorf("%v allocations", allocations)
	}
}

// A virtual address is never a source, ours or not, primary or not.
func TestSourceIsNeverVirtual(t *testing.T) {
	newWorld(t)
	deleteAddress(t, ownIP+"/24")
	addAddress(t, "192.0.2.101/24", nil) // virtual by the config; an administrator's, and primary
	r := start(t, "eth0")
	if l := r.last(t, "eth0"); l.SourceIPv4().IsValid() || len(ownIPv4(l)) != 0 {
		t.Errorf("source %v of %v", l.SourceIPv4(), l.Prefixes)
	}
	r.hold(t, r.want(t, 4*time.Second, "203.0.113.1/24")) // ours, not in the config
	addAddress(t, ownIP+"/24", nil)
	addAddress(t, "192.0.2.13/24", nil)
	addAddress(t, "198.51.100.11/24", nil)
	l := r.awaitLink(t, "eth0", func(l netif.Link) bool { return len(ownIPv4(l)) == 3 })
	// The first two came into a network that the virtual address has as its primary.
	if want := "[198.51.100.11/24 192.0.2.11/24 192.0.2.13/24]"; render(l) != want {
		t.Errorf("%v, want %v", render(l), want)
	}
	deleteAddress(t, "192.0.2.101/24") // the kernel makes the next one primary
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.SourceIPv4().String() == ownIP })
}
