// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

func render(l netif.Link) string { return fmt.Sprint(l.Prefixes) }

func TestFirstWordOnEachLink(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0", "missing0", "eth0")
	l := r.last(t, "eth0")
	if l.Index == 0 || l.MTU != 1500 || !l.Up || !listening(l) || l.Problem != "" || l.SourceIPv4().String() != v4().own {
		t.Errorf("eth0: %+v", l)
	}
	if n := len(receivers(t)); n != 2 {
		t.Errorf("%d receive sockets for a name given twice", n)
	}
	l = r.last(t, "missing0")
	if l.Index != 0 || l.Up || l.ListeningIPv4 || l.ListeningIPv6 || l.Problem == "" || l.SourceIPv4().IsValid() {
		t.Errorf("missing0: %+v", l)
	}
}

func TestLinkIsFollowed(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0", "lan0")
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	first := link.Attrs().Index

	labtest.Must(t, netlink.LinkSetDown(link))
	l := r.awaitLink(t, "eth0", func(l netif.Link) bool { return !l.Up })
	if !listening(l) || l.Index != first {
		t.Errorf("down: %+v", l)
	}
	labtest.Must(t, netlink.LinkSetName(link, "lan0"))
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.Index == 0 })
	r.awaitLink(t, "lan0", func(l netif.Link) bool { return l.Index == first && listening(l) && !l.Up })
	labtest.Must(t, netlink.LinkSetName(link, "eth0"))
	labtest.Must(t, netlink.LinkSetUp(link))
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.Index == first && listening(l) && l.Up })

	labtest.Must(t, w.cable.Pull())
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return !l.Up && listening(l) })
	labtest.Must(t, w.cable.Restore())
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.Up })
	labtest.Must(t, netlink.LinkSetMTU(link, 1400))
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.MTU == 1400 })

	labtest.Must(t, netlink.LinkDel(link))
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.Index == 0 && !l.ListeningIPv4 && !l.ListeningIPv6 && l.MTU == 0 })
	_, err = w.plug("eth0")
	labtest.Must(t, err)
	l = r.awaitLink(t, "eth0", func(l netif.Link) bool { return listening(l) && l.Up && l.SourceIPv4().IsValid() })
	if l.Index == first {
		t.Fatal("the same index again: the test tests nothing")
	}
	v4().speaker(t, w.peer, "eth0").say(t, "hello", v4().group)
	if p := r.awaitPacket(t, 1); p.Link != l.Index {
		t.Errorf("%+v", p)
	}
	for i, l := range r.links {
		if i > 0 && fmt.Sprint(l) == fmt.Sprint(r.links[i-1]) {
			t.Errorf("told twice: %+v", l)
		}
	}
}

// A port that leaves its bridge is told of as a deleted link of the family AF_BRIDGE.
func TestLeavingABridgeIsNoDeletion(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	link := intoBridge(t)
	labtest.Must(t, netlink.LinkSetNoMaster(link))
	labtest.Must(t, netlink.LinkSetMTU(link, 1400)) // comes after it
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.MTU == 1400 })
	for _, l := range r.links {
		if l.Index == 0 {
			t.Errorf("told gone: %+v", l)
		}
	}
}

// intoBridge makes eth0 a port of a new bridge br0.
func intoBridge(t *testing.T) netlink.Link {
	t.Helper()
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}
	labtest.Must(t, netlink.LinkAdd(bridge))
	t.Cleanup(func() { labtest.Must(t, netlink.LinkDel(bridge)) })
	labtest.Must(t, netlink.LinkSetMaster(link, bridge))
	return link
}

// receivers are the file descriptors of the receive sockets bound to eth0, by their
// domain.
func receivers(t *testing.T) map[int]int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	labtest.Must(t, err)
	fds := make(map[int]int)
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		labtest.Must(t, err)
		device, err := unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE)
		if err == nil && device == "eth0" {
			domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
			labtest.Must(t, err)
			fds[domain] = fd
		}
	}
	return fds
}

// The other family goes on listening.
func TestFailedReceiverIsOpenedAgain(t *testing.T) { eachFamily(t, testFailedReceiverIsOpenedAgain) }

func testFailedReceiverIsOpenedAgain(t *testing.T, f family) {
	w := newWorld(t)
	r := start(t, "eth0")
	fds := receivers(t)
	if len(fds) != 2 {
		t.Fatalf("%d receive sockets", len(fds))
	}
	links, _, _ := r.counts()
	// The peer, where nobody listens, refuses a packet: with RECVERR that is an
	// error of every socket that could have sent it.
	if f == v4() {
		labtest.Must(t, unix.SetsockoptInt(fds[unix.AF_INET], unix.IPPROTO_IP, unix.IP_RECVERR, 1))
	} else {
		labtest.Must(t, unix.SetsockoptInt(fds[unix.AF_INET6], unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1))
	}
	refused := f.advert(r.last(t, "eth0").Index)
	refused.Destination = netip.MustParseAddr(f.peer)
	labtest.Must(t, r.send([]netif.Datagram{refused}))
	r.await(t, "a failure and its end", func() bool {
		after := r.links[links:]
		return len(after) == 2 && after[0].ListeningIPv4 != (f == v4()) && after[0].ListeningIPv6 != (f == v6()) &&
			after[0].Problem != "" && listening(after[1]) && after[1].Problem == ""
	})
	f.speaker(t, w.peer, "eth0").say(t, "hello", f.group)
	r.awaitPacket(t, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !strings.Contains(r.log.String(), "interface=eth0 family="+f.name) {
		t.Errorf("log: %s", &r.log)
	}
}

func TestReceiverThatCannotBeOpened(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth1")
	w.fillFiles(t, func() {
		r.awaitLink(t, "eth1", func(l netif.Link) bool {
			return l.Index != 0 && !l.ListeningIPv4 && !l.ListeningIPv6 && strings.Contains(l.Problem, "too many open files")
		})
	})
	r.awaitLink(t, "eth1", listening)
}

// fillFiles adds the interface eth1 at a time when the process can open no file, and
// calls then before it can again.
func (w *world) fillFiles(t *testing.T, then func()) {
	t.Helper()
	link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "eth1"}}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, handle.LinkDel(link)); handle.Close() })
	var limit unix.Rlimit
	labtest.Must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	none := limit
	none.Cur = 3
	labtest.Must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	defer func() { labtest.Must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)) }()
	labtest.Must(t, handle.LinkAdd(link))
	then()
}

// More changes than the socket holds, while nobody reads: all is read again.
func TestOverrun(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	r.hold(t, r.want(t, time.Minute, v4().wanted(), "192.0.2.101/24"))
	busy, release := make(chan struct{}), make(chan struct{})
	r.mu.Lock()
	r.onLink = func(l netif.Link) {
		if l.MTU == 1400 {
			close(busy)
			<-release
		}
	}
	r.mu.Unlock()
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	labtest.Must(t, netlink.LinkSetMTU(link, 1400))
	<-busy
	flood(t)
	deleteAddress(t, v4().virtual+"/32")
	addAddress(t, "198.51.100.11/24", nil)
	labtest.Must(t, netlink.LinkSetMTU(link, 1300))
	close(release)
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.MTU == 1300 && len(l.Prefixes) == 4 })
	if h := r.awaitHolding(t, 2); !h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	demandAddresses(t, "192.0.2.100/32 tag 112 leased", "192.0.2.101/32 tag 112 leased", "198.51.100.11/24")
	if !strings.Contains(r.log.String(), "no buffer space") {
		t.Errorf("no overrun happened: the test tests nothing; log: %s", &r.log)
	}
}

// flood makes some thousand changes.
func flood(t *testing.T) {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	labtest.Must(t, err)
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	labtest.Must(t, err)
	defer handle.Close()
	a, err := netlink.ParseAddr("127.1.1.1/32")
	labtest.Must(t, err)
	for range 3000 {
		labtest.Must(t, handle.AddrAdd(lo, a))
		labtest.Must(t, handle.AddrDel(lo, a))
	}
}

func TestOpenWithoutPermission(t *testing.T) {
	for _, row := range []struct {
		name       string
		capability uint
	}{{"CAP_NET_ADMIN", unix.CAP_NET_ADMIN}, {"CAP_NET_RAW", unix.CAP_NET_RAW}} {
		t.Run(row.name, func(t *testing.T) {
			runtime.LockOSThread() // and never unlocked: the thread ends with the test
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			var data [2]unix.CapUserData
			labtest.Must(t, unix.Capget(&header, &data[0]))
			data[0].Effective &^= 1 << row.capability
			labtest.Must(t, unix.Capset(&header, &data[0]))
			_, err := netif.Open(netif.Config{})
			if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), row.name) {
				t.Errorf("error %v", err)
			}
		})
	}
}
