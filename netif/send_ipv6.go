// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"cmp"
	"encoding/binary"
	"errors"
	"net"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

func openSocketIPv6() (*datagramSocket, error) {
	_, v6 := families()
	conn, err := net.ListenPacket(v6.network, v6.unspecified)
	if err != nil {
		return nil, err
	}
	packets := ipv6.NewPacketConn(conn)
	drop, err := deaf()
	err = errors.Join(err,
		packets.SetBPF(drop),
		packets.SetMulticastHopLimit(timeToLive),
		packets.SetHopLimit(timeToLive),
		packets.SetTrafficClass(networkControl),
		packets.SetMulticastLoopback(false), // our own receivers must not hear us
		withoutFlowLabel(conn.(*net.IPConn)))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s := &datagramSocket{conn: conn, packets: packets, fill: fillIPv6, filled: make([]int, 0, sendBatch)}
	for range sendBatch {
		s.messages = append(s.messages, ipv4.Message{
			Buffers: make([][]byte, 1),
			OOB:     (&ipv6.ControlMessage{Src: net.IPv6loopback, IfIndex: 1}).Marshal(),
			Addr:    &net.IPAddr{IP: make(net.IP, net.IPv6len)},
		})
	}
	return s, nil
}

// withoutFlowLabel keeps the kernel from giving each packet one: adverts are no flow,
// and those that we send as frames have none either.
func withoutFlowLabel(conn *net.IPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_AUTOFLOWLABEL, 0)
	})
	return cmp.Or(failed, err)
}

// fillIPv6 needs no scope for a link-local destination: the control message says the
// link.
func fillIPv6(d *Datagram, m *ipv4.Message) {
	m.Buffers[0] = d.Payload
	destination := d.Destination.As16()
	copy(m.Addr.(*net.IPAddr).IP, destination[:])
	info := m.OOB[unix.CmsgLen(0):] // struct in6_pktinfo: addr, ifindex
	source := d.Source.As16()
	copy(info, source[:])
	binary.NativeEndian.PutUint32(info[16:], uint32(d.Link))
}
