// SPDX-License-Identifier: Apache-2.0

package macvlan_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/ndp"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
)

var broadcast = net.HardwareAddr{255, 255, 255, 255, 255, 255}

func ethernet(to, from net.HardwareAddr, etherType uint16, payload []byte) []byte {
	frame := append(bytes.Clone(to), from...)
	return append(binary.BigEndian.AppendUint16(frame, etherType), payload...)
}

// arpRequest asks the LAN for the target.
func (w *world) arpRequest(target string) []byte {
	arp := []byte{0, 1, 8, 0, 6, 4, 0, 1}
	arp = append(append(arp, w.mac...), ip4(clientIP)...)
	arp = append(append(arp, 0, 0, 0, 0, 0, 0), ip4(target)...)
	return ethernet(broadcast, w.mac, unix.ETH_P_ARP, arp)
}

// arpOf shows an ARP packet from the node: "192.0.2.100 is at 00:00:5e:00:01:33", or
// with "asks" for a request.
func (w *world) arpOf(operation byte) func([]byte) string {
	verb := map[byte]string{1: "asks", 2: "is"}[operation]
	return func(frame []byte) string {
		if len(frame) < 42 || binary.BigEndian.Uint16(frame[12:]) != unix.ETH_P_ARP ||
			frame[21] != operation || bytes.Equal(frame[6:12], w.mac) {
			return ""
		}
		text := fmt.Sprintf("%v %s at %v", net.IP(frame[28:32]), verb, net.HardwareAddr(frame[22:28]))
		if !bytes.Equal(frame[6:12], frame[22:28]) {
			text += fmt.Sprintf(", from %v", net.HardwareAddr(frame[6:12]))
		}
		return text
	}
}

// solicitation asks the LAN for an IPv6 target, from the client's address.
func (w *world) solicitation(target string) []byte {
	from, to := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr(target)
	group, err := ndp.SolicitedNodeMulticast(to)
	labtest.Must(w.t, err)
	message, err := ndp.MarshalMessageChecksum(&ndp.NeighborSolicitation{TargetAddress: to,
		Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: w.mac}}}, from, group)
	labtest.Must(w.t, err)
	header := binary.BigEndian.AppendUint16([]byte{6 << 4, 0, 0, 0}, uint16(len(message)))
	header = append(header, unix.IPPROTO_ICMPV6, 255)
	header = append(append(header, from.AsSlice()...), group.AsSlice()...)
	hardware := net.HardwareAddr(append([]byte{0x33, 0x33}, group.AsSlice()[12:]...))
	return ethernet(hardware, w.mac, unix.ETH_P_IPV6, append(header, message...))
}

// advertisement shows a solicited neighbour advertisement: "2001:db8::100 is at
// 00:00:5e:00:02:33", and " router" where the flag is set.
func advertisement(frame []byte) string {
	if len(frame) < 54 || binary.BigEndian.Uint16(frame[12:]) != unix.ETH_P_IPV6 || frame[20] != unix.IPPROTO_ICMPV6 {
		return ""
	}
	message, err := ndp.ParseMessage(frame[54:])
	na, ok := message.(*ndp.NeighborAdvertisement)
	if err != nil || !ok || !na.Solicited {
		return ""
	}
	text := fmt.Sprintf("%v is at %v", na.TargetAddress, net.HardwareAddr(frame[6:12]))
	for _, o := range na.Options {
		if target, ok := o.(*ndp.LinkLayerAddress); ok && !bytes.Equal(target.Addr, frame[6:12]) {
			text += fmt.Sprintf(", option %v", target.Addr)
		}
	}
	if na.Router {
		text += " router"
	}
	return text
}

// ipv4Frame carries a payload; its header has no options.
func ipv4Frame(to, from net.HardwareAddr, protocol byte, source, destination string, payload []byte) []byte {
	header := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 255, protocol, 0, 0}
	header = append(append(header, ip4(source)...), ip4(destination)...)
	binary.BigEndian.PutUint16(header[2:], uint16(len(header)+len(payload)))
	var sum uint32
	for i := 0; i < len(header); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	binary.BigEndian.PutUint16(header[10:], ^uint16(sum>>16+sum&0xffff))
	return ethernet(to, from, unix.ETH_P_IP, append(header, payload...))
}

// datagram is a UDP payload to port 4789, without a checksum.
func datagram(text string) []byte {
	udp := []byte{0x12, 0xb5, 0x12, 0xb5, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)+len(text)))
	return append(udp, text...)
}

func ip4(text string) []byte { return netip.MustParseAddr(text).AsSlice() }
