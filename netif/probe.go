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
	answered, err := p.ask(asked)
	switch {
	case err != nil:
		p.log.Warn("probe for another holder", "key", asked.key, "address", asked.ip, "interface", p.stations.nameOf(asked.link), "error", err)
	case answered != nil:
		p.log.Warn("another host has the address", "key", asked.key, "address", asked.ip, "hardware", answered.String())
		p.contested(asked.key)
	}
}

// ask asks, and returns the hardware address of the first who answers; nil: nobody.
func (p *prober) ask(a probe) (net.HardwareAddr, error) {
	own := p.stations.get(a.link).hardware
	if own == nil { // neither ARP nor ND
		return nil, nil
	}
	to, frame, err := a.question().frame(own)
	if err != nil {
		return nil, err
	}
	filter, err := a.filter()
	if err != nil {
		return nil, err
	}
	conn, err := packet.Listen(netInterface(a.link), packet.Raw, int(etherType(a.ip)), &packet.Config{Filter: filter})
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	defer conn.Close()
	end := time.Now().Add(probeTime)
	for _, until := range []time.Time{time.Now().Add(probeAgain), end} {
		if _, err := conn.WriteTo(frame, &packet.Addr{HardwareAddr: to}); err != nil {
			return nil, fmt.Errorf("ask: %w", err)
		}
		if by, err := p.listen(a, conn, until); by != nil || err != nil {
			return by, err
		}
	}
	return nil, nil
}

// question asks everybody, and nobody asks.
func (a probe) question() question {
	q := question{target: a.ip, source: netip.IPv6Unspecified()}
	if a.ip.Is4() {
		q.source = netip.IPv4Unspecified()
	}
	return q
}

// listen waits for an answer from anybody else.
func (p *prober) listen(a probe, conn *packet.Conn, until time.Time) (net.HardwareAddr, error) {
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
		if c, ok := parseClaim(frame[:n]); ok && c.address == a.ip && !p.stations.own(c.by) {
			return bytes.Clone(c.by), nil
		}
	}
}

// filter lets through what may be an answer; the address is compared in its last four
// bytes.
func (a probe) filter() ([]bpf.RawInstruction, error) {
	bytes := a.ip.AsSlice()
	last := binary.BigEndian.Uint32(bytes[len(bytes)-4:])
	if a.ip.Is4() {
		return passing(condition{bpf.LoadAbsolute{Off: senderARP, Size: 4}, last})
	}
	return passing(append(isNA(), condition{bpf.LoadAbsolute{Off: targetND + 12, Size: 4}, last})...)
}
