// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// drained is an address as it is shown while it drains.
func (f family) drained() string { return f.virtual + f.host + " tag 113 leased" }

// clientWorld is a world with a client.
type clientWorld struct {
	*world
	family
	client *lab.Namespace
}

func newClientWorld(t *testing.T, f family) *clientWorld {
	t.Helper()
	w := &clientWorld{world: newWorld(t), family: f}
	client, err := lab.NewNamespace("client")
	labtest.Must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	w.client = client
	labtest.Must(t, client.Do(withoutDAD))
	_, err = w.lan.Plug(client, "eth0", "192.0.2.50/24", "2001:db8::50/64", "198.51.100.50/24", "2001:db8:1::50/64")
	labtest.Must(t, err)
	labtest.Await(t, func() error { // over IPv6 there is no way before the carrier
		_, err := client.Handle().RouteGet(net.ParseIP(f.virtual))
		return err
	})
	return w
}

// echo answers each line on a port of the virtual address, in a namespace or here.
func (w *clientWorld) echo(t *testing.T, n *lab.Namespace, address string) {
	t.Helper()
	var l net.Listener
	listen := func() (err error) {
		l, err = net.Listen("tcp", net.JoinHostPort(address, "7000"))
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
			_ = c.(*net.TCPConn).SetLinger(0) // nothing of it is left for the next test
			stop := context.AfterFunc(t.Context(), func() { c.Close() })
			go func() {
				defer stop()
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
}

// dial connects the client to an address.
func (w *clientWorld) dial(t *testing.T, address string) *labtest.Conversation {
	t.Helper()
	return labtest.Converse(t, w.client, net.Dialer{}, net.JoinHostPort(address, "7000"))
}

// nftIn runs a script, in a namespace or here.
func nftIn(t *testing.T, n *lab.Namespace, script string) {
	t.Helper()
	run := func() error {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("nft: %w: %s", err, out)
		}
		return nil
	}
	if n != nil {
		labtest.Must(t, n.Do(run))
	} else {
		labtest.Must(t, run())
	}
}

// forget empties a host's neighbour table of an address.
func forget(t *testing.T, h *netlink.Handle, address string) {
	t.Helper()
	eth0, err := h.LinkByName("eth0")
	labtest.Must(t, err)
	err = h.NeighDel(&netlink.Neigh{LinkIndex: eth0.Attrs().Index, IP: net.ParseIP(address)})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		t.Fatal(err)
	}
}

// takeOver gives the virtual address to the peer, who passes on to us what it does not
// know, and makes the client ask.
func (w *clientWorld) takeOver(t *testing.T, address string) {
	t.Helper()
	w.setOnPeer(t, address, w.world.peer.Handle().AddrAdd)
	protocol := map[bool]string{true: "ip", false: "ip6"}[w.name == "IPv4"]
	nftIn(t, w.world.peer, fmt.Sprintf(`table %s pass { chain input { type filter hook input priority 0;
		%s daddr %s tcp flags & syn != syn meta cgroup >= 0 accept
		%s daddr %s tcp flags & syn != syn dup to %s device eth0 drop; }; }`, protocol, protocol, address, protocol, address, w.own))
	forget(t, w.client.Handle(), address)
}

// giveBack undoes takeOver.
func (w *clientWorld) giveBack(t *testing.T, address string) {
	t.Helper()
	w.setOnPeer(t, address, w.world.peer.Handle().AddrDel)
	nftIn(t, w.world.peer, "flush ruleset")
	forget(t, w.client.Handle(), address)
}

func (w *clientWorld) setOnPeer(t *testing.T, address string, how func(netlink.Link, *netlink.Addr) error) {
	t.Helper()
	eth0, err := w.world.peer.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	labtest.Must(t, how(eth0, &netlink.Addr{IPNet: netlink.NewIPNet(net.ParseIP(address)), Flags: unix.IFA_F_NODAD}))
}

// demandOnlyPeerAnswers: the client has the peer's hardware address for the virtual one.
func (w *clientWorld) demandOnlyPeerAnswers(t *testing.T, address string) {
	t.Helper()
	eth0, err := w.client.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	peer, err := w.world.peer.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	list, err := w.client.Handle().NeighList(eth0.Attrs().Index, netlink.FAMILY_ALL)
	labtest.Must(t, err)
	for _, n := range list {
		if n.IP.Equal(net.ParseIP(address)) && n.HardwareAddr.String() != peer.Attrs().HardwareAddr.String() {
			t.Errorf("%v is at %v for the client, not at the peer's %v", n.IP, n.HardwareAddr, peer.Attrs().HardwareAddr)
		}
	}
}

// draining is the same want, moved to where it drains.
func draining(w netif.Want) netif.Want {
	w.Leaving, w.Draining, w.Silent = true, true, false
	return w
}

// move holds it, and waits until it is nowhere else any more.
func (r *record) move(t *testing.T, w netif.Want) {
	t.Helper()
	r.hold(t, w)
	r.settle(t)
}

// demandDrained demands just these on the loopback interface.
func demandDrained(t *testing.T, want ...string) {
	t.Helper()
	got := slices.DeleteFunc(addresses(t, "lo"), func(a string) bool { return !strings.Contains(a, " tag 11") })
	if !slices.Equal(got, want) {
		t.Errorf("on lo %q, want %q", got, want)
	}
}

// A connection outlives the way to another node, and the way back; then it is reset.
func TestDrain(t *testing.T) { eachFamily(t, testDrain) }

func testDrain(t *testing.T, f family) {
	w := newClientWorld(t, f)
	r := start(t, "eth0")
	present := r.want(t, time.Minute, f.wanted())
	r.hold(t, present)
	w.echo(t, nil, f.virtual)
	c := w.dial(t, f.virtual)
	labtest.Must(t, c.Exchange("before"))
	ours, err := net.InterfaceByName("eth0")
	labtest.Must(t, err)
	nftIn(t, w.client, fmt.Sprintf(`table arp replies { counter ours { }; chain input { type filter hook input priority 0;
		arp operation reply arp saddr ether %v counter name ours; }; }`, ours.HardwareAddr))
	silent := present
	silent.Leaving, silent.Silent = true, true
	for range 2 {
		r.hold(t, silent)
		r.move(t, draining(present))
		demandAddresses(t)
		demandDrained(t, f.drained())
		w.replies(t) // until now they were right
		w.takeOver(t, f.virtual)
		labtest.Must(t, c.Exchange("by the peer"))
		w.demandOnlyPeerAnswers(t, f.virtual)
		forget(t, r.handle(t), clientOf(f)) // we must ask for the client, too
		labtest.Must(t, c.Exchange("after we asked"))
		labtest.Must(t, c.Exchange("again"))
		w.demandOnlyPeerAnswers(t, f.virtual)
		forget(t, w.client.Handle(), f.virtual) // and the client for the address
		labtest.Must(t, c.Exchange("after the client asked"))
		w.demandOnlyPeerAnswers(t, f.virtual)

		r.hold(t, present)
		w.demandNoReplies(t)
		w.giveBack(t, f.virtual)
		demandAddresses(t, f.held())
		demandDrained(t)
		labtest.Must(t, c.Exchange("here again"))
	}
	r.move(t, draining(present))
	w.takeOver(t, f.virtual)
	labtest.Must(t, c.Exchange("a last time"))
	r.Count("web")
	r.await(t, "the count", func() bool { return len(r.counted) == 1 })
	if got := r.counted[0]; got.N != 1 || got.Err != nil || got.Key != "web" {
		t.Errorf("counted %+v", got)
	}
	present.Present = false
	if h := r.set(t, present); h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	demandDrained(t)
	if err := c.Ended(); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("the client reads %v", err)
	}
	demandNoARP(t)
}

func clientOf(f family) string {
	return map[bool]string{true: "192.0.2.50", false: "2001:db8::50"}[f.name == "IPv4"]
}

func (r *record) handle(t *testing.T) *netlink.Handle {
	t.Helper()
	h, err := netlink.NewHandle()
	labtest.Must(t, err)
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// replies is what nft shows of our ARP replies to the client since the last time.
func (w *clientWorld) replies(t *testing.T) (shown string) {
	t.Helper()
	labtest.Must(t, w.client.Do(func() error {
		out, err := exec.Command("nft", "reset", "counter", "arp", "replies", "ours").Output()
		shown = string(out)
		return err
	}))
	return shown
}

func (w *clientWorld) demandNoReplies(t *testing.T) {
	t.Helper()
	if shown := w.replies(t); !strings.Contains(shown, "packets 0 ") {
		t.Errorf("we answered: %s", shown)
	}
}

// demandNoARP: nobody is spoken for any more.
func demandNoARP(t *testing.T) {
	t.Helper()
	labtest.Await(t, func() error {
		out, err := exec.Command("nft", "list", "table", "arp", "vipd").CombinedOutput()
		if err == nil && strings.Contains(string(out), "draining") {
			err = fmt.Errorf("there are rules: %s", out)
		}
		return err
	})
}
