// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
	"golang.org/x/net/bpf"
)

// question asks a link by ARP or ND who has an address.
type question struct {
	target netip.Addr
	// source is who asks. An unspecified one is nobody: nothing is learned of it (RFC
	// 5227 §2.1.1, RFC 4861 §4.3).
	source   netip.Addr
	hardware net.HardwareAddr // whom it asks; nil: everybody
}

// etherType is the one of questions about an address, and of their answers.
func etherType(target netip.Addr) ethernet.EtherType {
	if target.Is4() {
		return ethernet.EtherTypeARP
	}
	return ethernet.EtherTypeIPv6
}

// frame makes the Ethernet frame that asks, from the hardware address own.
func (q question) frame(own net.HardwareAddr) (to net.HardwareAddr, frame []byte, err error) {
	if q.target.Is4() {
		to, frame, err = q.request(own)
	} else {
		to, frame, err = q.solicitation(own)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("make the question who has %v: %w", q.target, err)
	}
	return to, frame, nil
}

// request is an ARP request (RFC 826).
func (q question) request(own net.HardwareAddr) (to net.HardwareAddr, frame []byte, err error) {
	p, err := arp.NewPacket(arp.OperationRequest, own, q.source, make(net.HardwareAddr, len(own)), q.target)
	if err != nil {
		return nil, nil, err
	}
	payload, err := p.MarshalBinary()
	if err != nil {
		return nil, nil, err
	}
	if to = q.hardware; to == nil {
		to = ethernet.Broadcast
	}
	frame, err = ethernetFrame(to, own, ethernet.EtherTypeARP, payload)
	return to, frame, err
}

// solicitation is an NS (RFC 4861 §4.3). It says where the answer goes, if somebody asks.
func (q question) solicitation(own net.HardwareAddr) (to net.HardwareAddr, frame []byte, err error) {
	message := &ndp.NeighborSolicitation{TargetAddress: q.target}
	if !q.source.IsUnspecified() {
		message.Options = []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: own}}
	}
	destination, to := q.target, q.hardware
	if to == nil {
		if destination, err = ndp.SolicitedNodeMulticast(q.target); err != nil {
			return nil, nil, err
		}
		to = multicastMAC(destination)
	}
	body, err := ndp.MarshalMessageChecksum(message, q.source, destination)
	if err != nil {
		return nil, nil, err
	}
	frame, err = ethernetFrame(to, own, ethernet.EtherTypeIPv6, packetND(q.source, destination, body))
	return to, frame, err
}

// The offsets, in a frame, of what an answer is told by.
const (
	etherTypeAt   = 12
	operationARP  = 20
	senderARP     = 28 // the sender's protocol address
	targetARP     = 38 // the target's
	endARP        = 42
	nextHeader    = 20
	hopLimit      = 21
	destinationND = 38
	typeND        = 54
	targetND      = 62
	endND         = 78 // of an NA without its options

	replyARP = 2
	typeNA   = 136
	// maxFrame is as much of an answer as is looked at.
	maxFrame = endND
)

// claim is what a frame says: somebody has an address.
type claim struct {
	by      net.HardwareAddr // the frame's source: a part of the frame
	address netip.Addr
	to      netip.Addr // whom it is said to
	reply   bool       // it is an answer, and no question of who has the address
}

// parseClaim reads an ARP packet or an NA. Of a longer frame the rest does not matter. An
// ND checksum is not looked at: the kernel may leave that of a frame that never was on a
// wire to the receiver.
func parseClaim(frame []byte) (c claim, ok bool) {
	if len(frame) < endARP {
		return claim{}, false
	}
	c.by = net.HardwareAddr(frame[6:12])
	switch half(frame, etherTypeAt) {
	case uint16(ethernet.EtherTypeARP):
		c.address, _ = netip.AddrFromSlice(frame[senderARP : senderARP+4])
		c.to, _ = netip.AddrFromSlice(frame[targetARP:endARP])
		c.reply = half(frame, operationARP) == replyARP
		return c, true
	case uint16(ethernet.EtherTypeIPv6):
		// Another hop limit may come from another link (RFC 4861 §7.1.2).
		if len(frame) < endND || frame[nextHeader] != protocolICMPv6 || frame[hopLimit] != hopLimitND || frame[typeND] != typeNA {
			return claim{}, false
		}
		c.address, _ = netip.AddrFromSlice(frame[targetND:endND])
		c.to, _ = netip.AddrFromSlice(frame[destinationND : destinationND+16])
		c.reply = true
		return c, true
	}
	return claim{}, false
}

func half(frame []byte, at int) uint16 { return uint16(frame[at])<<8 | uint16(frame[at+1]) }

// condition is what a frame must have somewhere.
type condition struct {
	load  bpf.Instruction
	value uint32
}

// passing makes the filter of a socket: what meets all conditions passes.
func passing(conditions ...condition) ([]bpf.RawInstruction, error) {
	var program []bpf.Instruction
	for i, c := range conditions {
		rest := len(conditions) - i - 1
		program = append(program, c.load, bpf.JumpIf{Cond: bpf.JumpEqual, Val: c.value, SkipFalse: uint8(2*rest + 1)})
	}
	program = append(program, bpf.RetConstant{Val: maxFrame}, bpf.RetConstant{Val: 0})
	filter, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("assemble the filter: %w", err)
	}
	return filter, nil
}

// isNA are the conditions for an NA.
func isNA() []condition {
	return []condition{
		{bpf.LoadAbsolute{Off: nextHeader, Size: 1}, protocolICMPv6},
		{bpf.LoadAbsolute{Off: typeND, Size: 1}, typeNA},
	}
}
