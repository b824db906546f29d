// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// A segment of a connection that is the other node's never meets an address that does
// not pass it on: our kernel would answer with a RST.
func TestPassesBeforeItHolds(t *testing.T) { eachFamily(t, testPassesBeforeItHolds) }

func testPassesBeforeItHolds(t *testing.T, f family) {
	w := newClientWorld(t, f)
	nftIn(t, w.world.peer, "table inet deaf { chain input { type filter hook input priority 0; meta l4proto tcp drop; }; }")
	r := start(t, "eth0")
	present := r.want(t, time.Minute, f.wanted())
	absent := present
	absent.Present = false
	r.set(t, absent)
	resets := w.sendSegments(t)
	for range 5 {
		r.Pass("web", netif.Passing{Link: present.Addresses[0].Link, Target: netip.MustParseAddr(f.peer)})
		r.hold(t, present)
		w.awaitPassed(t, r)
		r.set(t, absent)
		r.Pass("web", netif.Passing{})
		r.await(t, "the end", func() bool {
			return len(r.passings) > 0 && r.passings[len(r.passings)-1] == netif.PassingState{Key: "web"}
		})
	}
	if n := resets.Load(); n > 0 {
		t.Errorf("%d RSTs", n)
	}
}

// awaitPassed waits until segments have been passed on.
func (w *clientWorld) awaitPassed(t *testing.T, r *record) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		r.mu.Lock()
		r.passed = nil
		r.mu.Unlock()
		r.CountPassed()
		var c netif.Passed
		r.await(t, "the count", func() bool {
			if len(r.passed) > 0 {
				c = r.passed[0]
			}
			return len(r.passed) > 0
		})
		labtest.Must(t, c.Err)
		if c.IPv4.Passed+c.IPv6.Passed >= 5 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing is passed on: %+v", c)
		}
	}
}

// sendSegments has the client send a segment of no connection each tenth of a
// millisecond, straight to our hardware address, and counts the RSTs it gets.
func (w *clientWorld) sendSegments(t *testing.T) *atomic.Int64 {
	t.Helper()
	w.turnToUs(t)
	network, source := "ip4:tcp", clientOf(w.family)
	if w.name == "IPv6" {
		network = "ip6:tcp"
	}
	var conn net.PacketConn
	labtest.Must(t, w.client.Do(func() (err error) {
		conn, err = net.ListenPacket(network, source)
		return err
	}))
	t.Cleanup(func() { conn.Close() })
	target := netip.MustParseAddr(w.virtual)
	segment := ackSegment(netip.MustParseAddr(source), target)
	go func() {
		for {
			if _, err := conn.WriteTo(segment, &net.IPAddr{IP: target.AsSlice()}); err != nil && t.Context().Err() != nil {
				return
			}
			time.Sleep(100 * time.Microsecond) // the pace of the load, no wait for anything
		}
	}()
	resets := &atomic.Int64{}
	go func() {
		const flagRST = 0x04
		for b := make([]byte, 1500); ; {
			n, _, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if n >= 14 && b[13]&flagRST != 0 {
				resets.Add(1)
			}
		}
	}()
	return resets
}

// ackSegment is a TCP header with ACK alone (RFC 9293 §3.1).
func ackSegment(source, destination netip.Addr) []byte {
	b := []byte{0x9c, 0x40, 0x1b, 0x58, 0, 0, 0, 1, 0, 0, 0, 1, 5 << 4, 0x10, 0x10, 0, 0, 0, 0, 0}
	pseudo := append(source.AsSlice(), destination.AsSlice()...)
	pseudo = append(pseudo, 0, 6, 0, byte(len(b))) // in another order, of the same sum
	var sum uint32
	for _, part := range [][]byte{pseudo, b} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(b[16:], ^uint16(sum))
	return b
}

// turnToUs makes the client believe that the virtual address is at our hardware address.
func (w *clientWorld) turnToUs(t *testing.T) {
	t.Helper()
	ours, err := net.InterfaceByName("eth0")
	labtest.Must(t, err)
	eth0, err := w.client.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	labtest.Must(t, w.client.Handle().NeighSet(&netlink.Neigh{
		LinkIndex: eth0.Attrs().Index, IP: net.ParseIP(w.virtual), HardwareAddr: ours.HardwareAddr, State: netlink.NUD_PERMANENT,
	}))
}

// linkLocalOf is the link-local address of a host's eth0.
func linkLocalOf(t *testing.T, n *lab.Namespace) netip.Addr {
	t.Helper()
	eth0, err := n.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	list, err := n.Handle().AddrList(eth0, netlink.FAMILY_V6)
	labtest.Must(t, err)
	for _, a := range list {
		if a.IP.IsLinkLocalUnicast() {
			address, _ := netip.AddrFromSlice(a.IP)
			return address
		}
	}
	t.Fatal("no link-local address")
	return netip.Addr{}
}

// Whom a run that has ended passes on to, the next one finds.
func TestPassedToIsFound(t *testing.T) {
	w := newClientWorld(t, v6())
	r := start(t, "eth0")
	present := r.want(t, time.Minute, w.wanted())
	target := linkLocalOf(t, w.world.peer)
	r.Pass("web", netif.Passing{Link: present.Addresses[0].Link, Target: target.WithZone("eth0")}) // before its addresses are known
	r.hold(t, present)
	r.await(t, "passing", func() bool { return len(r.passings) > 0 })
	if s := r.passings[0]; s != (netif.PassingState{Key: "web", Target: target}) {
		t.Errorf("%+v", s)
	}
	r.Keep()
	labtest.Must(t, r.stop())
	r = start(t, "eth0")
	if found := r.find(t, present); found.PassedTo != target || found.Err != nil {
		t.Errorf("%+v, want %v", found, target)
	}
	present.Addresses = on(present.Addresses[0].Link, w.otherWanted())
	if found := r.find(t, present); found.PassedTo.IsValid() || found.Err == nil {
		t.Errorf("of another address %+v", found)
	}
}
