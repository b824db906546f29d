// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

const (
	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86dd
	ethernetLen   = 14
	ipv4Len       = 20
)

// framer sends datagrams as Ethernet frames, because their source is not the
// interface's address: the virtual MAC's interface is down before the takeover, and
// after the end.
type framer struct {
	stations *stations
	buffer   []byte // reused
}

func (f *framer) send(d *Datagram) error {
	station := f.stations.get(d.Link)
	source, err := parseEthernet(d.Hardware)
	switch {
	case err != nil:
		return err
	case !d.Destination.IsMulticast():
		return fmt.Errorf("a frame from %s needs a multicast destination", d.Hardware)
	case station.frames == nil:
		return errors.New("its packet socket is not open")
	}
	destination := multicastMAC(d.Destination)
	b := append(append(f.buffer[:0], destination...), source...)
	if d.Source.Is4() {
		b = appendIPv4(binary.BigEndian.AppendUint16(b, etherTypeIPv4), d)
	} else {
		b = appendIPv6(binary.BigEndian.AppendUint16(b, etherTypeIPv6), d)
	}
	f.buffer = append(b, d.Payload...)
	if len(f.buffer)-ethernetLen > station.mtu {
		return fmt.Errorf("%d bytes are more than the MTU, %d: frames are not fragmented", len(f.buffer)-ethernetLen, station.mtu)
	}
	return sendAtOnce(station.frames, d.Link, destination, f.buffer)
}

// parseEthernet reads an address of six bytes.
func parseEthernet(text string) (net.HardwareAddr, error) {
	mac, err := net.ParseMAC(text)
	if err != nil || len(mac) != 6 {
		return nil, fmt.Errorf("%q is no Ethernet address", text)
	}
	return mac, nil
}

// multicastMAC is where a multicast packet goes (RFC 1112 §6.4, RFC 2464 §7).
func multicastMAC(group netip.Addr) net.HardwareAddr {
	b := group.AsSlice()
	if group.Is4() {
		return net.HardwareAddr{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
	}
	return append(net.HardwareAddr{0x33, 0x33}, b[12:]...)
}

// appendIPv4 appends an IPv4 header (RFC 791 §3.1), as the kernel makes it for our
// other packets.
func appendIPv4(b []byte, d *Datagram) []byte {
	start := len(b)
	b = append(b, 0x45, networkControl)
	b = binary.BigEndian.AppendUint16(b, uint16(ipv4Len+len(d.Payload)))
	b = append(b, 0, 0, 0x40, 0) // identification: none is needed for what may not be fragmented
	b = append(b, timeToLive, protocol, 0, 0)
	source, destination := d.Source.As4(), d.Destination.As4()
	b = append(append(b, source[:]...), destination[:]...)
	binary.BigEndian.PutUint16(b[start+10:], headerChecksum(b[start:]))
	return b
}

// headerChecksum is RFC 1071's, of a header whose own field is 0.
func headerChecksum(header []byte) uint16 {
	var sum uint32
	for i := 0; i < len(header); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum>>16 + sum)
}

// appendIPv6 appends an IPv6 header (RFC 8200 §3).
func appendIPv6(b []byte, d *Datagram) []byte {
	b = append(b, 0x60|networkControl>>4, networkControl&0x0f<<4, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(d.Payload)))
	b = append(b, protocol, timeToLive)
	source, destination := d.Source.As16(), d.Destination.As16()
	return append(append(b, source[:]...), destination[:]...)
}

// sendAtOnce sends a frame, or says that there is no room for it.
func sendAtOnce(conn *packet.Conn, link int, to net.HardwareAddr, frame []byte) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	address := unix.SockaddrLinklayer{Ifindex: link, Halen: uint8(len(to))}
	copy(address.Addr[:], to)
	failed := raw.Write(func(fd uintptr) bool {
		err = unix.Sendto(int(fd), frame, unix.MSG_DONTWAIT, &address)
		return true
	})
	return errors.Join(failed, err)
}
