// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"encoding/binary"
	"errors"
	"net"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

func openSocketIPv4() (*datagramSocket, error) {
	v4, _ := families()
	conn, err := net.ListenPacket(v4.network, v4.unspecified)
	if err != nil {
		return nil, err
	}
	packets := ipv4.NewPacketConn(conn)
	drop, err := deaf()
	err = errors.Join(err,
		packets.SetBPF(drop),
		packets.SetMulticastTTL(timeToLive),
		packets.SetTTL(timeToLive),
		packets.SetTOS(networkControl),
		packets.SetMulticastLoopback(false)) // our own receivers must not hear us
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s := &datagramSocket{conn: conn, packets: packets, fill: fillIPv4, filled: make([]int, 0, sendBatch)}
	for range sendBatch {
		s.messages = append(s.messages, ipv4.Message{
			Buffers: make([][]byte, 1),
			OOB:     (&ipv4.ControlMessage{IfIndex: 1}).Marshal(),
			Addr:    &net.IPAddr{IP: make(net.IP, net.IPv4len)},
		})
	}
	return s, nil
}

func fillIPv4(d *Datagram, m *ipv4.Message) {
	m.Buffers[0] = d.Payload
	destination := d.Destination.As4()
	copy(m.Addr.(*net.IPAddr).IP, destination[:])
	info := m.OOB[unix.CmsgLen(0):] // struct in_pktinfo: ifindex, spec_dst, addr
	source := d.Source.As4()
	binary.NativeEndian.PutUint32(info, uint32(d.Link))
	copy(info[4:], source[:])
}
