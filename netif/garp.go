// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
)

// announce sends one gratuitous ARP for each address. On an interface without ARP
// there is nothing to do. It stops at the first error: all of them go the same way.
func (s station) announce(addresses []netip.Addr) error {
	if s.hardware == nil {
		return nil
	}
	if s.frames == nil {
		return errors.New("its packet socket is not open")
	}
	everybody := &packet.Addr{HardwareAddr: ethernet.Broadcast}
	for _, ip := range addresses {
		frame, err := gratuitousARP(s.hardware, ip)
		if err != nil {
			return fmt.Errorf("gratuitous ARP for %v: %w", ip, err)
		}
		if _, err := s.frames.WriteTo(frame, everybody); err != nil {
			return fmt.Errorf("gratuitous ARP for %v: %w", ip, err)
		}
	}
	return nil
}

// gratuitousARP makes the Ethernet frame of an ARP announcement: a broadcast request
// whose sender and target are both ip (RFC 9568 §8.1.2; RFC 5227 §2.3 has the target's
// hardware address zero).
func gratuitousARP(hardware net.HardwareAddr, ip netip.Addr) ([]byte, error) {
	p, err := arp.NewPacket(arp.OperationRequest, hardware, ip, make(net.HardwareAddr, len(hardware)), ip)
	if err != nil {
		return nil, err
	}
	payload, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	frame := ethernet.Frame{
		Destination: ethernet.Broadcast,
		Source:      hardware,
		EtherType:   ethernet.EtherTypeARP,
		Payload:     payload,
	}
	return frame.MarshalBinary()
}
