// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
)

// askPeriod is how often an asker asks.
const askPeriod = 5 * time.Millisecond

// Asker asks all hosts of its LAN every 5 ms, by ARP or Neighbor Discovery, who has
// an address. Captures on the nodes tell who answers: see [Answers].
type Asker struct {
	conn  *packet.Conn
	to    net.HardwareAddr
	frame []byte
	stop  chan struct{}
	ended chan error
}

// StartAsker asks for an address from an interface of n until Stop. The host's own
// neighbour table learns from the answers: it is not one to be watched.
func StartAsker(n *Namespace, ifname string, wanted netip.Addr) (*Asker, error) {
	a := &Asker{stop: make(chan struct{}), ended: make(chan error, 1)}
	err := n.Do(func() error { return a.open(n, ifname, wanted) })
	if err != nil {
		return nil, fmt.Errorf("ask for %s from %s of %s: %w", wanted, ifname, n.name, err)
	}
	go func() { a.ended <- pace(askPeriod, a.stop, a.ask) }()
	return a, nil
}

func (a *Asker) open(n *Namespace, ifname string, wanted netip.Addr) error {
	link, err := net.InterfaceByName(ifname)
	if err != nil {
		return err
	}
	own, err := ownAddress(n, link.Index, wanted.Is4())
	if err != nil {
		return err
	}
	if wanted.Is4() {
		a.to, a.frame, err = arpQuestion(link.HardwareAddr, own, wanted)
	} else {
		a.to, a.frame, err = neighborQuestion(link.HardwareAddr, own, wanted)
	}
	if err != nil {
		return err
	}
	a.conn, err = packet.Listen(link, packet.Raw, 0, nil) // protocol 0: it receives nothing
	return err
}

// ownAddress is an interface's first address of a family that is not link-local.
func ownAddress(n *Namespace, index int, ipv4 bool) (netip.Addr, error) {
	family := map[bool]int{true: netlink.FAMILY_V4, false: netlink.FAMILY_V6}[ipv4]
	all, err := n.handle.AddrList(nil, family)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range all {
		if address, ok := netip.AddrFromSlice(a.IP); ok && a.LinkIndex == index && !address.IsLinkLocalUnicast() {
			return address.Unmap(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("no address to ask from")
}

func arpQuestion(mac net.HardwareAddr, own, wanted netip.Addr) (to net.HardwareAddr, frame []byte, err error) {
	question, err := arp.NewPacket(arp.OperationRequest, mac, own, make(net.HardwareAddr, 6), wanted)
	if err != nil {
		return nil, nil, err
	}
	payload, err := question.MarshalBinary()
	to = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	return to, append(ethernet(to, mac, etherTypeARP), payload...), err
}

// neighborQuestion goes to the solicited-node multicast address (RFC 4291 §2.7.1).
func neighborQuestion(mac net.HardwareAddr, own, wanted netip.Addr) (to net.HardwareAddr, frame []byte, err error) {
	group := netip.MustParseAddr("ff02::1:ff00:0").As16()
	last := wanted.As16()
	copy(group[13:], last[13:])
	question := &ndp.NeighborSolicitation{TargetAddress: wanted,
		Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: mac}}}
	payload, err := ndp.MarshalMessageChecksum(question, own, netip.AddrFrom16(group))
	if err != nil {
		return nil, nil, err
	}
	to = net.HardwareAddr{0x33, 0x33, group[12], group[13], group[14], group[15]}
	frame = append(ethernet(to, mac, etherTypeIPv6), 0x60, 0, 0, 0)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(payload)))
	frame = append(frame, protocolICMP6, 255)
	frame = append(append(frame, own.AsSlice()...), group[:]...)
	return to, append(frame, payload...), nil
}

// ethernet is a frame's header.
func ethernet(to, from net.HardwareAddr, etherType uint16) []byte {
	return binary.BigEndian.AppendUint16(append(append([]byte(nil), to...), from...), etherType)
}

// ask sends the question. One that can't be sent, as without a cable, is left out.
func (a *Asker) ask() { a.conn.WriteTo(a.frame, &packet.Addr{HardwareAddr: a.to}) }

// Stop ends the questions.
func (a *Asker) Stop() error {
	close(a.stop)
	err := <-a.ended
	a.conn.Close()
	return err
}
