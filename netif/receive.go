// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	network = "ip4:112" // raw IPv4, protocol 112 (RFC 9568 §5.1.1.4)
	// maxPacket is more than the longest VRRP packet: a header of 60 bytes, the
	// 8 fixed ones, 255 addresses, 8 bytes of VRRPv2 authentication. What is longer is
	// none, and is delivered cut, for whoever counts such packets.
	maxPacket    = 2048
	receiveBatch = 16 // packets per read
	// advertBuffer is for packets that wait while we are late. The kernel's default
	// holds some fifty large ones: any host could push out the adverts of others.
	advertBuffer = 4 << 20
)

// group is the IPv4 multicast address of VRRP (RFC 9568 §5.1.1.2).
func group() *net.IPAddr { return &net.IPAddr{IP: net.IPv4(224, 0, 0, 18)} }

// netInterface is what the socket libraries need to know of a link.
func netInterface(index int) *net.Interface { return &net.Interface{Index: index} }

// Packet is one received IP packet of protocol 112, without its IP header.
type Packet struct {
	Link                int // index of the interface that it came in on
	Source, Destination netip.Addr
	TTL                 uint8
	Payload             []byte // as long as the IP packet says; valid during the call only
}

// receiver is the receive socket of one link.
type receiver struct {
	index    int
	conn     net.PacketConn
	packets  *ipv4.PacketConn
	messages []ipv4.Message // reused
	control  ipv4.ControlMessage
}

func openReceiver(ctx context.Context, name string, index int) (*receiver, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return isolate(raw, name)
	}}
	conn, err := config.ListenPacket(ctx, network, "0.0.0.0")
	if err != nil {
		return nil, err
	}
	r := &receiver{index: index, conn: conn, packets: ipv4.NewPacketConn(conn)}
	if err := r.configure(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return r, nil
}

// isolate keeps packets of other links away: unicast ones, and those of groups that
// others have joined there. It also makes room for those of this one.
func isolate(raw syscall.RawConn, name string) (err error) {
	failed := raw.Control(func(fd uintptr) {
		if err = unix.BindToDevice(int(fd), name); err != nil {
			err = fmt.Errorf("bind to %s: %w", name, err)
			return
		}
		if err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0); err != nil {
			err = fmt.Errorf("IP_MULTICAST_ALL: %w", err)
			return
		}
		if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, advertBuffer); err != nil {
			err = fmt.Errorf("receive buffer: %w", err)
		}
	})
	return errors.Join(failed, err)
}

func (r *receiver) configure() error {
	// The interface of each packet: those that came between socket and bind are others'.
	if err := r.packets.SetControlMessage(ipv4.FlagInterface, true); err != nil {
		return fmt.Errorf("ask for the interface of each packet: %w", err)
	}
	if err := r.packets.JoinGroup(netInterface(r.index), group()); err != nil {
		return fmt.Errorf("join %v: %w", group(), err)
	}
	r.messages = make([]ipv4.Message, receiveBatch)
	for i := range r.messages {
		r.messages[i].Buffers = [][]byte{make([]byte, maxPacket)}
		r.messages[i].OOB = ipv4.NewControlMessage(ipv4.FlagInterface)
	}
	return nil
}

func (r *receiver) close() { _ = r.conn.Close() }

// read waits for packets and delivers them.
func (r *receiver) read(deliver func(Packet)) error {
	n, err := r.packets.ReadBatch(r.messages, 0)
	if err != nil {
		return err
	}
	for i := range r.messages[:n] {
		m := &r.messages[i]
		r.control.IfIndex = 0
		if r.control.Parse(m.OOB[:m.NN]) != nil || r.control.IfIndex != r.index {
			continue
		}
		if p, ok := stripHeader(m.Buffers[0][:m.N]); ok {
			p.Link = r.index
			deliver(p)
		}
	}
	return nil
}

// stripHeader takes a packet out of its IPv4 header (RFC 791 §3.1). It is false when
// the lengths in it don't fit what was read.
func stripHeader(b []byte) (Packet, bool) {
	if len(b) < ipv4.HeaderLen || b[0]>>4 != 4 {
		return Packet{}, false
	}
	header := int(b[0]&0x0f) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if len(b) == maxPacket {
		total = min(total, maxPacket)
	}
	if header < ipv4.HeaderLen || total < header || len(b) < total {
		return Packet{}, false
	}
	return Packet{
		Source:      netip.AddrFrom4([4]byte(b[12:16])),
		Destination: netip.AddrFrom4([4]byte(b[16:20])),
		TTL:         b[8],
		Payload:     b[header:total],
	}, true
}
