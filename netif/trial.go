// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// Try tells whether a datagram could be sent, without any host hearing of it. It goes
// the way of Send, through the routes and the packet filter's output, as one that the
// kernel lets no further: over IPv4 with the TTL 0, over IPv6 to the group of that number
// in the scope of the interface (RFC 4291 §2.7). Of a unicast datagram, and of one with a
// hardware address, it knows nothing, and returns nil.
//
// It opens a socket for each call: it is for the rare time after Send has failed.
func (h *Host) Try(d Datagram) error {
	if d.Hardware != "" || !d.Destination.IsMulticast() {
		return nil
	}
	err := d.check()
	if err == nil {
		err = try(d)
	}
	if err != nil {
		return d.failure(err)
	}
	return nil
}

func try(d Datagram) (err error) {
	var socket *datagramSocket
	if d.Source.Is4() {
		socket, err = openSocketIPv4()
	} else {
		socket, err = openSocketIPv6()
		d.Destination = withinInterface(d.Destination)
	}
	if err != nil {
		return err
	}
	defer socket.close()
	if d.Source.Is4() {
		if err := ipv4.NewPacketConn(socket.conn).SetMulticastTTL(0); err != nil {
			return err
		}
	}
	socket.fill(&d, &socket.messages[0])
	_, err = socket.packets.WriteBatch(socket.messages[:1], unix.MSG_DONTWAIT)
	return err
}

// withinInterface is a group's address in the scope of the interface.
func withinInterface(group netip.Addr) netip.Addr {
	const interfaceLocal = 1
	b := group.As16()
	b[1] = b[1]&0xf0 | interfaceLocal
	return netip.AddrFrom16(b)
}
