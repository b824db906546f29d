// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

func anyFrame([]byte) bool { return true }

// gratuitous tells whether a frame is an ARP packet whose sender and target are one.
func gratuitous(frame []byte) bool { return bytes.Equal(frame[28:32], frame[38:42]) }

func TestGratuitousARP(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, unix.ETH_P_ARP)
	r.hold(t, r.want(t, 4*time.Second, v4().wanted()))
	r.Announce("web")
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	mac := hex.EncodeToString(link.Attrs().HardwareAddr)
	want := "ffffffffffff" + mac + "0806" + // Ethernet
		"0001" + "0800" + "06" + "04" + "0001" + // ARP request
		mac + "c0000264" + "000000000000" + "c0000264" // sender, target
	frame := c.next(t, anyFrame)
	if got := hex.EncodeToString(frame[:42]); got != want {
		t.Errorf("frame\n%s, want\n%s", got, want)
	}
	if padding := frame[42:]; !bytes.Equal(padding, make([]byte, len(padding))) {
		t.Errorf("padded with %x", padding)
	}
}

func TestUnsolicitedNA(t *testing.T) {
	for _, row := range []struct{ forwarding, flags string }{{"0", "20000000"}, {"1", "a0000000"}} {
		t.Run("forwarding "+row.forwarding, func(t *testing.T) {
			w := newWorld(t)
			r := start(t, "eth0")
			labtest.Must(t, os.WriteFile("/proc/sys/net/ipv6/conf/eth0/forwarding", []byte(row.forwarding), 0o644))
			c := newCapture(t, w.peer, unix.ETH_P_IPV6)
			r.hold(t, r.want(t, 4*time.Second, v6().wanted()))
			r.Announce("web")
			link, err := netlink.LinkByName("eth0")
			labtest.Must(t, err)
			demandNA(t, c.next(t, advertises(v6().virtual)), link.Attrs().HardwareAddr, row.flags)
		})
	}
}

// demandNA compares an advertisement of the virtual address byte by byte.
func demandNA(t *testing.T, frame []byte, hardware net.HardwareAddr, flags string) {
	t.Helper()
	mac, sum := hex.EncodeToString(hardware), hex.EncodeToString(frame[56:58])
	const ip = "20010db8000000000000000000000100"
	want := "333300000001" + mac + "86dd" + // Ethernet
		"60000000" + "0020" + "3aff" + ip + "ff020000000000000000000000000001" + // IPv6
		"8800" + sum + flags + ip + "0201" + mac // advertisement, target link-layer address
	if got := hex.EncodeToString(frame); got != want {
		t.Errorf("frame\n%s, want\n%s", got, want)
	}
	if got := checksumOf(frame); got != 0 {
		t.Errorf("the checksum is off by %#x", got)
	}
}

// advertises tells whether a frame is an unsolicited neighbour advertisement of ip.
func advertises(ip string) func([]byte) bool {
	target := netip.MustParseAddr(ip).AsSlice()
	return func(frame []byte) bool {
		return len(frame) >= 86 && frame[20] == 58 && frame[54] == 136 && bytes.Equal(frame[62:78], target)
	}
}

// checksumOf sums up an ICMPv6 packet and its pseudo-header (RFC 8200 §8.1): 0 is right.
func checksumOf(frame []byte) uint16 {
	payload := frame[54:]
	return sumOf(slices.Concat(frame[22:54], payload, []byte{0, byte(len(payload)), 0, 58}))
}

// sumOf is RFC 1071's, of an even number of bytes.
func sumOf(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// The peer has the address at another hardware address, and learns.
func TestNeighbourLearns(t *testing.T) { eachFamily(t, testNeighbourLearns) }

func testNeighbourLearns(t *testing.T, f family) {
	w := newWorld(t)
	r := start(t, "eth0")
	link, err := w.peer.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	labtest.Must(t, w.peer.Handle().NeighSet(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, State: netlink.NUD_STALE, IP: net.ParseIP(f.virtual),
		HardwareAddr: []byte{2, 0, 0, 0, 0, 99},
	}))
	own, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	r.hold(t, r.want(t, 4*time.Second, f.wanted()))
	r.Announce("web")
	awaitNeighbour(t, w, link.Attrs().Index, f.virtual+" "+own.Attrs().HardwareAddr.String())
}

// awaitNeighbour waits for the peer's kernel to have learnt: "192.0.2.100 02:…".
func awaitNeighbour(t *testing.T, w *world, link int, want string) {
	t.Helper()
	var got []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		list, err := w.peer.Handle().NeighList(link, unix.AF_UNSPEC)
		labtest.Must(t, err)
		got = nil
		for _, n := range list {
			got = append(got, n.IP.String()+" "+n.HardwareAddr.String())
		}
		if slices.Contains(got, want) {
			return
		}
	}
	t.Errorf("neighbours %q, want %s", got, want)
}

// A bridge takes the hardware address of its ports. What is held on it is announced
// by itself when that changes.
func TestChangedHardwareAddressIsAnnounced(t *testing.T) {
	eachFamily(t, testChangedHardwareAddressIsAnnounced)
}

func testChangedHardwareAddressIsAnnounced(t *testing.T, f family) {
	w := newWorld(t)
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0", HardwareAddr: []byte{2, 0, 0, 0, 0, 0x66}}}
	labtest.Must(t, netlink.LinkAdd(bridge))
	t.Cleanup(func() { labtest.Must(t, netlink.LinkDel(bridge)) })
	port, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	labtest.Must(t, netlink.LinkSetMaster(port, bridge))
	labtest.Must(t, netlink.LinkSetUp(bridge))
	r := start(t, "br0")
	c := newCapture(t, w.peer, unix.ETH_P_ALL)
	r.hold(t, netif.Want{Addresses: on(bridge.Index, f.wanted()), Present: true})
	moved := []byte{2, 0, 0, 0, 0, 0x77}
	labtest.Must(t, netlink.LinkSetHardwareAddr(bridge, moved))
	r.awaitLink(t, "br0", func(l netif.Link) bool { return l.Hardware == "02:00:00:00:00:77" })
	c.next(t, func(frame []byte) bool {
		if f == v6() {
			return bytes.Equal(frame[6:12], moved) && advertises(f.virtual)(frame)
		}
		// The kernel announces addresses then, too: those have a target.
		return bytes.Equal(frame[6:14], append(moved, 8, 6)) && gratuitous(frame) &&
			bytes.Equal(frame[32:38], make([]byte, 6))
	})
}

// The hardware address may change, as a bond's does.
func TestAnnouncesTheHardwareAddressOfNow(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, unix.ETH_P_ARP)
	r.hold(t, r.want(t, time.Minute, v4().wanted()))
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	labtest.Must(t, netlink.LinkSetHardwareAddr(link, []byte{2, 0, 0, 0, 0, 0x77}))
	labtest.Must(t, netlink.LinkSetMTU(link, 1400)) // told of later
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.MTU == 1400 })
	r.Announce("web")
	// Changing it makes the kernel announce addresses, too: those have a target.
	c.next(t, func(frame []byte) bool {
		return gratuitous(frame) && bytes.Equal(frame[6:12], []byte{2, 0, 0, 0, 0, 0x77}) &&
			bytes.Equal(frame[32:38], make([]byte, 6))
	})
}

func TestOnlyWhatIsHeldIsAnnounced(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, unix.ETH_P_ARP)
	r.Announce("unknown")
	want := r.want(t, 4*time.Second, v4().wanted())
	r.hold(t, want)
	want.Present = false
	r.Set("web", want)
	r.Announce("web") // wanted no more, whether deleted yet or not
	r.awaitHolding(t, 2)
	r.Announce("web")
	r.Set("last", r.want(t, 0, v4().otherWanted()))
	r.awaitHolding(t, 3)
	r.Announce("last")
	if frame := c.next(t, anyFrame); !bytes.Equal(frame[28:32], []byte{192, 0, 2, 101}) {
		t.Errorf("announced %v", frame[28:32])
	}
}

// Another node has announced what is silent.
func TestSilentIsNotAnnounced(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, unix.ETH_P_ARP)
	want := r.want(t, time.Minute, v4().wanted())
	r.Set("last", r.want(t, 0, v4().otherWanted()))
	r.awaitHolding(t, 1)
	want.Silent = true
	r.hold(t, want)
	r.Announce("web")
	r.Announce("last")
	if frame := c.next(t, anyFrame); !bytes.Equal(frame[28:32], []byte{192, 0, 2, 101}) {
		t.Errorf("announced %v", frame[28:32])
	}
}

// Each address is announced on its own interface.
func TestAddressesOfSeveralInterfacesAreAnnounced(t *testing.T) {
	w := newWorld(t)
	other := newSwitch(t)
	_, err := other.Plug(nil, "eth1")
	labtest.Must(t, err)
	_, err = other.Plug(w.peer, "eth1")
	labtest.Must(t, err)
	r := start(t, "eth0", "eth1")
	zero, one := newCapture(t, w.peer, unix.ETH_P_ALL), newCaptureOn(t, w.peer, "eth1", unix.ETH_P_ALL)
	want := r.want(t, 4*time.Second, v4().wanted())
	want.Addresses = append(want.Addresses, on(r.last(t, "eth1").Index, v6().wanted())...)
	r.hold(t, want)
	if got := addresses(t, "eth1"); !slices.Equal(got, []string{v6().wanted() + " tag 112 leased"}) {
		t.Errorf("on eth1 %q", got)
	}
	r.Announce("web")
	zero.next(t, func(frame []byte) bool { return bytes.Equal(frame[12:14], []byte{8, 6}) && gratuitous(frame) })
	one.next(t, advertises(v6().virtual))
}

func TestAllAddressesAreAnnounced(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, unix.ETH_P_ARP)
	want := r.want(t, time.Minute, many(200)...)
	r.hold(t, want)
	r.Announce("web")
	for i := range 200 {
		if frame := c.next(t, gratuitous); frame[31] != byte(i+1) {
			t.Fatalf("frame %d announces %v", i, frame[28:32])
		}
	}
}

// Prints what an address costs; asserts nothing about it.
func TestSpeed(t *testing.T) {
	w := newWorld(t)
	r := startVirtual(t)
	c := newCapture(t, w.peer, unix.ETH_P_ALL)
	rows := []struct {
		name string
		want netif.Want
	}{
		{"  1 address", r.want(t, time.Minute, many(1)...)},
		{" 10 addresses", r.want(t, time.Minute, many(10)...)},
		{"100 addresses", r.want(t, time.Minute, many(100)...)},
		{"  1 IPv6 address", r.want(t, time.Minute, v6().wanted())},
		{"  1 address on a virtual link", r.virtualWant(t, many(1)...)},
		{"  1 IPv6 address on a virtual link", r.virtualWant(t, v6().wanted())},
	}
	for _, row := range rows {
		var held, wire, released []time.Duration
		for range 7 {
			h, a, g := r.cycle(t, c, row.want)
			held, wire, released = append(held, h), append(wire, a), append(released, g)
		}
		t.Logf("%s, median of 7: held after %v, first announcement at the peer after %v, released after %v",
			row.name, median(held), median(wire), median(released))
	}
}

// cycle holds, announces and releases, and tells how long each took.
func (r *record) cycle(t *testing.T, c *capture, want netif.Want) (held, wire, released time.Duration) {
	t.Helper()
	announced := func(frame []byte) bool {
		return bytes.Equal(frame[12:14], []byte{8, 6}) && gratuitous(frame) || advertises(v6().virtual)(frame)
	}
	begin := time.Now()
	r.hold(t, want)
	held = time.Since(begin)
	begin = time.Now()
	r.Announce("web")
	c.next(t, announced)
	wire = time.Since(begin)
	for range len(want.Addresses) - 1 {
		c.next(t, announced)
	}
	want.Present = false
	begin = time.Now()
	r.set(t, want)
	return held, wire, time.Since(begin)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// many makes n IPv4 addresses.
func many(n int) (prefixes []string) {
	for i := range n {
		prefixes = append(prefixes, fmt.Sprintf("198.51.100.%d/32", i+1))
	}
	return prefixes
}
