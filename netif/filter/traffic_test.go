// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// family is one IP family's part of the world.
type family struct {
	name                string
	own, virtual, other string // ours
	peer, peer2         string
	bits                string
}

var families = []family{
	{"IPv4", "192.0.2.11", "192.0.2.100", "192.0.2.101", "192.0.2.12", "192.0.2.13", "/24"},
	{"IPv6", "2001:db8::11", "2001:db8::100", "2001:db8::101", "2001:db8::12", "2001:db8::13", "/64"},
}

// world is a LAN with this process's eth0 and a peer's eth0 on it.
type world struct {
	lan  *lab.Switch
	ours *lab.Cable
	peer *lab.Namespace
	link netlink.Link // the peer's eth0
}

func newWorld(t *testing.T) *world {
	t.Helper()
	lan, err := lab.NewSwitch()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, lan.Close()) })
	peer, err := lab.NewNamespace("peer")
	labtest.Must(t, err)
	t.Cleanup(func() { _ = peer.Close() })
	labtest.Must(t, errors.Join(withoutDAD(), peer.Do(withoutDAD)))
	var ours, peers []string
	for _, f := range families {
		ours = append(ours, f.own+f.bits, f.virtual+f.bits, f.other+f.bits)
		peers = append(peers, f.peer+f.bits, f.peer2+f.bits)
	}
	_, err = lan.Plug(peer, "eth0", peers...)
	labtest.Must(t, err)
	cable, err := lan.Plug(nil, "eth0", ours...)
	labtest.Must(t, err)
	link, err := peer.Handle().LinkByName("eth0")
	labtest.Must(t, err)
	return &world{lan, cable, peer, link}
}

// withoutDAD lets IPv6 addresses be used at once.
func withoutDAD() error {
	var errs []error
	for _, which := range []string{"all", "default"} {
		errs = append(errs, os.WriteFile("/proc/sys/net/ipv6/conf/"+which+"/accept_dad", []byte("0"), 0))
	}
	return errors.Join(errs...)
}

// forget empties the peer's neighbour table of an address.
func (w *world) forget(t *testing.T, address string) {
	t.Helper()
	err := w.peer.Handle().NeighDel(&netlink.Neigh{LinkIndex: w.link.Attrs().Index, IP: net.ParseIP(address)})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		t.Fatal(err)
	}
}

// knows tells whether the peer has the hardware address of an address.
func (w *world) knows(t *testing.T, address string) bool {
	t.Helper()
	all, err := w.peer.Handle().NeighList(w.link.Attrs().Index, netlink.FAMILY_ALL)
	labtest.Must(t, err)
	for _, n := range all {
		if n.IP.Equal(net.ParseIP(address)) && len(n.HardwareAddr) > 0 {
			return n.State&(netlink.NUD_REACHABLE|netlink.NUD_STALE|netlink.NUD_DELAY|netlink.NUD_PROBE) != 0
		}
	}
	return false
}

// listen opens a UDP socket of ours.
func listen(t *testing.T, address string) *net.UDPConn {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(address), Port: 7000})
	labtest.Must(t, err)
	t.Cleanup(func() { socket.Close() })
	labtest.Must(t, socket.SetReadDeadline(time.Now().Add(patience)))
	return socket
}

// dial opens a UDP socket of the peer's.
func (w *world) dial(t *testing.T, address string) (socket *net.UDPConn) {
	t.Helper()
	labtest.Must(t, w.peer.Do(func() (err error) {
		socket, err = net.DialUDP("udp", nil, &net.UDPAddr{IP: net.ParseIP(address), Port: 7000})
		return err
	}))
	t.Cleanup(func() { socket.Close() })
	labtest.Must(t, socket.SetDeadline(time.Now().Add(patience)))
	return socket
}

func (w *world) send(t *testing.T, address, text string) {
	t.Helper()
	_, err := w.dial(t, address).Write([]byte(text))
	labtest.Must(t, err)
}

// receive reads one datagram.
func receive(t *testing.T, socket *net.UDPConn) (string, netip.AddrPort) {
	t.Helper()
	b := make([]byte, 100)
	n, from, err := socket.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Error(err)
	}
	return string(b[:n]), from
}

// serves tells whether a datagram of the peer's to one of our addresses is answered.
func (w *world) serves(t *testing.T, address string) {
	t.Helper()
	server, client := listen(t, address), w.dial(t, address)
	defer server.Close()
	_, err := client.Write([]byte("question"))
	labtest.Must(t, err)
	text, from := receive(t, server)
	_, err = server.WriteToUDPAddrPort([]byte("answer to "+text), from)
	labtest.Must(t, err)
	if got, _ := receive(t, client); got != "answer to question" {
		t.Errorf("%s answers %q", address, got)
	}
}

func TestRefuses(t *testing.T) {
	rows := []struct{ name, others string }{
		{"alone", ""},
		{"user accepts before", "table inet filter { chain input { type filter hook input priority -400; accept; }; }"},
		{"user accepts after", "table inet filter { chain input { type filter hook input priority 0; accept; }; }"},
	}
	w := newWorld(t)
	for _, f := range families {
		for _, row := range rows {
			t.Run(f.name+" "+row.name, func(t *testing.T) {
				t.Cleanup(func() { nft(t, "flush ruleset") })
				nft(t, row.others)
				run(t, f.virtual)
				w.checkRefused(t, f)
			})
		}
	}
}

// checkRefused sends to the refused address first: what arrives afterwards shows that
// it will not come any more.
func (w *world) checkRefused(t *testing.T, f family) {
	t.Helper()
	inbox := listen(t, "::")
	w.forget(t, f.virtual)
	w.send(t, f.virtual, "refused")
	w.send(t, f.own, "own")
	w.send(t, f.other, "other")
	for _, want := range []string{"own", "other"} {
		if got, _ := receive(t, inbox); got != want {
			t.Errorf("received %q, want %q", got, want)
		}
	}
	if !w.knows(t, f.virtual) {
		t.Error("the refused address was not resolved")
	}
}

func TestOpensAtTheEnd(t *testing.T) {
	w := newWorld(t)
	for _, f := range families {
		r := run(t, f.virtual)
		r.stop()
		w.serves(t, f.virtual)
	}
}
