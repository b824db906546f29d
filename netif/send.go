// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const sendBatch = 64 // datagrams per system call

// Datagram is one IP packet of protocol 112 to send, without its IP header.
type Datagram struct {
	Link                int        // index of the interface to send it on
	Source, Destination netip.Addr // of one family; the source must be an address of this host
	// Hardware is the source address of the Ethernet frame, such as a virtual MAC;
	// then the destination must be multicast. Empty: the interface's own.
	Hardware string
	Payload  []byte
}

// sender sends on all links, by a socket for each family, or as frames.
type sender struct {
	ipv4   *datagramSocket
	ipv6   *datagramSocket // nil: the kernel has no IPv6
	frames framer
}

func openSender(stations *stations) (*sender, error) {
	v4, err := openSocketIPv4()
	if err != nil {
		return nil, fmt.Errorf("IPv4: %w", err)
	}
	v6, err := openSocketIPv6()
	if err != nil && !errors.Is(err, unix.EAFNOSUPPORT) { // a kernel without IPv6 (ipv6.disable=1)
		v4.close()
		return nil, fmt.Errorf("IPv6: %w", err)
	}
	return &sender{ipv4: v4, ipv6: v6, frames: framer{stations: stations}}, nil
}

func (s *sender) close() {
	s.ipv4.close()
	if s.ipv6 != nil {
		s.ipv6.close()
	}
}

func (s *sender) send(batch []Datagram, failed func(i int, err error)) {
	for i := range batch {
		d := &batch[i]
		err := d.check()
		switch {
		case err != nil:
		case d.Hardware != "":
			err = s.frames.send(d)
		case d.Source.Is4():
			s.ipv4.add(batch, i, failed)
		case s.ipv6 == nil:
			err = unix.EAFNOSUPPORT
		default:
			s.ipv6.add(batch, i, failed)
		}
		if err != nil {
			failed(i, d.failure(err))
		}
	}
	s.ipv4.flush(batch, failed)
	if s.ipv6 != nil {
		s.ipv6.flush(batch, failed)
	}
}

// check refuses what the kernel would complete by itself: without a source it might
// choose a virtual address, without a link any interface.
func (d *Datagram) check() error {
	switch {
	case !d.Source.IsValid() || d.Source.IsUnspecified():
		return fmt.Errorf("source %v is no address", d.Source)
	case d.Destination.Is4() != d.Source.Is4() || d.Destination.Is6() != d.Source.Is6():
		return fmt.Errorf("destination %v is not of the source's family", d.Destination)
	case d.Link <= 0:
		return errors.New("no interface")
	case len(d.Payload) == 0:
		return errors.New("no payload")
	}
	return nil
}

func (d *Datagram) failure(err error) error {
	return fmt.Errorf("send from %v to %v on interface index %d: %w", d.Source, d.Destination, d.Link, err)
}

// datagramSocket is the one socket of a family that sends on all links.
type datagramSocket struct {
	conn    net.PacketConn
	packets interface {
		WriteBatch(messages []ipv4.Message, flags int) (int, error)
	}
	fill     func(d *Datagram, m *ipv4.Message) // writes it into m, whose parts are all there
	messages []ipv4.Message                     // reused
	filled   []int                              // the positions of what is in them
}

// add takes the i-th datagram of the batch, and sends what has gathered when there is
// no more room.
func (s *datagramSocket) add(batch []Datagram, i int, failed func(i int, err error)) {
	if len(s.filled) == len(s.messages) {
		s.flush(batch, failed)
	}
	s.fill(&batch[i], &s.messages[len(s.filled)])
	s.filled = append(s.filled, i)
}

// flush sends what has gathered. MSG_DONTWAIT: a full queue is an error of this
// datagram, not a wait.
func (s *datagramSocket) flush(batch []Datagram, failed func(i int, err error)) {
	for next := 0; next < len(s.filled); {
		n, err := s.packets.WriteBatch(s.messages[next:len(s.filled)], unix.MSG_DONTWAIT)
		next += max(n, 0)
		if err != nil { // of the first one that was not sent
			failed(s.filled[next], batch[s.filled[next]].failure(err))
			next++
		}
	}
	s.filled = s.filled[:0]
}

func (s *datagramSocket) close() { _ = s.conn.Close() }

// deaf is a filter that drops everything. Nobody reads a sending socket: its queue
// would fill up.
func deaf() ([]bpf.RawInstruction, error) {
	return bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})
}
