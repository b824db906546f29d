// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"net"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

const (
	protocol       = 112  // RFC 9568 §5.1.1.4, §5.1.2.4
	timeToLive     = 255  // §5.1.1.3, §5.1.2.3
	networkControl = 0xc0 // TOS, traffic class: precedence "Internetwork Control" (RFC 791)
)

// family is what differs between IPv4 and IPv6 sockets.
type family struct {
	name                string
	network             string // of package net
	unspecified         string // an address that is any
	level, multicastAll int    // the socket option that turns "groups of others, too" off
	reception           func(net.PacketConn) reception
}

func families() (v4, v6 family) {
	v4 = family{
		name: "IPv4", network: "ip4:112", unspecified: "0.0.0.0",
		level: unix.IPPROTO_IP, multicastAll: unix.IP_MULTICAST_ALL,
		reception: func(c net.PacketConn) reception { return &receptionIPv4{PacketConn: ipv4.NewPacketConn(c)} },
	}
	v6 = family{
		name: "IPv6", network: "ip6:112", unspecified: "::",
		level: unix.IPPROTO_IPV6, multicastAll: unix.IPV6_MULTICAST_ALL,
		reception: func(c net.PacketConn) reception {
			return &receptionIPv6{PacketConn: ipv6.NewPacketConn(c), conn: c.(*net.IPConn)}
		},
	}
	return v4, v6
}
