// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// maxPacketIPv6 is more than the longest VRRP packet: 8 fixed bytes and 255 addresses.
const maxPacketIPv6 = 8 + 255*16 + 8

// groupIPv6 is the multicast address of VRRP (RFC 9568 §5.1.2.2).
func groupIPv6() *net.IPAddr { return &net.IPAddr{IP: net.ParseIP("ff02::12")} }

const flagsIPv6 = ipv6.FlagInterface | ipv6.FlagDst | ipv6.FlagHopLimit

// receptionIPv6 receives IPv6 packets, which come without their headers. The kernel's
// checksum is off, because it drops bad packets without counting them.
type receptionIPv6 struct {
	*ipv6.PacketConn
	conn    *net.IPConn
	from    netip.Addr          // whom the packet that was read is from
	control ipv6.ControlMessage // reused
}

// ReadBatch reads one packet. The batches of x/net look up the name of the zone of
// each link-local source, once a minute by a dump of all links: that would keep adverts
// waiting for whoever holds the RTNL lock.
func (r *receptionIPv6) ReadBatch(messages []ipv4.Message, flags int) (int, error) {
	raw, err := r.conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	m := &messages[0]
	var from unix.Sockaddr
	closed := raw.Read(func(fd uintptr) (done bool) {
		m.N, m.NN, _, from, err = unix.RecvmsgBuffers(int(fd), m.Buffers, m.OOB, flags)
		return err != unix.EAGAIN && err != unix.EINTR
	})
	if err = cmp.Or(closed, err); err != nil {
		return 0, err
	}
	r.from = netip.Addr{}
	if inet6, ok := from.(*unix.SockaddrInet6); ok {
		r.from = netip.AddrFrom16(inet6.Addr)
	}
	return 1, nil
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
	destination, ok := netip.AddrFromSlice(r.control.Dst)
	return Packet{
		Link:        r.control.IfIndex,
		Source:      r.from,
		Destination: destination,
		TTL:         uint8(r.control.HopLimit),
		Payload:     m.Buffers[0][:m.N],
	}, ok && r.from.IsValid()
}
