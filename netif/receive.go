// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	receiveBatch = 16 // packets per read
	// advertBuffer is for packets that wait while we are late. The kernel's default
	// holds some fifty large ones: any host could push out the adverts of others.
	advertBuffer = 4 << 20
)

// Packet is one received IP packet of protocol 112, without its IP header.
type Packet struct {
	Link                int // index of the interface that it came in on
	Source, Destination netip.Addr
	TTL                 uint8  // IPv6: the hop limit
	Lost                uint32 // before it, and since the last one: the kernel had no room for them
	Payload             []byte // as long as the IP packet says; valid during the call only
}

// netInterface is what the socket libraries need to know of a link.
func netInterface(index int) *net.Interface { return &net.Interface{Index: index} }

// reception is how packets of one family are received.
type reception interface {
	// configure joins the group on a link, and asks for what parse needs.
	configure(index int) error
	// message makes room for one packet.
	message() ipv4.Message
	// ReadBatch waits for packets, and tells how many there are.
	ReadBatch(messages []ipv4.Message, flags int) (int, error)
	// parse finds the packet, and the link that it came in on. It is false when what
	// was read is none.
	parse(m *ipv4.Message) (Packet, bool)
}

// receiver is the receive socket of one family on one link.
type receiver struct {
	reception
	index    int
	conn     net.PacketConn
	raw      syscall.RawConn
	drops    drops
	messages []ipv4.Message // reused; the type is that of IPv6, too
}

func openReceiver(ctx context.Context, name string, index int, f family) (*receiver, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return isolate(raw, name, f)
	}}
	conn, err := config.ListenPacket(ctx, f.network, f.unspecified)
	if err != nil {
		return nil, err
	}
	r := &receiver{reception: f.reception(conn), index: index, conn: conn}
	if r.raw, err = conn.(syscall.Conn).SyscallConn(); err == nil {
		err = r.configure(index)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	for range receiveBatch {
		r.messages = append(r.messages, r.drops.room(r.message()))
	}
	return r, nil
}

// isolate keeps packets of other links away: unicast ones, and those of groups that
// others have joined there. It also makes room for those of this one.
func isolate(raw syscall.RawConn, name string, f family) (err error) {
	failed := raw.Control(func(fd uintptr) {
		if err = unix.BindToDevice(int(fd), name); err != nil {
			err = fmt.Errorf("bind to %s: %w", name, err)
			return
		}
		if err = unix.SetsockoptInt(int(fd), f.level, f.multicastAll, 0); err != nil {
			err = fmt.Errorf("hear the joined group only: %w", err)
			return
		}
		if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, advertBuffer); err != nil {
			err = fmt.Errorf("receive buffer: %w", err)
			return
		}
		if err = countDrops(int(fd)); err != nil {
			err = fmt.Errorf("count what finds no room in it: %w", err)
		}
	})
	return errors.Join(failed, err)
}

func (r *receiver) close() { _ = r.conn.Close() }

// read waits for packets and delivers them. Those that came between the socket's
// opening and its binding are others'.
func (r *receiver) read(deliver func(Packet)) error {
	n, err := r.ReadBatch(r.messages, 0)
	if err != nil {
		return err
	}
	for i := range r.messages[:n] {
		m := &r.messages[i]
		r.drops.read(m.OOB[:m.NN])
		if p, ok := r.parse(m); ok && p.Link == r.index {
			p.Lost = r.drops.tell()
			deliver(p)
		}
	}
	return nil
}
