// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
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
	check(t, err)
	t.Cleanup(func() { _ = client.Close() })
	p.client = client
	check(t, client.Do(withoutDAD))
	_, err = p.lan.Plug(client, "eth0", "192.0.2.50/24", "2001:db8::50/64")
	check(t, err)
	eth0, err := net.InterfaceByName("eth0")
	check(t, err)
	p.link = eth0.Index
	lo, err := p.world.peer.Handle().LinkByName("lo")
	check(t, err)
	ip := net.ParseIP(f.virtual)
	address := &netlink.Addr{IPNet: netlink.NewIPNet(ip), Flags: unix.IFA_F_NODAD}
	check(t, p.world.peer.Handle().AddrAdd(lo, address))
	p.turnTo(t, p.peerHardware(t))
	return p
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
	check(t, err)
	return eth0.HardwareAddr
}

// turnTo makes the client believe that the virtual address is at a hardware address.
func (p *passage) turnTo(t *testing.T, hardware net.HardwareAddr) {
	t.Helper()
	eth0, err := p.client.Handle().LinkByName("eth0")
	check(t, err)
	check(t, p.client.Handle().NeighSet(&netlink.Neigh{
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
		check(t, n.Do(listen))
	} else {
		check(t, listen())
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

// dialed is a connection of the client's.
type dialed struct {
	net.Conn
	lines *bufio.Reader
}

func (p *passage) connect(t *testing.T, port int) *dialed {
	t.Helper()
	var c net.Conn
	check(t, p.client.Do(func() (err error) {
		c, err = net.DialTimeout("tcp", net.JoinHostPort(p.virtual, fmt.Sprint(port)), patience)
		return err
	}))
	t.Cleanup(func() { c.Close() })
	check(t, c.SetDeadline(time.Now().Add(patience)))
	return &dialed{c, bufio.NewReader(c)}
}

func (d *dialed) exchange(text string) error {
	if _, err := io.WriteString(d, text+"\n"); err != nil {
		return err
	}
	got, err := d.lines.ReadString('\n')
	if err == nil && got != text+"\n" {
		err = fmt.Errorf("got %q", got)
	}
	return err
}

func (p *passage) counters(t *testing.T) filter.PassCounters {
	t.Helper()
	ipv4, ipv6, err := p.r.Counters()
	check(t, err)
	if p.name == "IPv4" {
		return ipv4
	}
	return ipv6
}

// A connection to the peer goes on through us, beside one of our own, until nothing is
// passed on any more.
func TestPasses(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p := newPassage(t, f)
			p.serve(t, p.world.peer, 7000)
			old := p.connect(t, 7000)
			check(t, old.exchange("before"))
			p.start(t)
			p.serve(t, nil, 7000)
			p.turnTo(t, p.ourHardware(t))
			check(t, old.exchange(strings.Repeat("large", 20_000)))
			check(t, p.connect(t, 7000).exchange("a new one"))
			if c := p.counters(t); c.Passed == 0 || c.Own == 0 || c.FromTarget+c.Limited != 0 {
				t.Errorf("%+v", c)
			}
			nft(t, "flush ruleset")
			p.await(t)
			check(t, old.exchange("after somebody flushed the ruleset"))
			p.r.Pass("a", filter.Passing{})
			p.r.until(t, p.table(), "")
			if err := old.exchange("ends"); !errors.Is(err, unix.ECONNRESET) {
				t.Errorf("the end: %v", err)
			}
			if c := p.counters(t); c != (filter.PassCounters{}) {
				t.Errorf("after the end: %+v", c)
			}
		})
	}
}

// No segment of a connection of our own is passed on, whatever its state.
func TestOwnConnections(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p := newPassage(t, f)
			p.start(t)
			p.turnTo(t, p.ourHardware(t))
			l, err := net.Listen("tcp", net.JoinHostPort(f.virtual, "7000"))
			check(t, err)
			t.Cleanup(func() { l.Close() })
			c := p.connect(t, 7000)
			_, err = c.Write([]byte("before it is accepted\n"))
			check(t, err)
			accepted, err := l.Accept()
			check(t, err)
			if got, err := bufio.NewReader(accepted).ReadString('\n'); err != nil || got != "before it is accepted\n" {
				t.Errorf("%q, %v", got, err)
			}
			// What the program has left when it closes still leaves.
			_, err = accepted.Write(make([]byte, 100_000))
			check(t, err)
			check(t, accepted.Close())
			if n, err := io.Copy(io.Discard, c); n != 100_000 || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
			// Here it is in FIN_WAIT_2, which the kernel keeps as it keeps TIME_WAIT.
			for err == nil {
				_, err = c.Write([]byte("after the end"))
			}
			if !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, unix.EPIPE) {
				t.Errorf("data after the end: %v", err)
			}
			p.leaveInTimeWait(t, l)
			if c := p.counters(t); c.Passed != 0 || c.Own == 0 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// leaveInTimeWait closes here first. The client's FIN then meets what is left here.
func (p *passage) leaveInTimeWait(t *testing.T, l net.Listener) {
	t.Helper()
	c := p.connect(t, 7000)
	accepted, err := l.Accept()
	check(t, err)
	check(t, accepted.Close())
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%v", err)
	}
	before := p.counters(t).Own
	check(t, c.Close())
	for deadline := time.Now().Add(patience); p.counters(t).Own == before; {
		if time.Now().After(deadline) {
			t.Fatal("the FIN is not counted as our own")
		}
	}
}

// What the peer passes back is not passed on again: our kernel answers.
func TestNeverBack(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p := newPassage(t, f)
			p.serve(t, p.world.peer, 7000)
			old := p.connect(t, 7000)
			check(t, old.exchange("before"))
			p.start(t)
			protocol := map[string]string{"IPv4": "ip", "IPv6": "ip6"}[f.name]
			p.peerNFT(t, fmt.Sprintf(`table %s back { chain input { type filter hook input priority 0;
				%s daddr %s meta l4proto tcp dup to %s device eth0 drop; }; }`, protocol, protocol, f.virtual, f.own))
			p.turnTo(t, p.ourHardware(t))
			if err := old.exchange("to and fro"); !errors.Is(err, unix.ECONNRESET) {
				t.Errorf("%v", err)
			}
			if c := p.counters(t); c.FromTarget != c.Passed || c.Passed == 0 || c.Passed > 3 {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestPassRate(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p := newPassage(t, f)
			p.serve(t, p.world.peer, 7000)
			old := p.connect(t, 7000)
			check(t, old.exchange("before"))
			p.r = run(t)
			p.r.SetPassRate(20)
			p.pass()
			p.await(t)
			p.turnTo(t, p.ourHardware(t))
			for range 8 {
				check(t, old.exchange("TCP sends again what is too much"))
			}
			if c := p.counters(t); c.Limited == 0 || c.Passed == 0 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// Without early demux every connection of our own would be passed on.
func TestEarlyDemuxOff(t *testing.T) {
	p := newPassage(t, families[0])
	r := run(t)
	p.r = r
	p.pass()
	p.await(t)
	for _, setting := range []string{"ip_early_demux", "tcp_early_demux"} {
		path := "/proc/sys/net/ipv4/" + setting
		t.Cleanup(func() { _ = os.WriteFile(path, []byte("1"), 0) })
		check(t, os.WriteFile(path, []byte("0"), 0))
		p.pass()
		r.until(t, "ip vipd", "")
		state := r.state(t, func(s filter.PassingState) bool { return s.Err != nil })
		if !errors.Is(state.Err, filter.ErrEarlyDemux) || !strings.Contains(state.Err.Error(), setting) || state.Target.IsValid() {
			t.Errorf("%+v", state)
		}
		check(t, os.WriteFile(path, []byte("1"), 0))
		p.pass()
		p.await(t)
	}
}

func TestPassingIsRefused(t *testing.T) {
	p := newPassage(t, families[0])
	_, world, err := net.ParseCIDR("198.51.100.0/24")
	check(t, err)
	check(t, netlink.RouteAdd(&netlink.Route{Dst: world, Gw: net.ParseIP(families[0].peer)}))
	rows := []struct{ name, target string }{
		{"behind a router", "198.51.100.7"},
		{"ourselves", families[0].own},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := run(t)
			r.Pass("a", filter.Passing{Addresses: addresses(p.virtual), Target: netip.MustParseAddr(row.target), Link: p.link})
			if s := r.state(t, func(filter.PassingState) bool { return true }); !errors.Is(s.Err, filter.ErrNoNeighbor) || s.Target.IsValid() {
				t.Errorf("%+v", s)
			}
			if got := list("ip vipd"); got != "" {
				t.Errorf("made: %s", got)
			}
		})
	}
}

// The next run goes on with what is there, and knows of it; without either the kernel
// forgets it by itself.
func TestPassingOutlivesUs(t *testing.T) {
	p := newPassage(t, families[1])
	p.start(t).Keep()
	begin := time.Now()
	p.r.stop()
	if list("ip6 vipd") == "" {
		t.Error("the table has gone")
	}
	r := run(t)
	if got := r.PassedTo(addresses(p.other, p.virtual)); got != p.peerOwn() {
		t.Errorf("passed to %v", got)
	}
	if got := r.PassedTo(addresses(p.other)); got.IsValid() {
		t.Errorf("another address passed to %v", got)
	}
	p.r = r
	p.await(t)
	r.Keep()
	r.stop()
	if got := len(elements("ip6 vipd passed")); got == 0 {
		t.Error("no element is left")
	}
	for len(elements("ip6 vipd passed")) > 0 {
		if time.Since(begin) > filter.PassTime+patience {
			t.Fatal("it is still there")
		}
	}
	r = run(t)
	r.until(t, "ip6 vipd", "")
}

// peerNFT runs a script in the peer's namespace.
func (w *world) peerNFT(t *testing.T, script string) {
	t.Helper()
	check(t, w.peer.Do(func() error { nft(t, script); return nil }))
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

// A router has made fragments of the segments: the kernel finds their connection only when
// they have been put together.
func TestFragmentsOfOwnConnections(t *testing.T) {
	p := newPassage(t, families[0])
	far := p.behindRouter(t, 600)
	p.start(t)
	p.serve(t, nil, 7000)
	p.client = far
	check(t, p.connect(t, 7000).exchange(strings.Repeat("fragments", 10_000)))
	if c := p.counters(t); c.Passed != 0 || c.Own == 0 {
		t.Errorf("%+v", c)
	}
}

// behindRouter is a host behind a router whose MTU on our side is small. It lets routers
// make fragments.
func (p *passage) behindRouter(t *testing.T, mtu int) *lab.Namespace {
	t.Helper()
	beyond, err := lab.NewSwitch()
	check(t, err)
	t.Cleanup(func() { check(t, beyond.Close()) })
	router, err := lab.NewNamespace("router")
	check(t, err)
	t.Cleanup(func() { _ = router.Close() })
	far, err := lab.NewNamespace("far")
	check(t, err)
	t.Cleanup(func() { _ = far.Close() })
	_, err = p.lan.Plug(router, "eth0", "192.0.2.60/24")
	check(t, err)
	_, err = beyond.Plug(router, "eth1", "198.51.100.1/24")
	check(t, err)
	_, err = beyond.Plug(far, "eth0", "198.51.100.2/24")
	check(t, err)
	eth0, err := router.Handle().LinkByName("eth0")
	check(t, err)
	check(t, errors.Join(
		router.Handle().LinkSetMTU(eth0, mtu),
		router.Sysctl("net/ipv4/ip_forward", "1"),
		far.Sysctl("net/ipv4/ip_no_pmtu_disc", "1"),
		far.Handle().RouteAdd(&netlink.Route{Gw: net.IPv4(198, 51, 100, 1)}),
		netlink.RouteAdd(&netlink.Route{
			Dst: &net.IPNet{IP: net.IPv4(198, 51, 100, 0), Mask: net.CIDRMask(24, 32)},
			Gw:  net.IPv4(192, 0, 2, 60),
		})))
	return far
}
