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
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif/filter"
)

// A connection to the peer goes on through us, beside one of our own, until nothing is
// passed on any more.
func TestPasses(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p := newPassage(t, f)
			p.serve(t, p.world.peer, 7000)
			old := p.connect(t, 7000)
			labtest.Must(t, old.Exchange("before"))
			p.start(t)
			p.serve(t, nil, 7000)
			p.turnTo(t, p.ourHardware(t))
			labtest.Must(t, old.Exchange(strings.Repeat("large", 20_000)))
			labtest.Must(t, p.connect(t, 7000).Exchange("a new one"))
			if c := p.counters(t); c.Passed == 0 || c.Own == 0 || c.FromTarget+c.Limited != 0 {
				t.Errorf("%+v", c)
			}
			nft(t, "flush ruleset")
			p.await(t)
			labtest.Must(t, old.Exchange("after somebody flushed the ruleset"))
			p.r.Pass("a", filter.Passing{})
			p.r.until(t, p.table(), "")
			if err := old.Exchange("ends"); !errors.Is(err, unix.ECONNRESET) {
				t.Errorf("the end: %v", err)
			}
			if c := p.counters(t); c != (filter.PassCounters{}) {
				t.Errorf("after the end: %+v", c)
			}
		})
	}
}

// No segment of a connection of our own is passed on while it may carry anything.
func TestOwnConnections(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p := newPassage(t, f)
			p.start(t)
			p.turnTo(t, p.ourHardware(t))
			l, err := net.Listen("tcp", net.JoinHostPort(f.virtual, "7000"))
			labtest.Must(t, err)
			t.Cleanup(func() { l.Close() })
			c := p.connect(t, 7000)
			_, err = c.Write([]byte("before it is accepted\n"))
			labtest.Must(t, err)
			accepted, err := l.Accept()
			labtest.Must(t, err)
			if got, err := bufio.NewReader(accepted).ReadString('\n'); err != nil || got != "before it is accepted\n" {
				t.Errorf("%q, %v", got, err)
			}
			if c := p.counters(t); c.Passed != 0 || c.Own == 0 {
				t.Errorf("%+v", c)
			}
			// What the program has left when it closes still leaves.
			_, err = accepted.Write(make([]byte, 100_000))
			labtest.Must(t, err)
			labtest.Must(t, accepted.Close())
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
		})
	}
}

// Of packets that a driver hands over together the kernel looks at the first one alone,
// unless it is told otherwise.
func TestOwnConnectionsInBatches(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p := newPassage(t, f)
			labtest.Must(t, p.ours.InBatches(nil, "eth0"))
			p.start(t)
			p.turnTo(t, p.ourHardware(t))
			l, err := net.Listen("tcp", net.JoinHostPort(f.virtual, "7000"))
			labtest.Must(t, err)
			t.Cleanup(func() { l.Close() })
			const clients, size = 4, 20_000_000 // what they acknowledge comes in batches
			ended := make(chan error, clients)
			for range clients {
				c := p.connect(t, 7000)
				accepted, err := l.Accept()
				labtest.Must(t, err)
				t.Cleanup(func() { accepted.Close() })
				go func() {
					_, err := accepted.Write(make([]byte, size))
					ended <- err
				}()
				go func() { _, _ = io.CopyN(io.Discard, c, size) }()
			}
			for range clients {
				labtest.Must(t, <-ended)
			}
			if c := p.counters(t); c.Passed != 0 || c.Own < 100 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// What is left here of a connection in TIME_WAIT does not take the segments of a new one
// with the peer, whose client has the same port.
func TestPortIsUsedAgain(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p := newPassage(t, f)
			p.serve(t, p.world.peer, 7000)
			p.start(t)
			p.turnTo(t, p.ourHardware(t))
			port := p.leaveInTimeWait(t)
			p.turnTo(t, p.peerHardware(t))
			again := p.connectFrom(t, port, 7000)
			labtest.Must(t, again.Exchange("before"))
			p.turnTo(t, p.ourHardware(t))
			labtest.Must(t, again.Exchange("passed on"))
			if c := p.counters(t); c.Passed == 0 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// leaveInTimeWait leaves what remains of a connection that was closed here first, and
// returns the client's port.
func (p *passage) leaveInTimeWait(t *testing.T) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(p.virtual, "7000"))
	labtest.Must(t, err)
	defer l.Close()
	c := p.connect(t, 7000)
	accepted, err := l.Accept()
	labtest.Must(t, err)
	labtest.Must(t, accepted.Close())
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%v", err)
	}
	port = c.LocalAddr().(*net.TCPAddr).Port
	labtest.Must(t, c.Close())
	return port
}

// What the peer passes back is not passed on again: our kernel answers.
func TestNeverBack(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p := newPassage(t, f)
			p.serve(t, p.world.peer, 7000)
			old := p.connect(t, 7000)
			labtest.Must(t, old.Exchange("before"))
			p.start(t)
			protocol := map[string]string{"IPv4": "ip", "IPv6": "ip6"}[f.name]
			p.peerNFT(t, fmt.Sprintf(`table %s back { chain input { type filter hook input priority 0;
				%s daddr %s meta l4proto tcp dup to %s device eth0 drop; }; }`, protocol, protocol, f.virtual, f.own))
			p.turnTo(t, p.ourHardware(t))
			if err := old.Exchange("to and fro"); !errors.Is(err, unix.ECONNRESET) {
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
			labtest.Must(t, old.Exchange("before"))
			p.r = run(t)
			p.r.SetPassRate(20)
			p.pass()
			p.await(t)
			p.turnTo(t, p.ourHardware(t))
			for range 8 {
				labtest.Must(t, old.Exchange("TCP sends again what is too much"))
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
		labtest.Must(t, os.WriteFile(path, []byte("0"), 0))
		p.pass()
		r.until(t, "ip vipd", "")
		state := r.state(t, func(s filter.PassingState) bool { return s.Err != nil })
		if !errors.Is(state.Err, filter.ErrEarlyDemux) || !strings.Contains(state.Err.Error(), setting) || state.Target.IsValid() {
			t.Errorf("%+v", state)
		}
		labtest.Must(t, os.WriteFile(path, []byte("1"), 0))
		p.pass()
		p.await(t)
	}
}

func TestPassingIsRefused(t *testing.T) {
	p := newPassage(t, families[0])
	_, world, err := net.ParseCIDR("198.51.100.0/24")
	labtest.Must(t, err)
	labtest.Must(t, netlink.RouteAdd(&netlink.Route{Dst: world, Gw: net.ParseIP(families[0].peer)}))
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

// A router has made fragments of the segments: the kernel finds their connection only when
// they have been put together.
func TestFragmentsOfOwnConnections(t *testing.T) {
	p := newPassage(t, families[0])
	far := p.behindRouter(t, 600)
	p.start(t)
	p.serve(t, nil, 7000)
	p.client = far
	labtest.Must(t, p.connect(t, 7000).Exchange(strings.Repeat("fragments", 10_000)))
	if c := p.counters(t); c.Passed != 0 || c.Own == 0 {
		t.Errorf("%+v", c)
	}
}

// An ICMP error may be about a connection of either node: both hear of it. A ping is ours.
func TestErrorsAreCopied(t *testing.T) {
	const echo4, unreachable4, tooBig6, echo6 = 8, 3, 2, 128
	rows := map[string]struct {
		network      string
		client       string
		error, other byte
	}{
		"IPv4": {"ip4:icmp", "192.0.2.50", unreachable4, echo4},
		"IPv6": {"ip6:ipv6-icmp", "2001:db8::50", tooBig6, echo6},
	}
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			p, row := newPassage(t, f), rows[f.name]
			p.start(t)
			p.turnTo(t, p.ourHardware(t))
			inbox, err := net.ListenPacket(row.network, f.virtual)
			labtest.Must(t, err)
			t.Cleanup(func() { inbox.Close() })
			labtest.Must(t, inbox.SetReadDeadline(time.Now().Add(patience)))
			labtest.Must(t, p.client.Do(func() error {
				conn, err := net.ListenPacket(row.network, row.client)
				if err != nil {
					return err
				}
				defer conn.Close()
				for _, kind := range []byte{row.other, row.error} {
					message := append([]byte{kind}, make([]byte, 63)...)
					if f.name == "IPv4" { // of IPv6 the kernel computes it
						message[2] = ^kind
						message[3] = 0xff
					}
					if _, err := conn.WriteTo(message, &net.IPAddr{IP: net.ParseIP(f.virtual)}); err != nil {
						return err
					}
				}
				return nil
			}))
			for b := make([]byte, 100); b[0] != row.error; {
				if _, _, err := inbox.ReadFrom(b); err != nil {
					t.Fatalf("it does not come: %v", err)
				}
			}
			if c := p.counters(t); c.Passed != 1 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// As nft shows the table, but for white space, what is counted, and the rest of the times.
func TestPassTable(t *testing.T) {
	p := newPassage(t, families[1])
	p.start(t)
	got := regexp.MustCompile(`packets \d+ bytes \d+`).ReplaceAllString(list("ip6 vipd"), "")
	got = regexp.MustCompile(`: \d+\s`).ReplaceAllString(got, ": INDEX ") // nft takes it for big endian
	got = strings.Join(strings.Fields(got), " ")
	got = regexp.MustCompile(`timeout \d+s(\d+ms)? expires [0-9sm]+`).ReplaceAllString(got, "~4s")
	want := `table ip6 vipd { counter passed { } counter own { } counter limited { } counter target { } ` +
		`set passed { type ipv6_addr flags timeout elements = { 2001:db8::100 ~4s } } ` +
		`map to { type ipv6_addr : ipv6_addr flags timeout elements = { 2001:db8::100 ~4s : 2001:db8::12 } } ` +
		`map by { type ipv6_addr : iface_index flags timeout elements = { 2001:db8::100 ~4s : INDEX } } ` +
		`set targets { type ether_addr flags timeout elements = { ` + p.peerHardware(t).String() + ` ~4s } } ` +
		`chain pass { icmpv6 type 1-2 goto copy meta l4proto != tcp accept tcp flags & syn == syn accept ` +
		`meta cgroup >= 0 counter name "own" accept socket mark >= 0x00000000 goto send socket transparent <= 1 goto copy goto send } ` +
		`chain send { ether saddr @targets counter name "target" accept ` +
		`limit rate over 200000/second burst 20000 packets counter name "limited" drop ` +
		`counter name "passed" dup to ip6 daddr map @to device ip6 daddr map @by drop } ` +
		`chain copy { ether saddr @targets counter name "target" accept ` +
		`limit rate over 200000/second burst 20000 packets counter name "limited" accept ` +
		`counter name "passed" dup to ip6 daddr map @to device ip6 daddr map @by accept } ` +
		`chain defragment { meta l4proto tcp tproxy to :1 } ` +
		`chain input { type filter hook input priority filter - 10; policy accept; iif "lo" accept ip6 daddr @passed goto pass } }`
	if got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}
