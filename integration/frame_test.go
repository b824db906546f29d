// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/packet"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	etherTypeIPv4 = 0x0800
	etherTypeARP  = 0x0806
	protocolVRRP  = 112
)

var (
	group     = netip.MustParseAddr("224.0.0.18")
	groupMAC  = net.HardwareAddr{0x01, 0x00, 0x5e, 0, 0, 18}
	everybody = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

// sender puts frames on the wire of a host, whatever is in them.
type sender struct {
	conn *packet.Conn
	mac  net.HardwareAddr
}

func newSender(t *testing.T, n *lab.Namespace) sender {
	t.Helper()
	var s sender
	labtest.Must(t, n.Do(func() error {
		link, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		s.mac = link.HardwareAddr
		s.conn, err = packet.Listen(link, packet.Raw, 0, nil) // protocol 0: it receives nothing
		return err
	}))
	t.Cleanup(func() { s.conn.Close() })
	return s
}

func (s sender) send(t *testing.T, to net.HardwareAddr, etherType uint16, payload []byte) {
	t.Helper()
	frame := append(append([]byte(nil), to...), s.mac...)
	frame = append(binary.BigEndian.AppendUint16(frame, etherType), payload...)
	_, err := s.conn.WriteTo(frame, &packet.Addr{HardwareAddr: to})
	labtest.Must(t, err)
}

// ask asks who has an address.
func (s sender) ask(t *testing.T, own, wanted netip.Addr) {
	t.Helper()
	question, err := arp.NewPacket(arp.OperationRequest, s.mac, own, make(net.HardwareAddr, 6), wanted)
	labtest.Must(t, err)
	payload, err := question.MarshalBinary()
	labtest.Must(t, err)
	s.send(t, everybody, etherTypeARP, payload)
}

// header is what an IPv4 header says.
type header struct {
	source, destination netip.Addr
	ttl                 uint8
	id                  uint16
	fragment            uint16 // the offset in units of 8 bytes, and the flag More Fragments
}

const moreFragments = 0x2000

// around puts an IPv4 header around a payload.
func (h header) around(payload []byte) []byte {
	b := []byte{0x45, 0xc0}
	b = binary.BigEndian.AppendUint16(b, uint16(20+len(payload)))
	b = binary.BigEndian.AppendUint16(b, h.id)
	b = binary.BigEndian.AppendUint16(b, h.fragment)
	b = append(b, h.ttl, protocolVRRP, 0, 0)
	b = append(append(b, h.source.AsSlice()...), h.destination.AsSlice()...)
	binary.BigEndian.PutUint16(b[10:], internetChecksum(b))
	return append(b, payload...)
}

// internetChecksum is RFC 1071's.
func internetChecksum(b []byte) uint16 {
	var sum uint32
	for i, value := range b {
		sum += uint32(value) << (8 * (1 - i%2))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// advert is a VRRPv3 advert from the client, field by field (RFC 9568 §5.2).
type advert struct {
	version, kind, vrid, priority, count uint8
	interval                             uint16 // centiseconds
	addresses                            []netip.Addr
	wrongSum                             bool
}

// claim is an advert that any node would yield to.
func claim() advert {
	return advert{version: 3, kind: 1, vrid: 51, priority: 255, count: 1, interval: 100, addresses: []netip.Addr{vip.Addr()}}
}

// asVersion2 makes a VRRPv3 advert one of VRRPv2 (RFC 3768 §5.3): no authentication,
// 1 s, and a checksum over the message alone.
func asVersion2(b []byte) []byte {
	b = append(b, make([]byte, 8)...)
	b[0] = 2<<4 | b[0]&0x0f
	copy(b[4:], []byte{0, 1, 0, 0})
	binary.BigEndian.PutUint16(b[6:], internetChecksum(b))
	return b
}

// bytes has the checksum over the pseudo-header, too, as RFC 5798 peers send it.
func (a advert) bytes(source, destination netip.Addr) []byte {
	b := []byte{a.version<<4 | a.kind, a.vrid, a.priority, a.count}
	b = binary.BigEndian.AppendUint16(b, a.interval)
	b = append(b, 0, 0)
	for _, address := range a.addresses {
		b = append(b, address.AsSlice()...)
	}
	pseudo := append(source.AsSlice(), destination.AsSlice()...)
	pseudo = append(pseudo, 0, protocolVRRP)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(b)))
	sum := internetChecksum(append(pseudo, b...))
	if a.wrongSum {
		sum ^= 0x0100
	}
	binary.BigEndian.PutUint16(b[6:], sum)
	return b
}
