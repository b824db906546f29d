// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	timeToLive     = 255  // RFC 9568 §5.1.1.3
	networkControl = 0xc0 // TOS: precedence "Internetwork Control" (RFC 791)
	sendBatch      = 64   // datagrams per system call
)

// Datagram is one IP packet of protocol 112 to send, without its IP header.
type Datagram struct {
	Link                int        // index of the interface to send it on
	Source, Destination netip.Addr // IPv4; the source must be an address of this host
	Payload             []byte
}

// sender is the one socket that sends on all links.
type sender struct {
	conn     net.PacketConn
	packets  *ipv4.PacketConn
	messages []ipv4.Message // reused
	filled   []int          // the positions of what is in them
}

func openSender() (*sender, error) {
	conn, err := net.ListenPacket(network, "0.0.0.0")
	if err != nil {
		return nil, err
	}
	s := &sender{conn: conn, packets: ipv4.NewPacketConn(conn)}
	if err := s.configure(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s.filled = make([]int, 0, sendBatch)
	s.messages = make([]ipv4.Message, sendBatch)
	for i := range s.messages {
		s.messages[i] = ipv4.Message{
			Buffers: make([][]byte, 1),
			OOB:     (&ipv4.ControlMessage{IfIndex: 1}).Marshal(),
			Addr:    &net.IPAddr{IP: make(net.IP, net.IPv4len)},
		}
	}
	return s, nil
}

func (s *sender) configure() error {
	// Nobody reads this socket: drop everything, or its queue fills up.
	drop, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})
	if err != nil {
		return err
	}
	return errors.Join(
		s.packets.SetBPF(drop),
		s.packets.SetMulticastTTL(timeToLive),
		s.packets.SetTTL(timeToLive),
		s.packets.SetTOS(networkControl),
		s.packets.SetMulticastLoopback(false), // our own receivers must not hear us
	)
}

func (s *sender) close() { _ = s.conn.Close() }

func (s *sender) send(batch []Datagram, failed func(i int, err error)) {
	for start := 0; start < len(batch); start += len(s.messages) {
		s.sendSome(batch, start, min(start+len(s.messages), len(batch)), failed)
	}
}

// sendSome sends a part of the batch, at most as many datagrams as there are messages.
func (s *sender) sendSome(batch []Datagram, start, end int, failed func(i int, err error)) {
	s.filled = s.filled[:0]
	for i := start; i < end; i++ {
		if err := batch[i].check(); err != nil {
			failed(i, batch[i].failure(err))
			continue
		}
		batch[i].fill(&s.messages[len(s.filled)])
		s.filled = append(s.filled, i)
	}
	for next := 0; next < len(s.filled); {
		// MSG_DONTWAIT: a full queue is an error of this datagram, not a wait.
		n, err := s.packets.WriteBatch(s.messages[next:len(s.filled)], unix.MSG_DONTWAIT)
		next += max(n, 0)
		if err != nil { // of the first one that was not sent
			failed(s.filled[next], batch[s.filled[next]].failure(err))
			next++
		}
	}
}

// check refuses what the kernel would complete by itself: without a source it might
// choose a virtual address, without a link any interface.
func (d *Datagram) check() error {
	switch {
	case !d.Source.Is4():
		return fmt.Errorf("source %v is no IPv4 address", d.Source)
	case !d.Destination.Is4():
		return fmt.Errorf("destination %v is no IPv4 address", d.Destination)
	case d.Link <= 0:
		return errors.New("no interface")
	case len(d.Payload) == 0:
		return errors.New("no payload")
	}
	return nil
}

// fill writes the datagram into m, whose parts are all there already.
func (d *Datagram) fill(m *ipv4.Message) {
	m.Buffers[0] = d.Payload
	destination := d.Destination.As4()
	copy(m.Addr.(*net.IPAddr).IP, destination[:])
	info := m.OOB[unix.CmsgLen(0):] // struct in_pktinfo: ifindex, spec_dst, addr
	source := d.Source.As4()
	binary.NativeEndian.PutUint32(info, uint32(d.Link))
	copy(info[4:], source[:])
}

func (d *Datagram) failure(err error) error {
	return fmt.Errorf("send from %v to %v on interface index %d: %w", d.Source, d.Destination, d.Link, err)
}
