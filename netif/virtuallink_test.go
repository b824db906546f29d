// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

const (
	virtualLink = "vrrp.51"
	virtualMAC  = "00:00:5e:00:01:33"
)

// startVirtual starts a host with a virtual link on eth0, which is down.
func startVirtual(t *testing.T) *record {
	t.Helper()
	addVirtualLink(t)
	return startWith(t, netif.Config{Followed: netif.Followed{
		VirtualLinks: []netif.VirtualLink{{Name: virtualLink, Parent: "eth0", Hardware: virtualMAC, IPv6: true}},
	}}, "eth0")
}

func addVirtualLink(t *testing.T) netlink.Link {
	t.Helper()
	parent, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	mac, err := net.ParseMAC(virtualMAC)
	labtest.Must(t, err)
	attributes := netlink.LinkAttrs{Name: virtualLink, ParentIndex: parent.Attrs().Index, HardwareAddr: mac}
	attributes.Group = tag // ours: it is adopted
	labtest.Must(t, netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: attributes, Mode: netlink.MACVLAN_MODE_BRIDGE}))
	link, err := netlink.LinkByName(virtualLink)
	labtest.Must(t, err)
	return link
}

func isUp(t *testing.T, ifname string) bool {
	t.Helper()
	link, err := netlink.LinkByName(ifname)
	labtest.Must(t, err)
	return link.Attrs().Flags&net.FlagUp != 0
}

// virtualWant wants addresses of eth0 on the virtual link.
func (r *record) virtualWant(t *testing.T, prefixes ...string) netif.Want {
	t.Helper()
	w := r.want(t, 4*time.Second, prefixes...)
	w.VirtualLink = virtualLink
	return w
}

func demandOn(t *testing.T, ifname string, up bool, want ...string) {
	t.Helper()
	if got := addresses(t, ifname); !slices.Equal(got, want) {
		t.Errorf("on %s %q, want %q", ifname, got, want)
	}
	if got := isUp(t, ifname); got != up {
		t.Errorf("%s is up: %v", ifname, got)
	}
}

// It goes up before its addresses come, and down after they have gone. That the
// parent has their network counts.
func TestVirtualLinkIsUpWithItsAddresses(t *testing.T) {
	eachFamily(t, testVirtualLinkIsUpWithItsAddresses)
}

func testVirtualLinkIsUpWithItsAddresses(t *testing.T, f family) {
	newWorld(t)
	r := startVirtual(t)
	seen := watchVirtualLink(t)
	w := r.virtualWant(t, f.wanted(), f.outside+f.length)
	r.hold(t, w)
	demandAddresses(t)
	both := []string{f.outside + f.length + " tag 112 leased", f.held()}
	slices.Sort(both)
	demandOn(t, virtualLink, true, both...)
	if got, want := seen(), "up, +, +"; got != want {
		t.Errorf("happened %s, want %s", got, want)
	}
	w.Present = false
	if h := r.set(t, w); h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	demandOn(t, virtualLink, false)
	if got, want := seen(), "-, -, down"; got != want {
		t.Errorf("happened %s, want %s", got, want)
	}
}

// monitor returns a function that reads what the kernel has told of an interface since
// the last call. It tells of a change before it answers it.
func monitor(t *testing.T, ifname string) (told func() []syscall.NetlinkMessage) {
	t.Helper()
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR)
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, socket.Close()) })
	labtest.Must(t, socket.SetReceiveTimeout(&unix.Timeval{Usec: 1000}))
	link, err := netlink.LinkByName(ifname)
	labtest.Must(t, err)
	return func() (of []syscall.NetlinkMessage) {
		for {
			messages, _, err := socket.Receive()
			if errors.Is(err, unix.EAGAIN) {
				return of
			}
			labtest.Must(t, err)
			for _, m := range messages {
				if binary.NativeEndian.Uint32(m.Data[4:]) == uint32(link.Attrs().Index) {
					of = append(of, m)
				}
			}
		}
	}
}

// watchVirtualLink returns a function that tells what has happened to the virtual link
// since the last call: it went up or down, an address that is ours came or went.
func watchVirtualLink(t *testing.T) (happened func() string) {
	t.Helper()
	told, wasUp := monitor(t, virtualLink), isUp(t, virtualLink)
	return func() string {
		var all []string
		for _, m := range told() {
			switch m.Header.Type {
			case unix.RTM_NEWADDR:
				if isTagged(m.Data) {
					all = append(all, "+")
				}
			case unix.RTM_DELADDR:
				if isTagged(m.Data) {
					all = append(all, "-")
				}
			case unix.RTM_NEWLINK:
				if up := binary.NativeEndian.Uint32(m.Data[8:])&unix.IFF_UP != 0; up != wasUp {
					wasUp = up
					all = append(all, map[bool]string{true: "up", false: "down"}[up])
				}
			}
		}
		return strings.Join(all, ", ")
	}
}

// isTagged looks for our IFA_PROTO in an address message.
func isTagged(data []byte) bool {
	return bytes.Contains(data, []byte{5, 0, netlink.IFA_PROTO, 0, tag})
}

// What was on the parent moves when the virtual link is switched on, and back when it
// is switched off.
func TestSwitchedToAVirtualLinkAndBack(t *testing.T) {
	eachFamily(t, testSwitchedToAVirtualLinkAndBack)
}

func testSwitchedToAVirtualLinkAndBack(t *testing.T, f family) {
	newWorld(t)
	addAddress(t, f.other+f.host, ours) // of a run before
	r := startVirtual(t)
	r.hold(t, r.want(t, 4*time.Second, f.wanted()))
	r.hold(t, r.virtualWant(t, f.wanted(), f.otherWanted()))
	r.settle(t)
	demandAddresses(t)
	demandOn(t, virtualLink, true, f.held(), f.otherHeld())
	r.hold(t, r.want(t, 4*time.Second, f.wanted()))
	r.settle(t)
	demandAddresses(t, f.held())
	demandOn(t, virtualLink, false)
}

// What a run before has left: an address, on the virtual link or its parent, and the
// link up.
func TestLeftoversOfAVirtualLink(t *testing.T) { eachFamily(t, testLeftoversOfAVirtualLink) }

func testLeftoversOfAVirtualLink(t *testing.T, f family) {
	newWorld(t)
	r := startVirtual(t)
	link, err := netlink.LinkByName(virtualLink)
	labtest.Must(t, err)
	labtest.Must(t, netlink.LinkSetUp(link))
	for ifname, text := range map[string]string{virtualLink: f.virtual + f.host, "eth0": f.other + f.host} {
		link, err := netlink.LinkByName(ifname)
		labtest.Must(t, err)
		a, err := netlink.ParseAddr(text)
		labtest.Must(t, err)
		ours(a)
		labtest.Must(t, netlink.AddrAdd(link, a))
	}
	w := r.virtualWant(t, f.wanted(), f.otherWanted())
	w.Present = false
	if h := r.set(t, w); h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	demandAddresses(t)
	demandOn(t, virtualLink, false)
}

func TestVirtualLinkSetDownByHandComesBack(t *testing.T) {
	eachFamily(t, testVirtualLinkSetDownByHandComesBack)
}

func testVirtualLinkSetDownByHandComesBack(t *testing.T, f family) {
	newWorld(t)
	r := startVirtual(t)
	r.hold(t, r.virtualWant(t, f.wanted()))
	link, err := netlink.LinkByName(virtualLink)
	labtest.Must(t, err)
	labtest.Must(t, netlink.LinkSetDown(link))
	if h := r.awaitHolding(t, 2); !h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	demandOn(t, virtualLink, true, f.held())
}

// A foreign address on the virtual link stays, and so the link is down again.
func TestForeignOnAVirtualLink(t *testing.T) {
	newWorld(t)
	r := startVirtual(t)
	link, err := netlink.LinkByName(virtualLink)
	labtest.Must(t, err)
	a, err := netlink.ParseAddr(v4().other + "/32")
	labtest.Must(t, err)
	labtest.Must(t, netlink.AddrAdd(link, a))
	h := r.set(t, r.virtualWant(t, v4().wanted(), v4().otherWanted()))
	if h.Held || !errors.Is(h.Err, netif.ErrForeign) || !strings.Contains(h.Err.Error(), virtualLink) {
		t.Errorf("%+v", h)
	}
	demandOn(t, virtualLink, false, v4().other+"/32")
}

// From the virtual hardware address, through the parent.
func TestAnnouncedFromTheVirtualHardwareAddress(t *testing.T) {
	w := newWorld(t)
	r := startVirtual(t)
	c := newCapture(t, w.peer, unix.ETH_P_ALL)
	r.hold(t, r.virtualWant(t, v4().wanted(), v6().wanted()))
	r.Announce("web")
	mac, err := net.ParseMAC(virtualMAC)
	labtest.Must(t, err)
	hardware := hex.EncodeToString(mac)
	want := "ffffffffffff" + hardware + "0806" + "0001" + "0800" + "06" + "04" + "0001" +
		hardware + "c0000264" + hardware + "c0000264"
	frame := c.next(t, func(frame []byte) bool { return bytes.Equal(frame[12:14], []byte{8, 6}) && gratuitous(frame) })
	if got := hex.EncodeToString(frame[:42]); got != want {
		t.Errorf("frame\n%s, want\n%s", got, want)
	}
	demandNA(t, c.next(t, advertises(v6().virtual)), mac, "20000000")
}

// The router's name changes, or its addresses go to another: nothing is deleted and put
// back, the link stays up.
func TestMovesToAnotherKey(t *testing.T) {
	for _, virtual := range []bool{false, true} {
		t.Run(fmt.Sprintf("virtual link %v", virtual), func(t *testing.T) {
			newWorld(t)
			r := startVirtual(t)
			w := r.want(t, time.Minute, v4().wanted(), v6().wanted())
			ifname := "eth0"
			if virtual {
				w.VirtualLink, ifname = virtualLink, virtualLink
			}
			r.hold(t, w)
			for _, order := range []string{"leave web, enter new", "enter web, leave new"} {
				seen, told := watchVirtualLink(t), monitor(t, ifname)
				release := r.holdUp(t)
				gone := w
				gone.Present = false
				sets := []func(){func() { r.Set("web", gone) }, func() { r.Set("new", w) }}
				if strings.HasPrefix(order, "enter") {
					sets = []func(){func() { r.Set("web", w) }, func() { r.Set("new", gone) }}
				}
				for _, set := range sets {
					set()
				}
				release()
				r.settle(t)
				if n := countDeleted(told()); n != 0 {
					t.Errorf("%s: %d addresses were deleted", order, n)
				}
				if strings.Contains(seen(), "down") {
					t.Errorf("%s: the virtual link went down", order)
				}
			}
		})
	}
}

// countDeleted counts deleted addresses.
func countDeleted(messages []syscall.NetlinkMessage) (n int) {
	for _, m := range messages {
		if m.Header.Type == unix.RTM_DELADDR {
			n++
		}
	}
	return n
}

func TestVirtualLinkWithoutHardwareAddress(t *testing.T) {
	for _, hardware := range []string{"", "nonsense", "00:00:5e:00:01:33:00:00"} {
		_, err := netif.Open(netif.Config{Followed: netif.Followed{VirtualLinks: []netif.VirtualLink{{Name: virtualLink, Hardware: hardware}}}})
		if err == nil || !strings.Contains(err.Error(), virtualLink) {
			t.Errorf("%q: error %v", hardware, err)
		}
	}
}
