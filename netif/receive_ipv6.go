// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// maxPacketIPv6 is more than the longest VRRP packet: 8 fixed bytes and 255 addresses.
const maxPacketIPv6 = 8 + 255*16 + 8

// groupIPv6 is the multicast address of VRRP (RFC 9568 §5.1.2.2).
func groupIPv6() *net.IPAddr { return &net.IPAddr{IP: net.ParseIP("ff02::12")} }

const flagsIPv6 = ipv6.FlagInterface | ipv6.FlagDst | ipv6.FlagHopLimit

// receptionIPv6 receives IPv6 packets, which come without their headers.
type receptionIPv6 struct {
	*ipv6.PacketConn
	control ipv6.ControlMessage // reused
}

func (r *receptionIPv6) configure(index int) error {
	if err := r.SetControlMessage(flagsIPv6, true); err != nil {
		return fmt.Errorf("ask for the interface, destination and hop limit of each packet: %w", err)
	}
	if err := r.JoinGroup(netInterface(index), groupIPv6()); err != nil {
		return fmt.Errorf("join %v: %w", groupIPv6(), err)
	}
	return nil
}

func (r *receptionIPv6) message() ipv4.Message {
	return ipv4.Message{
		Buffers: [][]byte{make([]byte, maxPacketIPv6)},
		OOB:     ipv6.NewControlMessage(flagsIPv6),
	}
}

func (r *receptionIPv6) parse(m *ipv4.Message) (Packet, bool) {
	r.control.IfIndex, r.control.HopLimit = 0, 0
	if r.control.Parse(m.OOB[:m.NN]) != nil {
		return Packet{}, false
	}
	from, ok := m.Addr.(*net.IPAddr)
	if !ok {
		return Packet{}, false
	}
	source, fromIP := netip.AddrFromSlice(from.IP)
	destination, toIP := netip.AddrFromSlice(r.control.Dst)
	return Packet{
		Link:        r.control.IfIndex,
		Source:      source,
		Destination: destination,
		TTL:         uint8(r.control.HopLimit),
		Payload:     m.Buffers[0][:m.N],
	}, fromIP && toIP
}
