// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
)

func newSwitch(t *testing.T) *Switch {
	t.Helper()
	s, err := NewSwitch()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, s.Close()) })
	return s
}

// plugged makes a host with eth0 on the switch.
func plugged(t *testing.T, s *Switch, name string, addresses ...string) (*Namespace, *Cable) {
	t.Helper()
	n := newNamespace(t, name)
	cable, err := s.Plug(n, "eth0", addresses...)
	labtest.Must(t, err)
	return n, cable
}

// datagram sends one UDP datagram from one host to the other's address.
func datagram(t *testing.T, from, to *Namespace, address string) {
	t.Helper()
	var receiver net.PacketConn
	var sender net.Conn
	labtest.Must(t, to.Do(func() (err error) { receiver, err = net.ListenPacket("udp", address); return }))
	defer receiver.Close()
	labtest.Must(t, from.Do(func() (err error) { sender, err = net.Dial("udp", receiver.LocalAddr().String()); return }))
	defer sender.Close()
	_, err := sender.Write([]byte("hello"))
	labtest.Must(t, err)
	labtest.Must(t, receiver.SetReadDeadline(time.Now().Add(labtest.Patience)))
	if _, _, err := receiver.ReadFrom(make([]byte, 16)); err != nil {
		t.Fatalf("from %s to %s: %v", from.Name(), to.Name(), err)
	}
}

func TestSwitchConnectsHosts(t *testing.T) {
	s := newSwitch(t)
	lb1, _ := plugged(t, s, "lb1", "192.0.2.11/24")
	lb2, _ := plugged(t, s, "lb2", "192.0.2.12/24")
	datagram(t, lb1, lb2, "192.0.2.12:0")
	datagram(t, lb2, lb1, "192.0.2.11:0")
}

func TestIsolate(t *testing.T) {
	s := newSwitch(t)
	lb1, cable1 := plugged(t, s, "lb1", "192.0.2.11/24")
	lb2, cable2 := plugged(t, s, "lb2", "192.0.2.12/24")
	client, _ := plugged(t, s, "client", "192.0.2.1/24")
	labtest.Must(t, errors.Join(cable1.Isolate(true), cable2.Isolate(true)))
	heard := startCapture(t, lb2)
	ask := func(from *Namespace) *Asker {
		asker, err := StartAsker(from, "eth0", netip.MustParseAddr("192.0.2.12"))
		labtest.Must(t, err)
		t.Cleanup(func() { asker.Stop() })
		return asker
	}
	ask(lb1)
	ask(client)
	later := time.Now().Add(10 * askPeriod)
	from := func(address string) func(Packet) bool {
		return func(p Packet) bool {
			return p.Kind == ARPRequest && p.Source == netip.MustParseAddr(address) && p.Time.After(later)
		}
	}
	_, err := heard.Wait(labtest.Patient(t), from("192.0.2.1"))
	labtest.Must(t, err)
	later = time.Time{}
	wantNone(t, heard, "passed between isolated hosts", from("192.0.2.11"))
	labtest.Must(t, errors.Join(cable1.Isolate(false), cable2.Isolate(false)))
	_, err = heard.Wait(labtest.Patient(t), from("192.0.2.11"))
	labtest.Must(t, err)
}

func TestPlugIntoTheProcessesOwnNamespace(t *testing.T) {
	for range 2 { // the second time the name must be free again
		s, err := NewSwitch()
		labtest.Must(t, err)
		_, err = s.Plug(nil, "eth0", "192.0.2.1/24")
		labtest.Must(t, err)
		link, err := net.InterfaceByName("eth0")
		labtest.Must(t, err)
		if link.Flags&net.FlagUp == 0 {
			t.Errorf("eth0 has the flags %v, want up", link.Flags)
		}
		labtest.Must(t, s.Close())
		if _, err := net.InterfaceByName("eth0"); err == nil {
			t.Error("eth0 outlived its switch")
		}
	}
}

func TestPlugMistakes(t *testing.T) {
	for name, args := range map[string]struct{ ifname, address string }{
		"address without a mask":    {"eth0", "192.0.2.1"},
		"name of another interface": {"lo", "192.0.2.1/24"},
		"name too long":             {"interface-number-one", "192.0.2.1/24"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSwitch(t)
			n := newNamespace(t, "lb1")
			if _, err := s.Plug(n, args.ifname, args.address); err == nil {
				t.Error("no error")
			}
			links, err := n.Handle().LinkList()
			labtest.Must(t, err)
			if len(links) != 1 {
				t.Errorf("%d links left, want lo only", len(links))
			}
		})
	}
}

// With ports numbered as the kernel would, the second interface of a host has the
// index of the switch's first port, and the news of a lost carrier takes a second.
func TestPullTakesTheCarrier(t *testing.T) {
	n, _ := plugged(t, newSwitch(t), "lb1", "192.0.2.11/24")
	cable, err := newSwitch(t).Plug(n, "eth1")
	labtest.Must(t, err)
	events := subscribe(t, n)
	for range 3 { // the kernel delays only events that follow one another
		start := time.Now()
		labtest.Must(t, cable.Pull())
		waitCarrier(t, events, "eth1", false)
		labtest.Must(t, cable.Restore())
		waitCarrier(t, events, "eth1", true)
		if took := time.Since(start); took > 500*time.Millisecond {
			t.Errorf("the carrier went and came in %v", took)
		}
	}
}

func TestCableOfAClosedSwitch(t *testing.T) {
	s := newSwitch(t)
	_, cable := plugged(t, s, "lb1", "192.0.2.11/24")
	labtest.Must(t, s.Close())
	if cable.Pull() == nil || cable.Restore() == nil {
		t.Error("no error")
	}
}

func subscribe(t *testing.T, n *Namespace) <-chan netlink.LinkUpdate {
	t.Helper()
	events, done := make(chan netlink.LinkUpdate, 64), make(chan struct{})
	t.Cleanup(func() { close(done) })
	labtest.Must(t, n.Do(func() error { return netlink.LinkSubscribe(events, done) }))
	return events
}

func waitCarrier(t *testing.T, events <-chan netlink.LinkUpdate, ifname string, want bool) {
	t.Helper()
	timeout := time.After(labtest.Patience)
	for {
		select {
		case event := <-events:
			if event.Attrs().Name == ifname && (event.IfInfomsg.Flags&unix.IFF_RUNNING != 0) == want {
				return
			}
		case <-timeout:
			t.Fatalf("%s: no event with carrier %v", ifname, want)
		}
	}
}
