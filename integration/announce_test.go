// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// schedule is when a new Active announces its addresses, from the first time on.
var schedule = []time.Duration{0, 30 * time.Millisecond, 60 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second}

const (
	// repeatAfter is when a new Active's first advert is sent once more.
	repeatAfter = 10 * time.Millisecond
	// wireSlack is how much the median of some packets may be off their time.
	wireSlack = 10 * time.Millisecond
)

func TestAdverts(t *testing.T) {
	t.Parallel()
	s := run(t, defaults, haproxy)
	c := startCapture(t, s.client)
	for _, ttl := range receiveTTLs(t, s.client, 3) {
		if ttl != 255 {
			t.Errorf("an advert with TTL %d", ttl)
		}
	}
	var adverts []lab.Packet
	for last := (time.Time{}); len(adverts) < 4; last = adverts[len(adverts)-1].Time {
		p, err := c.Wait(labtest.Patient(t), func(p lab.Packet) bool { return p.Kind == lab.Advert && p.Time.After(last) })
		labtest.Must(t, err)
		adverts = append(adverts, p)
	}
	var gaps []time.Duration
	for i, p := range adverts {
		if p.Source != s.lb1.address() || p.MAC.String() != s.lb1.mac(t).String() || p.Target != group || p.VRID != 51 || p.Priority != 254 {
			t.Errorf("%v at %v", p, p.MAC)
		}
		if i > 0 {
			gaps = append(gaps, p.Time.Sub(adverts[i-1].Time))
		}
	}
	judgeTimes(t, "adverts are apart", gaps, s.election.interval)
}

// receiveTTLs receives adverts as another router would, and returns their TTLs.
func receiveTTLs(t *testing.T, n *lab.Namespace, count int) (ttls []int) {
	t.Helper()
	var conn *ipv4.PacketConn
	labtest.Must(t, n.Do(func() error {
		raw, err := net.ListenPacket(fmt.Sprintf("ip4:%d", protocolVRRP), "0.0.0.0")
		if err != nil {
			return err
		}
		t.Cleanup(func() { raw.Close() })
		link, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		conn = ipv4.NewPacketConn(raw)
		return conn.JoinGroup(link, &net.IPAddr{IP: group.AsSlice()})
	}))
	labtest.Must(t, conn.SetControlMessage(ipv4.FlagTTL, true))
	labtest.Must(t, conn.SetReadDeadline(time.Now().Add(labtest.Patience)))
	for range count {
		_, control, _, err := conn.ReadFrom(make([]byte, 1500))
		labtest.Must(t, err)
		ttls = append(ttls, control.TTL)
	}
	return ttls
}

// A new Active sends its first advert twice, and announces its addresses again and
// again, however it got there.
func TestAnnouncements(t *testing.T) {
	t.Parallel()
	s := run(t, usual, haproxy)
	c := startCapture(t, s.client)
	var repeats []time.Duration
	offsets := make([][]time.Duration, len(schedule))
	for _, move := range []struct {
		do   func() error
		want *node
	}{{s.lb1.vipd.Stop, s.lb2}, {s.lb1.vipd.Restart, s.lb1}, {s.lb1.vipd.Stop, s.lb2}} {
		from := time.Now()
		labtest.Must(t, move.do())
		repeat, announced := takeover(t, c, move.want, from)
		repeats = append(repeats, repeat)
		for i, p := range announced {
			offsets[i] = append(offsets[i], p.Time.Sub(announced[0].Time))
		}
	}
	judgeTimes(t, "the first advert is repeated", repeats, repeatAfter)
	for i, at := range schedule {
		judgeTimes(t, "announcements", offsets[i], at)
	}
	for _, p := range c.Packets() {
		if p.Kind == lab.Advert && p.Source != s.lb1.address() && p.Source != s.lb2.address() {
			t.Errorf("%v, which is no node's own address", p)
		}
	}
}

// takeover waits for all that a new Active sends at first: how long after its first
// advert the second came, and the announcements.
func takeover(t *testing.T, c *lab.Capture, n *node, from time.Time) (repeat time.Duration, announced []lab.Packet) {
	t.Helper()
	first, err := c.Wait(labtest.Patient(t), advertOf(n, from))
	labtest.Must(t, err)
	second, err := c.Wait(labtest.Patient(t), advertOf(n, first.Time))
	labtest.Must(t, err)
	for after := first.Time.Add(-time.Nanosecond); len(announced) < len(schedule); {
		p, err := c.Wait(labtest.Patient(t), announcementOf(t, n, after))
		labtest.Must(t, err)
		if p.Kind != lab.ARPRequest || p.Target != vip.Addr() {
			t.Errorf("announced by %v", p)
		}
		if owns, err := n.owns(); !owns || err != nil {
			t.Errorf("announced by a node that has the VIP: %v, %v", owns, err)
		}
		announced, after = append(announced, p), p.Time
	}
	if delay := announced[0].Time.Sub(first.Time); delay > reaction {
		t.Errorf("announced %v after the first advert", delay)
	}
	return second.Time.Sub(first.Time), announced
}

func judgeTimes(t *testing.T, what string, got []time.Duration, want time.Duration) {
	t.Helper()
	slices.Sort(got)
	t.Logf("%s: %v, want %v", what, got, want)
	if (got[len(got)/2] - want).Abs() > wireSlack {
		t.Errorf("%s after %v, want %v", what, got, want)
	}
}

// A node that is stopped says so first, and answers until the next one has
// announced itself.
func TestMakeBeforeBreak(t *testing.T) {
	t.Parallel()
	s := run(t, usual, haproxy)
	p, c, client := watch(t, s), startCapture(t, s.client), newSender(t, s.client)
	p.steady(t, time.Now(), s.lb1, steady)
	from := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- s.lb1.vipd.Stop() }()

	resigned, err := c.Wait(labtest.Patient(t), func(p lab.Packet) bool { return advertOf(s.lb1, from)(p) && p.Priority == 0 })
	labtest.Must(t, err)
	client.ask(t, clientNet.Addr(), vip.Addr())
	answered, err := c.Wait(labtest.Patient(t), func(p lab.Packet) bool {
		return p.Kind == lab.ARPReply && p.Source == vip.Addr() && p.Time.After(resigned.Time)
	})
	labtest.Must(t, err)
	announced, err := c.Wait(labtest.Patient(t), announcementOf(t, s.lb2, from))
	labtest.Must(t, err)
	labtest.Must(t, <-stopped)
	labtest.Await(t, func() error { return s.look(s.lb2) })

	if answered.MAC.String() != s.lb1.mac(t).String() || answered.Time.After(announced.Time) {
		t.Errorf("asked after the resignation, %v answers, %v before lb2 announces", answered.MAC, announced.Time.Sub(answered.Time))
	}
	if others := matching(c, func(p lab.Packet) bool { return advertOf(s.lb1, resigned.Time)(p) && p.Priority > 0 }); len(others) > 0 {
		t.Errorf("after its resignation lb1 says %v", others)
	}
	seen := p.judge(t, []window{{from.Add(-lead), p.steady(t, time.Now(), s.lb2, steady)}})
	last := lastAnswer(p, from, "lb1")
	t.Logf("lb1 resigns, lb2 announces itself %v later; lb1's last answer is to what was sent %v after the announcement; %+v",
		announced.Time.Sub(resigned.Time), last.Sub(announced.Time), seen)
	if announced.Time.Sub(last) > wireSlack || seen[0].lost > 0 {
		t.Errorf("lb1 has answered until %v before lb2 was there, %d UDP probes were lost", announced.Time.Sub(last), seen[0].lost)
	}
}

// lastAnswer is when the last datagram was sent that a server answered.
func lastAnswer(p probes, from time.Time, server string) (last time.Time) {
	for _, stretch := range lab.Servers(p.udp.Samples(from)) {
		if stretch.Server == server {
			last = stretch.To
		}
	}
	return last
}
