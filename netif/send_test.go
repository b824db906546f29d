// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// RFC 9568 §5.1: TOS or traffic class, TTL or hop limit and the destination's hardware
// address byte by byte.
func TestAdvertLeaves(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	link := r.last(t, "eth0").Index
	rows := []struct {
		family                    family
		etherType                 int
		destination, hardware, ip string // no hardware address: the peer's
	}{
		{v4(), unix.ETH_P_IP, v4().group, "01005e000012", "45c0002000004000ff70" + "0000" + "c000020b" + "e0000012"},
		{v4(), unix.ETH_P_IP, v4().peer, "", "45c0002000004000ff70" + "0000" + "c000020b" + "c000020c"},
		{v6(), unix.ETH_P_IPV6, v6().group, "333300000012", "6c000000000c70ff" +
			"20010db8000000000000000000000011" + "ff020000000000000000000000000012"},
		{v6(), unix.ETH_P_IPV6, v6().peer, "", "6c000000000c70ff" +
			"20010db8000000000000000000000011" + "20010db8000000000000000000000012"},
	}
	for _, row := range rows {
		c := newCapture(t, w.peer, row.etherType)
		d := row.family.advert(link)
		d.Destination = netip.MustParseAddr(row.destination)
		labtest.Must(t, r.send([]netif.Datagram{d}))
		frame := c.next(t, vrrp)
		if got := hex.EncodeToString(frame[:6]); row.hardware != "" && got != row.hardware {
			t.Errorf("to hardware address %s", got)
		}
		ip := frame[14:]
		if row.family == v4() {
			ip[4], ip[5], ip[10], ip[11] = 0, 0, 0, 0 // identification and checksum: the kernel's
		}
		want := row.ip + "3133fe010064" + "0000" + "c0000264"
		if got := hex.EncodeToString(ip); got != want {
			t.Errorf("%s packet\n%s, want\n%s", row.family.name, got, want)
		}
	}
}

// A frame of our own making is the kernel's, but for the source's hardware address, and
// IPv4's identification, which means nothing in a packet that is never in fragments
// (RFC 6864 §4).
func TestAdvertFromAnotherHardwareAddress(t *testing.T) {
	eachFamily(t, testAdvertFromAnotherHardwareAddress)
}

func testAdvertFromAnotherHardwareAddress(t *testing.T, f family) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, unix.ETH_P_ALL)
	d := f.advert(r.last(t, "eth0").Index)
	labtest.Must(t, r.send([]netif.Datagram{d}))
	want := slices.Clone(c.next(t, vrrp))
	d.Hardware = "00:00:5e:00:01:33"
	copy(want[6:12], []byte{0, 0, 0x5e, 0, 1, 0x33})
	labtest.Must(t, r.send([]netif.Datagram{d}))
	got := c.next(t, vrrp)
	if f == v4() {
		if sum := sumOf(got[14:34]); sum != 0 {
			t.Errorf("the header's checksum is off by %#x", sum)
		}
		copy(want[18:20], got[18:20])
		copy(want[24:26], got[24:26])
	}
	if !bytes.Equal(got, want) {
		t.Errorf("frame\n%x, want\n%x", got, want)
	}
	f.speaker(t, w.peer, "eth0").say(t, "later", f.group)
	if p := r.awaitPacket(t, 1); string(p.Payload) != "later" {
		t.Errorf("heard ourselves: %+v", p)
	}
}

func TestFrameMistakes(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	good := v4().advert(r.last(t, "eth0").Index)
	good.Hardware = "00:00:5e:00:01:33"
	rows := []struct {
		name, part string
		change     func(*netif.Datagram)
	}{
		{"no address", `"nonsense" is no Ethernet address`, func(d *netif.Datagram) { d.Hardware = "nonsense" }},
		{"of eight bytes", "is no Ethernet address", func(d *netif.Datagram) { d.Hardware = "00:00:5e:00:01:33:00:00" }},
		{"unicast", "needs a multicast destination", func(d *netif.Datagram) { d.Destination = netip.MustParseAddr("192.0.2.12") }},
		{"no such interface", "packet socket is not open", func(d *netif.Datagram) { d.Link = 4711 }},
		{"longer than a frame", "1501 bytes are more than the MTU", func(d *netif.Datagram) { d.Payload = make([]byte, 1481) }},
	}
	for _, row := range rows {
		d := good
		row.change(&d)
		if err := r.send([]netif.Datagram{d}); err == nil || !strings.Contains(err.Error(), row.part) {
			t.Errorf("%s: error %v, want one with %q", row.name, err, row.part)
		}
	}
}

func TestFailedDatagramsDoNotHoldUpOthers(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, unix.ETH_P_ALL)
	link := r.last(t, "eth0").Index
	good, good6 := v4().advert(link), v6().advert(link)
	noSource, noLink, strange, mixed, strange6 := good, good, good, good, good6
	noSource.Source = netip.Addr{}
	noLink.Link = 4711
	strange.Source = netip.MustParseAddr("203.0.113.77") // not ours
	strange6.Source = netip.MustParseAddr("2001:db8:7::77")
	mixed.Destination = good6.Destination
	batch := []netif.Datagram{noSource, good, noLink, good6, strange, mixed, strange6}
	for len(batch) < 155 {
		batch = append(batch, good, good6)
	}
	err := r.send(batch)
	for _, part := range []string{
		"source invalid IP", "interface index 4711", "203.0.113.77", "ff02::12 is not of the source's family", "2001:db8:7::77",
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not name %q", err, part)
		}
	}
	for range 150 {
		c.next(t, vrrp)
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	link := r.last(t, "eth0").Index
	batch := slices.Repeat([]netif.Datagram{v4().advert(link), v6().advert(link)}, 8)
	allocations := testing.AllocsPerRun(100, func() {
		r.Send(batch, func(_ int, err error) { t.Error(err) })
	})
	// None without the race detector, which empties the pools of x/net at random.
	if allocations > float64(len(batch)/2) {
		t.Errorf("%v allocations", allocations)
	}
}
