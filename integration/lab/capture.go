// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	// captureLen is how much of a frame is read, in bytes: all headers.
	captureLen = 128
	// captureBuffer is what the kernel queues for a capture, in bytes.
	captureBuffer = 1 << 20
)

// Capture records the VRRP adverts, the ARP packets and those of Neighbor Discovery
// that one interface of a host sends and receives, with the kernel's time stamps.
// What a macvlan on the interface sends is among them.
type Capture struct {
	file    *os.File
	packets *journal[Packet]
}

// StartCapture captures on an interface of n until Close.
func StartCapture(n *Namespace, ifname string) (*Capture, error) {
	var file *os.File
	err := n.Do(func() (err error) {
		file, err = openCapture(ifname)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("capture on %s of %s: %w", ifname, n.name, err)
	}
	c := &Capture{file: file, packets: newJournal[Packet]()}
	go c.run()
	return c, nil
}

// openCapture opens a packet socket in the calling thread's namespace. It is bound
// last, so that nothing gets in before the filter.
func openCapture(ifname string) (*os.File, error) {
	link, err := net.InterfaceByName(ifname)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	filter, err := captureFilter()
	err = errors.Join(err,
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, captureBuffer),
		unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, filter),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: link.Index}))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set up packet socket: %w", err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "capture"), nil
}

func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}

// captureFilter lets through what decode knows.
func captureFilter() (*unix.SockFprog, error) {
	return SocketFilter([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 12, Size: 2}, // EtherType
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherTypeARP, SkipTrue: 10},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherTypeIPv6, SkipTrue: 3},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherTypeIPv4, SkipTrue: 9},
		bpf.LoadAbsolute{Off: ethernetLen + 9, Size: 1}, // protocol
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocolVRRP, SkipTrue: 6, SkipFalse: 7},
		bpf.LoadAbsolute{Off: ethernetLen + 6, Size: 1}, // next header
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocolVRRP, SkipTrue: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protocolICMP6, SkipTrue: 4},
		bpf.LoadAbsolute{Off: ethernetLen + ipv6Len, Size: 1}, // ICMPv6's type
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: typeSolicitation, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: typeAdvertisement, SkipTrue: 1},
		bpf.RetConstant{Val: captureLen},
		bpf.RetConstant{Val: 0},
	})
}

func (c *Capture) run() {
	for {
		packet, known, err := c.receive()
		if err == nil && known {
			err = c.packets.add(packet)
		}
		if errors.Is(err, unix.ENETDOWN) { // reported once; the interface may come up again
			continue
		}
		if err != nil {
			c.packets.end(err)
			return
		}
	}
}

// receive reads one frame.
func (c *Capture) receive() (packet Packet, known bool, err error) {
	frame, control := make([]byte, captureLen), make([]byte, 64)
	raw, err := c.file.SyscallConn()
	if err != nil {
		return Packet{}, false, err
	}
	var n, controlLen int
	var from unix.Sockaddr
	var received error
	err = raw.Read(func(fd uintptr) bool {
		n, controlLen, _, from, received = unix.Recvmsg(int(fd), frame, control, 0)
		return received != unix.EAGAIN && received != unix.EINTR
	})
	if err := errors.Join(err, received); err != nil {
		return Packet{}, false, err
	}
	if packet, known = decode(frame[:n]); !known {
		return Packet{}, false, nil
	}
	if link, ok := from.(*unix.SockaddrLinklayer); ok {
		packet.Sent = link.Pkttype == unix.PACKET_OUTGOING
	}
	packet.Time, err = timestamp(control[:controlLen])
	return packet, true, err
}

// timestamp reads SO_TIMESTAMPNS.
func timestamp(control []byte) (time.Time, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Time{}, fmt.Errorf("read time stamp: %w", err)
	}
	for _, m := range messages {
		var stamp unix.Timespec
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS {
			err := binary.Read(bytes.NewReader(m.Data), binary.NativeEndian, &stamp)
			return time.Unix(stamp.Unix()), err
		}
	}
	return time.Time{}, errors.New("the frame has no time stamp")
}

// Packets are those captured so far.
func (c *Capture) Packets() []Packet { return c.packets.all() }

// Take are those captured since the last Take. They are forgotten, so that a capture
// can go on for ever.
func (c *Capture) Take() []Packet { return c.packets.take() }

// Wait waits for the first packet, from the begin of the capture on, that matches.
// It is an error when ctx ends before that, or the capture.
func (c *Capture) Wait(ctx context.Context, match func(Packet) bool) (Packet, error) {
	return c.packets.wait(ctx, match)
}

// Close ends the capture. What it recorded stays.
func (c *Capture) Close() error {
	err := c.file.Close()
	<-c.packets.ended
	return err
}
