// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ndp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
)

// resolver is the peer's own ARP or ND.
type resolver interface {
	// ask asks for an address.
	ask(t *testing.T, address string)
	// hear reads until somebody answers, or asks, and returns who: the address in
	// question for an answer, the asking one for a question.
	hear(t *testing.T) (address string, answer bool)
}

func (w *world) resolver(t *testing.T, f family) (r resolver) {
	t.Helper()
	labtest.Must(t, w.peer.Do(func() (err error) {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		if f.name == "IPv4" {
			r, err = dialARP(t, eth0)
		} else {
			r, err = listenND(t, eth0, f.peer)
		}
		return err
	}))
	return r
}

type arpResolver struct{ *arp.Client }

func dialARP(t *testing.T, eth0 *net.Interface) (resolver, error) {
	client, err := arp.Dial(eth0)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { client.Close() })
	return arpResolver{client}, client.SetReadDeadline(time.Now().Add(patience))
}

func (r arpResolver) ask(t *testing.T, address string) {
	t.Helper()
	labtest.Must(t, r.Request(netip.MustParseAddr(address)))
}

func (r arpResolver) hear(t *testing.T) (string, bool) {
	t.Helper()
	p, _, err := r.Read()
	labtest.Must(t, err)
	return p.SenderIP.String(), p.Operation == arp.OperationReply
}

type ndResolver struct {
	*ndp.Conn
	hardware net.HardwareAddr
}

func listenND(t *testing.T, eth0 *net.Interface, address string) (resolver, error) {
	eth0.Name = strconv.Itoa(eth0.Index) // zones' names would be those of the process's namespace
	conn, _, err := ndp.Listen(eth0, ndp.Addr(address))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	return ndResolver{conn, eth0.HardwareAddr}, conn.SetReadDeadline(time.Now().Add(patience))
}

func (r ndResolver) ask(t *testing.T, address string) {
	t.Helper()
	group, err := ndp.SolicitedNodeMulticast(netip.MustParseAddr(address))
	labtest.Must(t, err)
	r.askAt(t, address, group)
}

func (r ndResolver) askAt(t *testing.T, address string, destination netip.Addr) {
	t.Helper()
	labtest.Must(t, r.WriteTo(&ndp.NeighborSolicitation{
		TargetAddress: netip.MustParseAddr(address),
		Options:       []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: r.hardware}},
	}, nil, destination))
}

func (r ndResolver) hear(t *testing.T) (string, bool) {
	t.Helper()
	for {
		message, _, from, err := r.ReadFrom()
		labtest.Must(t, err)
		switch m := message.(type) {
		case *ndp.NeighborAdvertisement:
			return m.TargetAddress.String(), true
		case *ndp.NeighborSolicitation:
			return from.WithZone("").String(), false
		}
	}
}

func TestSilence(t *testing.T) {
	w := newWorld(t)
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			r := run(t)
			w.serves(t, f.virtual) // each knows the other
			r.silence(t, "a", f.virtual)
			w.serves(t, f.virtual)
			w.checkAnswers(t, f, f.own, f.other)
			r.silence(t, "a")
			w.checkAnswers(t, f, f.virtual, f.own, f.other)
		})
	}
}

// checkAnswers asks for the virtual address first: an answer for a later one shows
// that none will come for it.
func (w *world) checkAnswers(t *testing.T, f family, want ...string) {
	t.Helper()
	r := w.resolver(t, f)
	for _, address := range []string{f.virtual, f.own, f.other} {
		r.ask(t, address)
	}
	var got []string
	for !slices.Contains(got, f.other) {
		if address, answer := r.hear(t); answer {
			got = append(got, address)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("answers for %v, want %v", got, want)
	}
}

// Whoever is asked in the name of an address learns where it is.
func TestSilentAddressDoesNotAsk(t *testing.T) {
	w := newWorld(t)
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			r := run(t)
			r.silence(t, "a", f.virtual)
			peer := w.resolver(t, f)
			w.sendFrom(t, f.virtual, f.peer)
			w.sendFrom(t, f.own, f.peer2)
			if address, answer := peer.hear(t); answer || address != f.own {
				t.Errorf("%s asked first", address)
			}
		})
	}
}

// A switch that hears a frame from a virtual MAC believes it is there.
func TestSilentAddressReportsNoGroups(t *testing.T) {
	newWorld(t)
	f := families[1]
	run(t).silence(t, "a", f.virtual)
	const echo = 128
	for _, row := range []struct {
		from  string
		kind  byte
		fails error
	}{
		{f.virtual, 131, unix.EPERM},
		{f.virtual, 132, unix.EPERM},
		{f.virtual, 143, unix.EPERM},
		{f.virtual, echo, nil},
		{f.own, 143, nil},
	} {
		conn, err := net.ListenPacket("ip6:ipv6-icmp", row.from)
		labtest.Must(t, err)
		_, err = conn.WriteTo([]byte{row.kind, 0, 0, 0, 0, 0, 0, 0}, &net.IPAddr{IP: net.ParseIP(f.peer)})
		if !errors.Is(err, row.fails) {
			t.Errorf("%d from %s: %v, want %v", row.kind, row.from, err, row.fails)
		}
		conn.Close()
	}
}

// sendFrom sends a datagram from one of our addresses to one of the peer's that we
// don't know.
func (w *world) sendFrom(t *testing.T, own, peer string) {
	t.Helper()
	eth0, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	_ = netlink.NeighDel(&netlink.Neigh{LinkIndex: eth0.Attrs().Index, IP: net.ParseIP(peer)}) // it may be unknown already
	_, err = listen(t, own).WriteToUDPAddrPort([]byte("hello"), netip.AddrPortFrom(netip.MustParseAddr(peer), 7000))
	labtest.Must(t, err)
}

// A host that already knows a refused address asks it directly. The peer's kernel asks
// everybody first, to know where the direct question goes.
func TestRefusesNoDirectQuestion(t *testing.T) {
	w, f := newWorld(t), families[1]
	run(t, f.virtual)
	r := w.resolver(t, f).(ndResolver)
	r.askAt(t, f.virtual, netip.MustParseAddr(f.virtual))
	for answers := 0; answers < 2; {
		if address, answer := r.hear(t); answer && address == f.virtual {
			answers++
		}
	}
}
