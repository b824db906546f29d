// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
)

const (
	// probeTime is how long answers are listened for.
	probeTime = 60 * time.Millisecond
	// probeAgain is when the question is repeated: one packet may be lost.
	probeAgain = 20 * time.Millisecond
	// maxProbes bounds the probes under way, and those that wait.
	maxProbes = 64
	// maxFrame is as much of an answer as is looked at: up to the end of an NA's target.
	maxFrame = 78
)

// probe is one question: does another host answer for an address?
type probe struct {
	key  string
	link int
	ip   netip.Addr
}

// prober asks by ARP and ND. Its sockets exist only while it does.
type prober struct {
	stations  *stations
	contested func(key string)
	log       *slog.Logger
	asked     chan probe
}

func newProber(stations *stations, c Config) *prober {
	return &prober{stations: stations, contested: c.Events.Contested, log: c.Log, asked: make(chan probe, maxProbes)}
}

// Probe asks on a link, twice within 60 ms, whether another host answers for an
// address, by an ARP probe (RFC 5227 §2.1.1) or as Duplicate Address Detection does
// (RFC 4862 §5.4.2): neither changes what anybody knows of the address. If one does, by
// whatever hardware address that no interface of this host has, [Events].Contested hears
// of key. It returns at once. More than 64 at a time are left out, with a line in the log.
func (h *Host) Probe(key string, at Address) {
	select {
	case h.prober.asked <- probe{key, at.Link, at.Prefix.Addr()}:
	default:
		h.prober.log.Warn("too many probes at a time: this one is left out", "key", key)
	}
}

// run works until ctx ends and no probe is under way.
func (p *prober) run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	room := make(chan struct{}, maxProbes)
	for {
		select {
		case <-ctx.Done():
			return
		case asked := <-p.asked:
			room <- struct{}{}
			all.Go(func() {
				defer func() { <-room }()
				p.probe(asked)
			})
		}
	}
}

func (p *prober) probe(asked probe) {
	answered, err := asked.ask(p.stations.get(asked.link).hardware)
	switch {
	case err != nil:
		p.log.Warn("probe for another holder", "key", asked.key, "address", asked.ip, "interface", p.stations.nameOf(asked.link), "error", err)
	case answered != nil:
		p.log.Warn("another host has the address", "key", asked.key, "address", asked.ip, "hardware", answered.String())
		p.contested(asked.key)
	}
}

// ask asks, and returns the hardware address of the first who answers; nil: nobody.
func (a probe) ask(own net.HardwareAddr) (net.HardwareAddr, error) {
	if own == nil { // neither ARP nor ND
		return nil, nil
	}
	to, frame, err := a.question(own)
	if err != nil {
		return nil, err
	}
	filter, err := bpf.Assemble(a.filter())
	if err != nil {
		return nil, fmt.Errorf("assemble the filter: %w", err)
	}
	conn, err := packet.Listen(netInterface(a.link), packet.Raw, int(a.etherType()), &packet.Config{Filter: filter})
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	defer conn.Close()
	ours, err := hardwareAddresses()
	if err != nil {
		return nil, err
	}
	end := time.Now().Add(probeTime)
	for _, until := range []time.Time{time.Now().Add(probeAgain), end} {
		if _, err := conn.WriteTo(frame, &packet.Addr{HardwareAddr: to}); err != nil {
			return nil, fmt.Errorf("ask: %w", err)
		}
		if by, err := a.listen(conn, ours, until); by != nil || err != nil {
			return by, err
		}
	}
	return nil, nil
}

// listen waits for an answer from anybody else.
func (a probe) listen(conn *packet.Conn, ours map[string]bool, until time.Time) (net.HardwareAddr, error) {
	if err := conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	frame := make([]byte, maxFrame)
	for {
		n, _, err := conn.ReadFrom(frame)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		// A switch may send back what it gets, and by ARP another interface of this host
		// on the same LAN answers, too: both from an address of ours.
		if by := frame[6:12]; a.answeredBy(frame[:n]) && !ours[string(by)] {
			return bytes.Clone(by), nil
		}
	}
}

// hardwareAddresses are those of all interfaces of this host.
func hardwareAddresses() (map[string]bool, error) {
	links, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list this host's interfaces: %w", err)
	}
	ours := make(map[string]bool, len(links))
	for _, l := range links {
		ours[string(l.HardwareAddr)] = true
	}
	return ours, nil
}

func (a probe) etherType() ethernet.EtherType {
	if a.ip.Is4() {
		return ethernet.EtherTypeARP
	}
	return ethernet.EtherTypeIPv6
}

// question makes the frame that asks.
func (a probe) question(own net.HardwareAddr) (to net.HardwareAddr, frame []byte, err error) {
	if a.ip.Is6() {
		return a.solicitation(own)
	}
	p, err := arp.NewPacket(arp.OperationRequest, own, netip.IPv4Unspecified(), make(net.HardwareAddr, len(own)), a.ip)
	if err != nil {
		return nil, nil, err
	}
	payload, err := p.MarshalBinary()
	if err != nil {
		return nil, nil, err
	}
	frame, err = ethernetFrame(ethernet.Broadcast, own, ethernet.EtherTypeARP, payload)
	return ethernet.Broadcast, frame, err
}

func (a probe) solicitation(own net.HardwareAddr) (to net.HardwareAddr, frame []byte, err error) {
	group, err := ndp.SolicitedNodeMulticast(a.ip)
	if err != nil {
		return nil, nil, err
	}
	body, err := ndp.MarshalMessageChecksum(&ndp.NeighborSolicitation{TargetAddress: a.ip}, netip.IPv6Unspecified(), group)
	if err != nil {
		return nil, nil, err
	}
	to = multicastMAC(group)
	frame, err = ethernetFrame(to, own, ethernet.EtherTypeIPv6, packetND(netip.IPv6Unspecified(), group, body))
	return to, frame, err
}

// The offsets, in a frame, of what an answer is told by.
const (
	senderARP  = 28 // the sender's protocol address
	nextHeader = 20
	typeND     = 54
	targetND   = 62
	typeNA     = 136
)

// filter lets through what may be an answer; the address is compared in its last four
// bytes.
func (a probe) filter() []bpf.Instruction {
	bytes := a.ip.AsSlice()
	last := binary.BigEndian.Uint32(bytes[len(bytes)-4:])
	if a.ip.Is4() {
		return []bpf.Instruction{
			bpf.LoadAbsolute{Off: senderARP, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: last, SkipFalse: 1},
			bpf.RetConstant{Val: maxFrame},
			bpf.RetConstant{Val: 0},
		}
	}
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: nextHeader, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocolICMPv6, SkipFalse: 5},
		bpf.LoadAbsolute{Off: typeND, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: typeNA, SkipFalse: 3},
		bpf.LoadAbsolute{Off: targetND + 12, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: last, SkipFalse: 1},
		bpf.RetConstant{Val: maxFrame},
		bpf.RetConstant{Val: 0},
	}
}

// answeredBy tells whether the sender of a frame says that it has the address.
func (a probe) answeredBy(frame []byte) bool {
	at := targetND
	if a.ip.Is4() {
		at = senderARP
	} else if len(frame) < maxFrame || frame[nextHeader] != protocolICMPv6 || frame[typeND] != typeNA {
		return false
	}
	address := a.ip.AsSlice()
	return len(frame) >= at+len(address) && bytes.Equal(frame[at:at+len(address)], address)
}
