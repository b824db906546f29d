// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"encoding/binary"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The offsets, in a netlink message, of what an echo is told by: struct nlmsghdr's type
// and flags, and the attributes after it and struct ifaddrmsg.
const (
	messageType    = 4
	messageFlags   = 6
	addressDetails = unix.SizeofNlMsghdr + unix.SizeofIfAddrmsg

	whole = 1<<32 - 1 // all of the message passes
)

// ignoreEchoes makes the socket deaf to notifications of addresses that carry a tag of
// ours: they are set by us, and renewed up to three times a second each. That one is
// deleted, or has lost its tag, is still heard, and all of a dump.
func (c *rtnl) ignoreEchoes() error {
	filter, err := bpf.Assemble(echoFilter())
	if err != nil {
		return fmt.Errorf("assemble the filter: %w", err)
	}
	program := make([]unix.SockFilter, len(filter))
	for i, in := range filter {
		program[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	attached := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.SetsockoptSockFprog(c.socket.GetFd(), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &attached); err != nil {
		return fmt.Errorf("attach the filter: %w", err)
	}
	return nil
}

// echoFilter drops an RTM_NEWADDR with our IFA_PROTO that is not part of a dump. A
// notification is one message; of a dump's many, a filter sees the first.
func echoFilter() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: messageType, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: native(unix.RTM_NEWADDR), SkipFalse: 9},
		bpf.LoadAbsolute{Off: messageFlags, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: native(unix.NLM_F_MULTI), SkipTrue: 7},
		bpf.LoadConstant{Dst: bpf.RegA, Val: addressDetails},
		bpf.LoadConstant{Dst: bpf.RegX, Val: netlink.IFA_PROTO},
		bpf.LoadExtension{Num: bpf.ExtNetlinkAttr}, // where it is; 0: it is not there
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 3},
		bpf.TAX{},
		bpf.LoadIndirect{Off: unix.SizeofRtAttr, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: addressTag, SkipTrue: 1},
		bpf.RetConstant{Val: whole},
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: handedTag, SkipTrue: 1, SkipFalse: 0},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: whole},
	}
}

// native is a number of the kernel's byte order as a filter loads it: as if it were of
// the network's.
func native(n uint16) uint32 {
	return uint32(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, n)))
}
