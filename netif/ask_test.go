// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// question asks the peer, as one host of the link asks another.
func (f family) question(t *testing.T, r *record, w *world) netif.Question {
	t.Helper()
	if f == v4() {
		return netif.Question{Link: r.last(t, "eth0").Index, Source: netip.MustParseAddr(f.own), Target: netip.MustParseAddr(f.peer)}
	}
	l := r.withLinkLocal(t)
	return netif.Question{Link: l.Index, Source: l.SourceIPv6(), Target: linkLocal(t, w.peer)}
}

// asked asks, again while the socket for the answers is not open, and tells whether there
// was an answer.
func (r *record) asked(t *testing.T, q netif.Question) bool {
	t.Helper()
	r.mu.Lock()
	before := len(r.answers)
	r.mu.Unlock()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	err := r.Ask(q)
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); err = r.Ask(q) {
		<-again.C
	}
	labtest.Must(t, err)
	for end := time.Now().Add(silence); time.Now().Before(end); <-again.C {
		r.mu.Lock()
		n := len(r.answers)
		r.mu.Unlock()
		if n > before {
			return true
		}
	}
	return false
}

// silence is how long is waited for an answer that does not come.
const silence = 200 * time.Millisecond

// answers asks until there is an answer: a host whose IPv6 address is new hears
// solicitations only a moment later.
func (r *record) answersOf(t *testing.T, q netif.Question) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if r.asked(t, q) {
			return
		}
	}
	t.Fatalf("%v does not answer; log:\n%s", q.Target, r.logged())
}

func (r *record) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// asks tells whether a frame is a question who has an address.
func asks(target netip.Addr) func([]byte) bool {
	ip := target.AsSlice()
	return func(frame []byte) bool {
		if target.Is4() {
			return frame[21] == 1 && bytes.Equal(frame[38:42], ip)
		}
		return len(frame) >= 78 && frame[20] == 58 && frame[54] == 135 && bytes.Equal(frame[62:78], ip)
	}
}

// The first question goes to everybody, the next ones to where the answer came from,
// unless everybody shall be asked. It says who asks: the peer need not ask back.
func TestAsk(t *testing.T) { eachFamily(t, testAsk) }

func testAsk(t *testing.T, f family) {
	w := newWorld(t)
	r := start(t, "eth0")
	q := f.question(t, r, w)
	kind := unix.ETH_P_ARP
	if f == v6() {
		kind = unix.ETH_P_IPV6
	}
	c := newCapture(t, w.peer, kind)
	everybody := q
	everybody.Broadcast = true
	ours, peers := hardwareOf(t, nil), hardwareOf(t, w)
	for i, row := range []struct {
		netif.Question
		to net.HardwareAddr
	}{{q, nil}, {q, peers}, {everybody, nil}, {q, peers}} {
		r.answersOf(t, row.Question)
		frame := c.next(t, asks(q.Target))
		if to := frame[:6]; row.to == nil != (to[0]&1 == 1) || row.to != nil && !bytes.Equal(to, row.to) {
			t.Errorf("question %d goes to %v", i, net.HardwareAddr(to))
		}
		if !bytes.Equal(frame[6:12], ours) || f == v6() && checksumOf(frame) != 0 {
			t.Errorf("question %d is %x", i, frame)
		}
	}
}

// hardwareOf is the hardware address of eth0, of the peer's or of ours.
func hardwareOf(t *testing.T, w *world) (mac net.HardwareAddr) {
	t.Helper()
	look := func() error {
		link, err := netlink.LinkByName("eth0")
		if err == nil {
			mac = link.Attrs().HardwareAddr
		}
		return err
	}
	if w == nil {
		labtest.Must(t, look())
	} else {
		labtest.Must(t, w.peer.Do(look))
	}
	return mac
}

// A host that is gone does not answer; when it is back it does, whatever its hardware
// address is now.
func TestAskAHostThatIsGone(t *testing.T) { eachFamily(t, testAskAHostThatIsGone) }

func testAskAHostThatIsGone(t *testing.T, f family) {
	w := newWorld(t)
	r := start(t, "eth0")
	q := f.question(t, r, w)
	r.answersOf(t, q)
	labtest.Must(t, w.peer.Do(func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.LinkDel(link)
	}))
	for _, q.Broadcast = range []bool{false, true} {
		if r.asked(t, q) {
			t.Error("an answer")
		}
	}
	_, err := w.lan.Plug(w.peer, "eth0", v4().peer+"/24")
	labtest.Must(t, err)
	if f == v6() {
		labtest.Must(t, w.peer.Do(func() error { addAddress(t, q.Target.String()+"/64", nil); return nil }))
	}
	q.Broadcast = true
	r.answersOf(t, q)
	q.Broadcast = false
	r.answersOf(t, q)
}

// A host that must not answer never does, and nobody answers for a host that is not there,
// but a router with proxy ARP: then the host seems to live for ever.
func TestAskWhoNeverAnswers(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	q := v4().question(t, r, w)
	labtest.Must(t, w.peer.Sysctl("net/ipv4/conf/eth0/arp_ignore", "8"))
	if r.asked(t, q) {
		t.Error("an answer")
	}
	labtest.Must(t, w.peer.Sysctl("net/ipv4/conf/eth0/arp_ignore", "0"))
	r.answersOf(t, q)
	q.Target = netip.MustParseAddr("192.0.2.200") // nobody's
	if r.asked(t, q) {
		t.Error("an answer of nobody")
	}
	_, err := w.lan.Plug(w.peer, "eth1")
	labtest.Must(t, err)
	labtest.Must(t, w.peer.Sysctl("net/ipv4/ip_forward", "1"))
	labtest.Must(t, w.peer.Sysctl("net/ipv4/conf/eth0/proxy_arp", "1"))
	link, err := w.peer.Handle().LinkByName("eth1")
	labtest.Must(t, err)
	labtest.Must(t, w.peer.Handle().RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Scope: netlink.SCOPE_LINK, Dst: &net.IPNet{IP: q.Target.AsSlice(), Mask: net.CIDRMask(32, 32)}}))
	r.answersOf(t, q)
}

// With virtual links on both hosts it is still the parents that ask and answer.
func TestAskBesideAVirtualLink(t *testing.T) { eachFamily(t, testAskBesideAVirtualLink) }

func testAskBesideAVirtualLink(t *testing.T, f family) {
	w := newWorld(t)
	labtest.Must(t, w.peer.AddVirtualMAC("eth0", 51, v4().virtual+"/24"))
	r := startVirtual(t)
	q := f.question(t, r, w)
	r.answersOf(t, q)
	r.hold(t, r.virtualWant(t, f.wanted()))
	r.answersOf(t, q)
}

// The kernel asks, too: what nobody asked by Ask tells nobody.
func TestAnswersToOthers(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	q := v4().question(t, r, w)
	r.answersOf(t, q)
	conn, err := net.Dial("udp", v4().peer+":9")
	labtest.Must(t, err)
	defer conn.Close()
	c := newCapture(t, w.peer, unix.ETH_P_ARP)
	_, err = conn.Write([]byte("who are you?"))
	labtest.Must(t, err)
	c.next(t, asks(q.Target))
	r.answersOf(t, q)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.answers) != 2 {
		t.Errorf("%d answers", len(r.answers))
	}
}

func TestAskThatCannotBe(t *testing.T) {
	w := newWorld(t)
	lo, err := netlink.LinkByName("lo")
	labtest.Must(t, err)
	r := start(t, "eth0", "lo")
	good := v4().question(t, r, w)
	link, source := good, good
	link.Link = 4711
	source.Source = netip.MustParseAddr("fe80::1")
	loop := good
	loop.Link = lo.Attrs().Index
	for _, row := range []struct {
		netif.Question
		want string
	}{
		{link, "ask for 192.0.2.12 on interface index 4711: it speaks neither ARP nor ND"},
		{loop, "it speaks neither ARP nor ND"},
		{source, "fe80::1 is not of its family"},
		{good, "the socket for answers is not open"},
	} {
		if err := r.Ask(row.Question); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: %v, want %s", row.Question, err, row.want)
		}
	}
}

// The socket goes when nobody asks for long, when the interface is set down, and with it;
// the next question opens it again.
func TestAskAgain(t *testing.T) {
	w := newWorld(t)
	r := start(t, "eth0")
	q := v4().question(t, r, w)
	r.answersOf(t, q)
	for end := time.Now().Add(patience); !r.EndAsking(q.Link); {
		if time.Now().After(end) {
			t.Fatal("the socket stays open")
		}
	}
	if err := r.Ask(q); err == nil {
		t.Error("asked by a socket that is closed")
	}
	r.answersOf(t, q)
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	labtest.Must(t, netlink.LinkSetDown(link))
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return !l.Up })
	labtest.Must(t, netlink.LinkSetUp(link))
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.Up })
	r.answersOf(t, q)
	labtest.Must(t, netlink.LinkDel(link))
	r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.Index == 0 })
	if err := r.Ask(q); err == nil {
		t.Error("asked on an interface that is gone")
	}
	_, err = w.plug("eth0")
	labtest.Must(t, err)
	q.Link = r.awaitLink(t, "eth0", func(l netif.Link) bool { return listening(l) && l.Up }).Index
	r.answersOf(t, q)
	if text := r.logged(); text != "" {
		t.Errorf("logged: %s", text)
	}
}
