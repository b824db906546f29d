// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"
)

const (
	protocolICMPv6 = 58
	// hopLimitND proves that a packet comes from this link (RFC 4861 §7.1.2).
	hopLimitND = 255
)

// announced is one address, and how hosts hear of it.
type announced struct {
	ip   netip.Addr
	link int // where the frame leaves
	// virtual is the link that the address is on, if it is another one, with a
	// hardware address of its own.
	virtual  string
	hardware net.HardwareAddr
}

// announce sends one announcement. On an interface without ARP and ND there is
// nothing to do.
func (s station) announce(a announced) error {
	if s.hardware == nil {
		return nil
	}
	if s.frames == nil {
		return errors.New("its packet socket is not open")
	}
	hardware, holder := s.hardware, s.name
	if a.virtual != "" {
		hardware, holder = a.hardware, a.virtual
	}
	to, frame, err := announcement(hardware, holder, a.virtual != "", a.ip)
	if err != nil {
		return fmt.Errorf("announce %v: %w", a.ip, err)
	}
	if _, err := s.frames.WriteTo(frame, &packet.Addr{HardwareAddr: to}); err != nil {
		return fmt.Errorf("announce %v: %w", a.ip, err)
	}
	return nil
}

// announcement makes the frame that tells everybody where an address is: a gratuitous
// ARP or an unsolicited NA. holder is the interface that has it.
func announcement(hardware net.HardwareAddr, holder string, virtual bool, ip netip.Addr) (to net.HardwareAddr, frame []byte, err error) {
	if ip.Is4() {
		target := make(net.HardwareAddr, len(hardware)) // RFC 5227 §2.3
		if virtual {
			target = hardware // RFC 9568 §6.4.1, erratum 7947
		}
		frame, err = gratuitousARP(hardware, target, ip)
		return ethernet.Broadcast, frame, err
	}
	forwards, err := forwardsIPv6(holder)
	if err != nil {
		return nil, nil, err
	}
	to = multicastMAC(allNodes())
	frame, err = neighborAdvertisement(hardware, ip, forwards)
	return to, frame, err
}

// gratuitousARP makes the Ethernet frame of an ARP announcement: a broadcast request
// whose sender and target are both ip (RFC 9568 §8.1.2).
func gratuitousARP(hardware, target net.HardwareAddr, ip netip.Addr) ([]byte, error) {
	p, err := arp.NewPacket(arp.OperationRequest, hardware, ip, target, ip)
	if err != nil {
		return nil, err
	}
	payload, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return ethernetFrame(ethernet.Broadcast, hardware, ethernet.EtherTypeARP, payload)
}

// allNodes is the multicast address of all nodes on the link (RFC 4291 §2.7.1).
func allNodes() netip.Addr { return netip.MustParseAddr("ff02::1") }

// neighborAdvertisement makes the Ethernet frame of an unsolicited NA that overrides
// what hosts know of ip (RFC 9568 §8.2.2, RFC 4861 §7.2.6). The Router flag must say
// what the kernel says when it is asked: hosts drop a router that says it is none.
func neighborAdvertisement(hardware net.HardwareAddr, ip netip.Addr, router bool) ([]byte, error) {
	message := &ndp.NeighborAdvertisement{
		Router:        router,
		Override:      true,
		TargetAddress: ip,
		Options:       []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: hardware}},
	}
	body, err := ndp.MarshalMessageChecksum(message, ip, allNodes())
	if err != nil {
		return nil, err
	}
	return ethernetFrame(multicastMAC(allNodes()), hardware, ethernet.EtherTypeIPv6, packetND(ip, allNodes(), body))
}

// packetND puts an IPv6 header before a message (RFC 8200 §3).
func packetND(from, to netip.Addr, body []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, uint16(len(body)))
	b = append(b, protocolICMPv6, hopLimitND)
	source, destination := from.As16(), to.As16()
	return append(append(append(b, source[:]...), destination[:]...), body...)
}

func ethernetFrame(to, from net.HardwareAddr, kind ethernet.EtherType, payload []byte) ([]byte, error) {
	frame := ethernet.Frame{Destination: to, Source: from, EtherType: kind, Payload: payload}
	return frame.MarshalBinary()
}

// forwardsIPv6 tells whether an interface is a router's.
func forwardsIPv6(name string) (bool, error) {
	text, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + name + "/forwarding")
	return err == nil && strings.TrimSpace(string(text)) != "0", err
}
