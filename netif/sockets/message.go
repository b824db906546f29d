// SPDX-License-Identifier: Apache-2.0

package sockets

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// What linux/inet_diag.h and linux/tcp.h say.
const (
	inetDiagReqBytecode = 1 // INET_DIAG_REQ_BYTECODE
	inetDiagSourceCond  = 7 // INET_DIAG_BC_S_COND
	anyPort             = ^uint32(0)

	idLen      = 48 // struct inet_diag_sockid
	requestLen = 8  // struct inet_diag_req_v2, before the id
	answerLen  = 72 // struct inet_diag_msg
	idOffset   = 4  // in it
	localIn16  = 4  // offset of the local address in an id

	timerTimeWait = 3 // idiag_timer: the kernel keeps no more of it than of a TIME_WAIT

	// connected are the states of connections. TCP_SYN_RECV stands for
	// TCP_NEW_SYN_RECV, too.
	connected = 1<<unix.BPF_TCP_ESTABLISHED | 1<<unix.BPF_TCP_SYN_SENT | 1<<unix.BPF_TCP_SYN_RECV |
		1<<unix.BPF_TCP_FIN_WAIT1 | 1<<unix.BPF_TCP_FIN_WAIT2 | 1<<unix.BPF_TCP_CLOSE_WAIT |
		1<<unix.BPF_TCP_LAST_ACK | 1<<unix.BPF_TCP_CLOSING
)

// socketID is what the kernel knows a socket by: ports, addresses, interface and cookie,
// as it has told us. A socket that has taken its place has another cookie.
type socketID struct {
	family uint8
	id     [idLen]byte
}

// request is a struct inet_diag_req_v2, for a dump of the states or of the one socket.
func (s socketID) request(states uint32) []byte {
	b := append(make([]byte, 0, requestLen+idLen), s.family, unix.IPPROTO_TCP, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, states)
	return append(b, s.id[:]...)
}

// message is what we take from a struct inet_diag_msg.
type message struct {
	id       socketID
	local    netip.Addr
	timeWait bool
}

func parse(answer []byte) (m message, ok bool) {
	if len(answer) < answerLen {
		return message{}, false
	}
	m.id.family, m.timeWait = answer[0], answer[2] == timerTimeWait
	copy(m.id.id[:], answer[idOffset:])
	address := m.id.id[localIn16:]
	switch m.id.family {
	case unix.AF_INET:
		m.local = netip.AddrFrom4([4]byte(address))
	case unix.AF_INET6:
		m.local = netip.AddrFrom16([16]byte(address))
	}
	return m, m.local.IsValid()
}

// localIn is a filter for the kernel: one instruction, which goes on to the end when the
// local address is in the prefix, and else beyond it.
func localIn(family uint8, prefix netip.Prefix) []byte {
	address := prefix.Addr().AsSlice()
	const instruction, condition = 4, 8 // struct inet_diag_bc_op, struct inet_diag_hostcond
	size := instruction + condition + len(address)
	b := append(make([]byte, 0, size), inetDiagSourceCond, uint8(size))
	b = binary.NativeEndian.AppendUint16(b, uint16(size+instruction))
	b = append(b, family, uint8(prefix.Bits()), 0, 0)
	b = binary.NativeEndian.AppendUint32(b, anyPort)
	return append(b, address...)
}
