// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"encoding/binary"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// drops counts the packets that the kernel has dropped because a receive socket was full.
// The kernel says so with the next packet that it had room for (SO_RXQ_OVFL).
type drops struct {
	seen   uint32 // since the socket was opened; it wraps
	untold uint32
}

// countDrops makes the kernel say it.
func countDrops(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1) }

// room makes room for it beside the control messages that are asked for already.
func (d *drops) room(m ipv4.Message) ipv4.Message {
	m.OOB = append(m.OOB, make([]byte, unix.CmsgSpace(4))...)
	return m
}

// read takes in what the control messages of a packet say.
func (d *drops) read(control []byte) {
	for len(control) >= unix.SizeofCmsghdr {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return
		}
		if header.Level == unix.SOL_SOCKET && header.Type == unix.SO_RXQ_OVFL && len(data) >= 4 {
			count := binary.NativeEndian.Uint32(data)
			d.untold += count - d.seen
			d.seen = count
		}
		control = rest
	}
}

// tell returns how many there were since it was last called.
func (d *drops) tell() uint32 {
	untold := d.untold
	d.untold = 0
	return untold
}
