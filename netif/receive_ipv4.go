// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
)

// maxPacketIPv4 is more than the longest VRRP packet: a header of 60 bytes, the 8 fixed
// ones, 255 addresses, 8 bytes of VRRPv2 authentication. What is longer is none, and is
// delivered cut, for whoever counts such packets.
const maxPacketIPv4 = 2048

// groupIPv4 is the multicast address of VRRP (RFC 9568 §5.1.1.2).
func groupIPv4() *net.IPAddr { return &net.IPAddr{IP: net.IPv4(224, 0, 0, 18)} }

// receptionIPv4 receives IPv4 packets, which come with their headers.
type receptionIPv4 struct {
	*ipv4.PacketConn
	control ipv4.ControlMessage // reused
}

func (r *receptionIPv4) configure(index int) error {
	if err := r.SetControlMessage(ipv4.FlagInterface, true); err != nil {
		return fmt.Errorf("ask for the interface of each packet: %w", err)
	}
	if err := r.JoinGroup(netInterface(index), groupIPv4()); err != nil {
		return fmt.Errorf("join %v: %w", groupIPv4(), err)
	}
	return nil
}

func (r *receptionIPv4) message() ipv4.Message {
	return ipv4.Message{
		Buffers: [][]byte{make([]byte, maxPacketIPv4)},
		OOB:     ipv4.NewControlMessage(ipv4.FlagInterface),
	}
}

func (r *receptionIPv4) parse(m *ipv4.Message) (Packet, bool) {
	r.control.IfIndex = 0
	if r.control.Parse(m.OOB[:m.NN]) != nil {
		return Packet{}, false
	}
	p, ok := stripHeader(m.Buffers[0][:m.N])
	p.Link = r.control.IfIndex
	return p, ok
}

// stripHeader takes a packet out of its IPv4 header (RFC 791 §3.1). It is false when
// the lengths in it don't fit what was read.
func stripHeader(b []byte) (Packet, bool) {
	if len(b) < ipv4.HeaderLen || b[0]>>4 != 4 {
		return Packet{}, false
	}
	header := int(b[0]&0x0f) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if len(b) == maxPacketIPv4 {
		total = min(total, maxPacketIPv4)
	}
	if header < ipv4.HeaderLen || total < header || len(b) < total {
		return Packet{}, false
	}
	return Packet{
		Source:      netip.AddrFrom4([4]byte(b[12:16])),
		Destination: netip.AddrFrom4([4]byte(b[16:20])),
		TTL:         b[8],
		Payload:     b[header:total],
	}, true
}
