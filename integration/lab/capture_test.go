// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/integration/lab/labtest"
)

var (
	testMAC  = net.HardwareAddr{2, 0, 0, 0, 0, 0x11}
	node1    = netip.MustParseAddr("192.0.2.11")
	vipAddr  = netip.MustParseAddr(vip)
	allVRRP  = netip.MustParseAddr("224.0.0.18")
	compared = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
)

// arpFrame is a broadcast ARP packet.
func arpFrame(operation uint16, mac net.HardwareAddr, source, target netip.Addr) []byte {
	var b []byte
	b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	b = append(b, mac...)
	b = append(b, 0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4)
	b = binary.BigEndian.AppendUint16(b, operation)
	b = append(append(b, mac...), source.AsSlice()...)
	return append(append(b, 0, 0, 0, 0, 0, 0), target.AsSlice()...)
}

// advertFrame is a VRRPv3 advert of vrid 51 with one address. Its checksums are
// wrong, and nobody here is to look at them.
func advertFrame(mac net.HardwareAddr, priority byte) []byte {
	b := append([]byte{1, 0, 0x5e, 0, 0, 18}, mac...)
	b = append(b, 0x08, 0x00)
	b = append(b, 0x45, 0xc0, 0, 32, 0, 0, 0, 0, 255, 112, 0, 0)
	b = append(append(b, node1.AsSlice()...), allVRRP.AsSlice()...)
	b = append(b, 0x31, 51, priority, 1, 0, 100, 0, 0)
	return append(b, vipAddr.AsSlice()...)
}

var (
	linkLocal1 = netip.MustParseAddr("fe80::11")
	allVRRP6   = netip.MustParseAddr("ff02::12")
	vip6Addr   = netip.MustParseAddr("2001:db8::100")
)

// ipv6Frame is an IPv6 packet from the first node's link-local address.
func ipv6Frame(next byte, payload ...byte) []byte {
	b := append([]byte{0x33, 0x33, 0, 0, 0, 0x12}, testMAC...)
	b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0, 0, byte(len(payload)), next, 255)
	b = append(append(b, linkLocal1.AsSlice()...), allVRRP6.AsSlice()...)
	return append(b, payload...)
}

// neighborFrame is a message of Neighbor Discovery about the VIP.
func neighborFrame(kind, flags byte, options ...byte) []byte {
	message := append([]byte{kind, 0, 0, 0, flags, 0, 0, 0}, vip6Addr.AsSlice()...)
	return ipv6Frame(58, append(message, options...)...)
}

func TestDecodeIPv6(t *testing.T) {
	other := net.HardwareAddr{0, 0, 0x5e, 0, 2, 51}
	option := func(kind byte) []byte { return append([]byte{kind, 1}, other...) }
	padding := []byte{14, 1, 0, 0, 0, 0, 0, 0} // a nonce
	solicitation := Packet{Kind: NeighborSolicitation, Ethernet: testMAC, MAC: testMAC, Source: linkLocal1, Target: vip6Addr}
	advertisement := Packet{Kind: NeighborAdvertisement, Ethernet: testMAC, MAC: testMAC, Source: vip6Addr, Target: allVRRP6}
	with := func(p Packet, edit func(*Packet)) Packet { edit(&p); return p }
	for name, test := range map[string]struct {
		frame []byte
		want  Packet // the zero Packet: not known
	}{
		"advert": {ipv6Frame(112, 0x31, 51, 254, 1, 0, 20, 0, 0), Packet{Kind: Advert, Ethernet: testMAC, MAC: testMAC,
			Source: linkLocal1, Target: allVRRP6, Version: 3, VRID: 51, Priority: 254, Interval: 200 * time.Millisecond}},
		"advert cut short":   {ipv6Frame(112, 0x31, 51, 254, 1, 0, 20, 0), Packet{}},
		"header cut short":   {ipv6Frame(112)[:53], Packet{}},
		"UDP":                {ipv6Frame(17, make([]byte, 8)...), Packet{}},
		"echo request":       {neighborFrame(128, 0), Packet{}},
		"neighbor cut short": {neighborFrame(135, 0)[:77], Packet{}},
		"solicitation":       {neighborFrame(135, 0), solicitation},
		"with its option":    {neighborFrame(135, 0, option(1)...), with(solicitation, func(p *Packet) { p.MAC = other })},
		"solicited":          {neighborFrame(136, 0x40), with(advertisement, func(p *Packet) { p.Solicited = true })},
		"unsolicited": {neighborFrame(136, 0xa0, append(padding, option(2)...)...), with(advertisement, func(p *Packet) {
			p.MAC, p.Router, p.Override = other, true, true
		})},
		"the source's address in an advertisement": {neighborFrame(136, 0, option(1)...), advertisement},
		"option of length 0":                       {neighborFrame(136, 0, make([]byte, 8)...), advertisement},
		"option cut short":                         {neighborFrame(136, 0, 14, 3, 0, 0, 0, 0, 0, 0), advertisement},
	} {
		got, known := decode(test.frame)
		if known != (test.want.Kind != 0) {
			t.Errorf("%s: known is %v", name, known)
		}
		if diff := cmp.Diff(test.want, got, compared); known && diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDecode(t *testing.T) {
	options := advertFrame(testMAC, 254)
	options[14] = 0x46 // one word of IP options
	options = bytes.Join([][]byte{options[:34], {1, 1, 1, 1}, options[34:]}, nil)
	headless := advertFrame(testMAC, 254)
	headless[14] = 0x40
	arp := func(edit func([]byte)) []byte {
		frame := arpFrame(1, testMAC, node1, vipAddr)
		edit(frame)
		return frame
	}
	advert := Packet{Kind: Advert, Ethernet: testMAC, MAC: testMAC, Source: node1, Target: allVRRP,
		Version: 3, VRID: 51, Priority: 254, Interval: time.Second}
	version2, old := advertFrame(testMAC, 254), advert
	copy(version2[34:], []byte{0x21, 51, 254, 1, 1, 3})
	old.Version, old.Interval = 2, 3*time.Second
	for name, test := range map[string]struct {
		frame []byte
		want  Packet // the zero Packet: not known
	}{
		"nothing":             {nil, Packet{}},
		"half a header":       {make([]byte, 13), Packet{}},
		"IPv6, no more":       {append(make([]byte, 12), 0x86, 0xdd), Packet{}},
		"advert":              {advertFrame(testMAC, 254), advert},
		"advert of VRRPv2":    {version2, old},
		"IP options":          {options, advert},
		"advert cut short":    {advertFrame(testMAC, 254)[:41], Packet{}},
		"IP header cut short": {advertFrame(testMAC, 254)[:33], Packet{}},
		"IP header length 0":  {headless, Packet{}},
		"TCP":                 {append(append(advertFrame(testMAC, 1)[:23], 6), advertFrame(testMAC, 1)[24:]...), Packet{}},
		"ARP request":         {arpFrame(1, testMAC, node1, vipAddr), Packet{Kind: ARPRequest, Ethernet: testMAC, MAC: testMAC, Source: node1, Target: vipAddr}},
		"ARP reply":           {arpFrame(2, testMAC, node1, vipAddr), Packet{Kind: ARPReply, Ethernet: testMAC, MAC: testMAC, Source: node1, Target: vipAddr}},
		"ARP cut short":       {arpFrame(1, testMAC, node1, vipAddr)[:41], Packet{}},
		"reverse ARP":         {arpFrame(3, testMAC, node1, vipAddr), Packet{}},
		"ARP not for IPv4":    {arp(func(b []byte) { b[16] = 0x86 }), Packet{}},
		"ARP, long MACs":      {arp(func(b []byte) { b[18] = 8 }), Packet{}},
	} {
		got, known := decode(test.frame)
		if known != (test.want.Kind != 0) {
			t.Errorf("%s: known is %v", name, known)
		}
		if diff := cmp.Diff(test.want, got, compared); known && diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(advertFrame(testMAC, 254))
	f.Add(arpFrame(1, testMAC, vipAddr, vipAddr))
	f.Add(neighborFrame(136, 0xa0, 2, 1, 0, 0, 0x5e, 0, 2, 51))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if packet, known := decode(frame); known && packet.String() == "" {
			t.Errorf("no text for %s", hex.EncodeToString(frame))
		}
	})
}

func TestPacketText(t *testing.T) {
	for want, packet := range map[string]Packet{
		"advert from 192.0.2.11: version 3, vrid 51, priority 0": {Kind: Advert, Source: node1, Version: 3, VRID: 51},
		"ARP request from 192.0.2.100 at 02:00:00:00:00:11 for 192.0.2.100": {
			Kind: ARPRequest, MAC: testMAC, Source: vipAddr, Target: vipAddr},
		"ARP reply from 192.0.2.11 at 02:00:00:00:00:11 for 192.0.2.100": {
			Kind: ARPReply, MAC: testMAC, Source: node1, Target: vipAddr},
	} {
		if got := packet.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWhatAnnouncesAndWhatAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		packet              Packet
		gratuitous, answers bool
	}{
		"advert":                 {Packet{Kind: Advert, Source: vipAddr, Target: vipAddr}, false, false},
		"ARP request":            {Packet{Kind: ARPRequest, Source: node1, Target: vipAddr}, false, false},
		"gratuitous ARP request": {Packet{Kind: ARPRequest, Source: vipAddr, Target: vipAddr}, true, false},
		"gratuitous ARP reply":   {Packet{Kind: ARPReply, Source: vipAddr, Target: vipAddr}, true, false},
		"ARP reply":              {Packet{Kind: ARPReply, Source: vipAddr, Target: node1}, false, true},
		"of another address":     {Packet{Kind: ARPReply, Source: node1, Target: vipAddr}, false, false},
		"solicitation":           {Packet{Kind: NeighborSolicitation, Source: node1, Target: vipAddr}, false, false},
		"unsolicited":            {Packet{Kind: NeighborAdvertisement, Source: vipAddr}, true, false},
		"solicited":              {Packet{Kind: NeighborAdvertisement, Source: vipAddr, Solicited: true}, false, true},
	} {
		if g, a := test.packet.Gratuitous(), test.packet.Answers(vipAddr); g != test.gratuitous || a != test.answers {
			t.Errorf("%s: gratuitous is %v, answers %v", name, g, a)
		}
	}
}

// The kernel's filter lets through what decode knows, and nothing else.
func TestCaptureOfIPv6(t *testing.T) {
	s := newSwitch(t)
	lb1, _ := plugged(t, s, "lb1", "192.0.2.11/24")
	lb2, _ := plugged(t, s, "lb2", "192.0.2.12/24")
	datagram(t, lb1, lb2, "192.0.2.12:0") // from now on, the interface sends
	c := startCapture(t, lb1)
	frames := [][]byte{
		ipv6Frame(112, 0x31, 51, 254, 1, 0, 20, 0, 0), neighborFrame(128, 0), ipv6Frame(17, make([]byte, 8)...),
		neighborFrame(135, 0), neighborFrame(134, 0), neighborFrame(136, 0), neighborFrame(137, 0),
		advertFrame(testMAC, 254),
	}
	for _, frame := range frames {
		send(t, lb1, int(binary.BigEndian.Uint16(frame[12:])), frame)
	}
	waitPacket(t, c, func(p Packet) bool { return p.Kind == Advert && p.Source == node1 })
	var kinds []Kind
	for _, p := range c.Packets() {
		if p.Ethernet.String() == testMAC.String() {
			kinds = append(kinds, p.Kind)
		}
	}
	if diff := cmp.Diff([]Kind{Advert, NeighborSolicitation, NeighborAdvertisement, Advert}, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func startCapture(t *testing.T, n *Namespace) *Capture {
	t.Helper()
	c, err := StartCapture(n, "eth0")
	labtest.Must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func waitPacket(t *testing.T, c *Capture, match func(Packet) bool) Packet {
	t.Helper()
	p, err := c.Wait(labtest.Patient(t), match)
	labtest.Must(t, err)
	return p
}

func TestCapture(t *testing.T) {
	s := newSwitch(t)
	lb1, _ := plugged(t, s, "lb1", "192.0.2.11/24")
	lb2, _ := plugged(t, s, "lb2", "192.0.2.12/24")
	sender, receiver := startCapture(t, lb1), startCapture(t, lb2)

	before := time.Now()
	datagram(t, lb1, lb2, "192.0.2.12:0") // not recorded, but for its ARP
	send(t, lb1, etherTypeIPv4, advertFrame(testMAC, 7))
	priority := func(p Packet) bool { return p.Kind == Advert && p.Priority == 7 }
	sent, received := waitPacket(t, sender, priority), waitPacket(t, receiver, priority)
	if !sent.Sent || received.Sent {
		t.Errorf("sent: %v at the sender, %v at the receiver", sent.Sent, received.Sent)
	}
	for _, p := range []Packet{sent, received} {
		if p.Time.Before(before) || p.Time.After(time.Now()) {
			t.Errorf("time stamp %v, want one after %v", p.Time, before)
		}
	}
	waitPacket(t, receiver, func(p Packet) bool { return p.Kind == ARPRequest && p.Source == node1 })
	for _, p := range receiver.Packets() {
		if p.Source.Is4() && p.Kind != Advert && p.Source != node1 && p.Target != node1 {
			t.Errorf("recorded %v", p)
		}
	}
}

func TestCaptureSurvivesAPulledCable(t *testing.T) {
	s := newSwitch(t)
	lb1, cable := plugged(t, s, "lb1", "192.0.2.11/24")
	lb2, _ := plugged(t, s, "lb2", "192.0.2.12/24")
	c := startCapture(t, lb1)
	labtest.Must(t, cable.Pull())
	link, _ := eth0(t, lb1)
	labtest.Must(t, lb1.Handle().LinkSetDown(link))
	labtest.Must(t, lb1.Handle().LinkSetUp(link))
	labtest.Must(t, cable.Restore())
	awaitResent(t, c, 9, func() { send(t, lb2, etherTypeIPv4, advertFrame(testMAC, 9)) })
}

// awaitResent sends an advert again and again until it arrives: a port forwards some
// time after its cable is back, and nobody tells when.
func awaitResent(t *testing.T, c *Capture, priority uint8, send func()) {
	t.Helper()
	for range 100 {
		send()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := c.Wait(ctx, func(p Packet) bool { return p.Priority == priority })
		cancel()
		if err == nil {
			return
		}
	}
	t.Fatal("the advert does not arrive")
}

func TestClosedCapture(t *testing.T) {
	s := newSwitch(t)
	lb1, _ := plugged(t, s, "lb1", "192.0.2.11/24")
	c := startCapture(t, lb1)
	labtest.Must(t, c.Close())
	if _, err := c.Wait(labtest.Patient(t), func(Packet) bool { return true }); err == nil {
		t.Error("no error")
	}
	if _, err := StartCapture(lb1, "eth7"); err == nil {
		t.Error("no such interface: no error")
	}
}

func TestFullCapture(t *testing.T) {
	c := newJournal[Packet]()
	c.entries = make([]Packet, maxEntries)
	if c.add(Packet{}) == nil {
		t.Error("no error")
	}
}

// What is taken is forgotten, and makes room; who waits goes on where it was.
func TestTake(t *testing.T) {
	j := newJournal[int]()
	labtest.Must(t, j.add(1))
	labtest.Must(t, j.add(2))
	seen, found := make(chan struct{}), make(chan int)
	go func() {
		three, _ := j.wait(labtest.Patient(t), func(n int) bool {
			if n == 2 {
				close(seen)
			}
			return n == 3
		})
		found <- three
	}()
	<-seen
	if diff := cmp.Diff([]int{1, 2}, j.take()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	labtest.Must(t, j.add(3))
	if got := <-found; got != 3 {
		t.Errorf("waited for 3: %d", got)
	}
	if diff := cmp.Diff([]int{3}, j.take()); diff != "" {
		t.Errorf("the second time (-want +got):\n%s", diff)
	}
	if left := j.take(); len(left) > 0 {
		t.Errorf("taken already: %v", left)
	}
}
