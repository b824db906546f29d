// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
)

const (
	slotSize  = 256 // bytes of a frame with the kernel's header
	slots     = 1 << 16
	blockSize = 1 << 16
	// frameLen is how much of a frame the kernel copies: Ethernet, IPv6, a neighbor
	// advertisement's target.
	frameLen = 96

	tpacketV2 = 1 // PACKET_VERSION
)

// ring is a packet socket on all interfaces of a namespace, whose frames the kernel
// writes into memory of ours (TPACKET_V2): nobody is woken for one, and reading one is
// no system call. The kernel filters: it has only adverts and announcements.
type ring struct {
	fd     int
	memory []byte
	next   int // slot
}

// newRing has room for 65536 frames that have not been read.
func newRing(n *lab.Namespace) (r *ring, err error) {
	err = n.Do(func() error {
		r, err = openRing()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	return r, nil
}

// openRing opens the socket in the calling thread's namespace. It is bound last, so
// that nothing gets in before the filter.
func openRing() (*ring, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	filter, err := frameFilter()
	size := unix.TpacketReq{Block_size: blockSize, Block_nr: slots * slotSize / blockSize, Frame_size: slotSize, Frame_nr: slots}
	err = errors.Join(err,
		unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, filter),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, tpacketV2),
		unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &size))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set up packet socket: %w", err), unix.Close(fd))
	}
	memory, err := unix.Mmap(fd, 0, slots*slotSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: 0x0300}) // ETH_P_ALL in network order
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("map packet socket: %w", err), unix.Close(fd))
	}
	return &ring{fd: fd, memory: memory}, nil
}

// read calls do for each frame that has come, with the time at which the kernel had it
// and the index of its interface. The frame is the kernel's after do.
func (r *ring) read(do func(at time.Duration, ifindex int, frame []byte)) {
	for range slots {
		slot := r.memory[r.next*slotSize:][:slotSize]
		header := (*unix.Tpacket2Hdr)(unsafe.Pointer(&slot[0]))
		if atomic.LoadUint32(&header.Status)&unix.TP_STATUS_USER == 0 {
			return
		}
		link := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&slot[unix.SizeofTpacket2Hdr])) // a multiple of TPACKET_ALIGNMENT
		if link.Pkttype != unix.PACKET_OUTGOING {
			at := time.Duration(header.Sec)*time.Second + time.Duration(header.Nsec)
			do(at, int(link.Ifindex), slot[header.Mac:][:header.Snaplen])
		}
		atomic.StoreUint32(&header.Status, unix.TP_STATUS_KERNEL)
		r.next = (r.next + 1) % slots
	}
}

// dropped is how many frames found no room since it was last asked.
func (r *ring) dropped() (int, error) {
	stats, err := unix.GetsockoptTpacketStats(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, fmt.Errorf("ask for dropped frames: %w", err)
	}
	return int(stats.Drops), nil
}

func (r *ring) close() error { return errors.Join(unix.Munmap(r.memory), unix.Close(r.fd)) }

// frameFilter lets adverts, gratuitous ARP and unsolicited neighbor advertisements
// through.
func frameFilter() (*unix.SockFprog, error) {
	const accept, drop = 15, 16 // the indexes of the last two
	return lab.SocketFilter([]bpf.Instruction{
		0: bpf.LoadAbsolute{Off: 12, Size: 2}, // EtherType
		1: bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IP, SkipTrue: 2},
		2: bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_ARP, SkipTrue: 3},
		3: bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IPV6, SkipTrue: 6, SkipFalse: drop - 4},

		4: bpf.LoadAbsolute{Off: ethernetLen + 9, Size: 1}, // protocol
		5: bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocolVRRP, SkipTrue: accept - 6, SkipFalse: drop - 6},

		6: bpf.LoadAbsolute{Off: ethernetLen + 24, Size: 4}, // target
		7: bpf.TAX{},
		8: bpf.LoadAbsolute{Off: ethernetLen + 14, Size: 4}, // sender
		9: bpf.JumpIfX{Cond: bpf.JumpEqual, SkipTrue: accept - 10, SkipFalse: drop - 10},

		10:     bpf.LoadAbsolute{Off: ethernetLen + 6, Size: 1}, // next header
		11:     bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocolVRRP, SkipTrue: accept - 12},
		12:     bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_ICMPV6, SkipTrue: drop - 13},
		13:     bpf.LoadAbsolute{Off: ethernetLen + ipv6Len, Size: 1}, // ICMPv6's type
		14:     bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: typeAdvertisement, SkipTrue: drop - 15},
		accept: bpf.RetConstant{Val: frameLen},
		drop:   bpf.RetConstant{Val: 0},
	})
}
