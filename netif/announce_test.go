// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/netif"
)

func anyFrame([]byte) bool { return true }

// gratuitous tells whether a frame is an ARP packet whose sender and target are one.
func gratuitous(frame []byte) bool { return bytes.Equal(frame[28:32], frame[38:42]) }

func TestGratuitousARP(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, etherTypeARP)
	r.hold(t, r.want(t, 4*time.Second, virtual+"/24"))
	r.Announce("web")
	link, err := netlink.LinkByName("eth0")
	check(t, err)
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

// The peer has the address at another hardware address, and learns.
func TestNeighbourLearns(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	link, err := w.peer.Handle().LinkByName("eth0")
	check(t, err)
	ip := netip.MustParseAddr(virtual).AsSlice()
	check(t, w.peer.Handle().NeighSet(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, State: netlink.NUD_STALE, IP: ip,
		HardwareAddr: []byte{2, 0, 0, 0, 0, 99},
	}))
	own, err := netlink.LinkByName("eth0")
	check(t, err)
	c := newCapture(t, w.peer, etherTypeARP)
	r.hold(t, r.want(t, 4*time.Second, virtual+"/24"))
	r.Announce("web")
	c.next(t, gratuitous)
	awaitNeighbour(t, w, link.Attrs().Index, own.Attrs().HardwareAddr.String())
}

// awaitNeighbour waits for the peer's kernel, which handles a frame just after the
// capture sees it.
func awaitNeighbour(t *testing.T, w *world, link int, want string) {
	t.Helper()
	var got []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		list, err := w.peer.Handle().NeighList(link, unix.AF_INET)
		check(t, err)
		got = nil
		for _, n := range list {
			got = append(got, n.IP.String()+" "+n.HardwareAddr.String())
		}
		if slices.Contains(got, virtual+" "+want) {
			return
		}
	}
	t.Errorf("neighbours %q, want %s at %s", got, virtual, want)
}

// The hardware address may change, as a bond's does.
func TestAnnouncesTheHardwareAddressOfNow(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, etherTypeARP)
	r.hold(t, r.want(t, time.Minute, virtual+"/24"))
	link, err := netlink.LinkByName("eth0")
	check(t, err)
	check(t, netlink.LinkSetHardwareAddr(link, []byte{2, 0, 0, 0, 0, 0x77}))
	check(t, netlink.LinkSetMTU(link, 1400)) // told of later
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
	c := newCapture(t, w.peer, etherTypeARP)
	r.Announce("unknown")
	want := r.want(t, 4*time.Second, virtual+"/24")
	r.hold(t, want)
	want.Present = false
	r.Set("web", want)
	r.Announce("web") // wanted no more, whether deleted yet or not
	r.awaitHolding(t, 2)
	r.Announce("web")
	r.Set("last", netif.Want{Addresses: on(want.Addresses[0].Link, "192.0.2.101/24"), Present: true})
	r.awaitHolding(t, 3)
	r.Announce("last")
	if frame := c.next(t, anyFrame); !bytes.Equal(frame[28:32], []byte{192, 0, 2, 101}) {
		t.Errorf("announced %v", frame[28:32])
	}
}

func TestAllAddressesAreAnnounced(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	c := newCapture(t, w.peer, etherTypeARP)
	want := r.want(t, time.Minute)
	for i := range 200 {
		want.Addresses = append(want.Addresses, on(r.last(t, "eth0").Index, fmt.Sprintf("198.51.100.%d/32", i+1))...)
	}
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
	r := start(t, "eth0")
	c := newCapture(t, w.peer, etherTypeARP)
	for _, n := range []int{1, 10, 100} {
		want := r.want(t, time.Minute)
		for i := range n {
			want.Addresses = append(want.Addresses, on(r.last(t, "eth0").Index, fmt.Sprintf("198.51.100.%d/32", i+1))...)
		}
		var held, wire, released []time.Duration
		for range 7 {
			begin := time.Now()
			r.hold(t, want)
			held = append(held, time.Since(begin))
			begin = time.Now()
			r.Announce("web")
			c.next(t, gratuitous)
			wire = append(wire, time.Since(begin))
			for range n - 1 {
				c.next(t, gratuitous)
			}
			gone := want
			gone.Present = false
			begin = time.Now()
			r.set(t, gone)
			released = append(released, time.Since(begin))
		}
		t.Logf("%3d addresses, median of 7: held after %v, first announcement at the peer after %v, released after %v",
			n, median(held), median(wire), median(released))
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
