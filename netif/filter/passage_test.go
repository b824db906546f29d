// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
	"vipd/netif/filter"
)

// passage is a LAN on which we have taken the virtual address over from the peer, who
// keeps it on its loopback interface. The client's neighbour entry says where it turns to.
type passage struct {
	*world
	family
	client *lab.Namespace
	r      *running
	link   int // our eth0
}

func newPassage(t *testing.T, f family) *passage {
	t.Helper()
	p := &passage{world: newWorld(t), family: f}
	client, err := lab.NewNamespace("client")
	labtest.Must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	p.client = client
	labtest.Must(t, client.Do(withoutDAD))
	_, err = p.lan.Plug(client, "eth0", "192.0.2.50/24", "2001:db8::50/64")
	labtest.Must(t, err)
	p.awaitWay(t)
	eth0, err := net.InterfaceByName("eth0")
	labtest.Must(t, err)
	p.link = eth0.Index
	lo, err := p.world.peer.Handle().LinkByName("lo")
	labtest.Must(t, err)
	ip := net.ParseIP(f.virtual)
	address := &netlink.Addr{IPNet: netlink.NewIPNet(ip), Flags: unix.IFA_F_NODAD}
	labtest.Must(t, p.world.peer.Handle().AddrAdd(lo, address))
	p.turnTo(t, p.peerHardware(t))
	return p
}

// awaitWay waits until the client has a way to the virtual address: over IPv6 it has none
// before its carrier is there.
func (p *passage) awaitWay(t *testing.T) {
	t.Helper()
	labtest.Await(t, func() error {
		_, err := p.client.Handle().RouteGet(net.ParseIP(p.virtual))
		return err
	})
}

// start runs a filter that passes on to the peer.
func (p *passage) start(t *testing.T) *running {
	t.Helper()
	p.r = run(t)
	p.pass()
	p.await(t)
	return p.r
}

// pass refreshes that.
func (p *passage) pass() {
	p.r.Pass("a", filter.Passing{Addresses: addresses(p.virtual), Target: p.peerOwn(), Link: p.link})
}

func (p *passage) peerOwn() netip.Addr { return netip.MustParseAddr(p.family.peer) }

// await waits until the table is there, with the peer's hardware address.
func (p *passage) await(t *testing.T) {
	t.Helper()
	hardware := p.peerHardware(t).String()
	for !strings.Contains(list(p.table()), hardware) {
		if _, _, err := p.r.changes.Receive(); err != nil {
			t.Fatalf("nothing changes any more (%v), and the table is\n%s\nlog: %s", err, list(p.table()), p.r.log)
		}
	}
}

func (p *passage) table() string {
	if p.name == "IPv4" {
		return "ip vipd"
	}
	return "ip6 vipd"
}

func (p *passage) peerHardware(t *testing.T) net.HardwareAddr {
	t.Helper()
	return p.world.link.Attrs().HardwareAddr
}

func (p *passage) ourHardware(t *testing.T) net.HardwareAddr {
	t.Helper()
	eth0, err := net.InterfaceByName("eth0")
	labtest.Must(t, err)
	return eth0.HardwareAddr
}

// turnTo makes the client believe that the virtual address is at a hardware address.
func (p *passage) turnTo(t *testing.T, hardware net.HardwareAddr) {
	t.Helper()
	eth0, err := p.client.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	labtest.Must(t, p.client.Handle().NeighSet(&netlink.Neigh{
		LinkIndex: eth0.Attrs().Index, IP: net.ParseIP(p.virtual), HardwareAddr: hardware, State: netlink.NUD_PERMANENT,
	}))
}

// serve answers each line on a port of the virtual address, in a namespace or here.
func (p *passage) serve(t *testing.T, n *lab.Namespace, port int) net.Listener {
	t.Helper()
	var l net.Listener
	listen := func() (err error) {
		l, err = net.Listen("tcp", net.JoinHostPort(p.virtual, fmt.Sprint(port)))
		return err
	}
	if n != nil {
		labtest.Must(t, n.Do(listen))
	} else {
		labtest.Must(t, listen())
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go io.Copy(c, c)
		}
	}()
	return l
}

func (p *passage) connect(t *testing.T, port int) *labtest.Conversation {
	t.Helper()
	return p.connectFrom(t, 0, port)
}

// connectFrom is connect from a port of the client's.
func (p *passage) connectFrom(t *testing.T, own, port int) *labtest.Conversation {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{Port: own}}
	return labtest.Converse(t, p.client, dialer, net.JoinHostPort(p.virtual, fmt.Sprint(port)))
}

func (p *passage) counters(t *testing.T) filter.PassCounters {
	t.Helper()
	ipv4, ipv6, err := p.r.Counters()
	labtest.Must(t, err)
	if p.name == "IPv4" {
		return ipv4
	}
	return ipv6
}

// peerNFT runs a script in the peer's namespace.
func (w *world) peerNFT(t *testing.T, script string) {
	t.Helper()
	labtest.Must(t, w.peer.Do(func() error { nft(t, script); return nil }))
}

// states are what was told of passing.
type states struct {
	mu   sync.Mutex // guards what follows
	all  []filter.PassingState
	more chan struct{}
}

func (s *states) add(state filter.PassingState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, state)
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// state takes what was told up to the first that fits.
func (r *running) state(t *testing.T, fits func(filter.PassingState) bool) filter.PassingState {
	t.Helper()
	for deadline := time.After(patience); ; {
		r.states.mu.Lock()
		for len(r.states.all) > 0 {
			first := r.states.all[0]
			r.states.all = r.states.all[1:]
			if fits(first) {
				r.states.mu.Unlock()
				return first
			}
		}
		r.states.mu.Unlock()
		select {
		case <-r.states.more:
		case <-deadline:
			t.Fatalf("nothing is told; log: %s", r.log)
		}
	}
}

// behindRouter is a host behind a router whose MTU on our side is small. It lets routers
// make fragments.
func (p *passage) behindRouter(t *testing.T, mtu int) *lab.Namespace {
	t.Helper()
	beyond, err := lab.NewSwitch()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, beyond.Close()) })
	router, err := lab.NewNamespace("router")
	labtest.Must(t, err)
	t.Cleanup(func() { _ = router.Close() })
	far, err := lab.NewNamespace("far")
	labtest.Must(t, err)
	t.Cleanup(func() { _ = far.Close() })
	_, err = p.lan.Plug(router, "eth0", "192.0.2.60/24")
	labtest.Must(t, err)
	_, err = beyond.Plug(router, "eth1", "198.51.100.1/24")
	labtest.Must(t, err)
	_, err = beyond.Plug(far, "eth0", "198.51.100.2/24")
	labtest.Must(t, err)
	eth0, err := router.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	labtest.Must(t, errors.Join(
		router.Handle().LinkSetMTU(eth0, mtu),
		router.Sysctl("net/ipv4/ip_forward", "1"),
		far.Sysctl("net/ipv4/ip_no_pmtu_disc", "1"),
		far.Handle().RouteAdd(&netlink.Route{Gw: net.IPv4(198, 51, 100, 1)}),
		netlink.RouteAdd(&netlink.Route{
			Dst: &net.IPNet{IP: net.IPv4(198, 51, 100, 0), Mask: net.CIDRMask(24, 32)},
			Gw:  net.IPv4(192, 0, 2, 60),
			MTU: mtu, // a veth drops what is larger than its peer takes, unless it is GSO's
		})))
	return far
}
