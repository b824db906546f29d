// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	udpTimeout = time.Second
	numberLen  = 8 // each datagram begins with its number
	// udpBuffer is what the kernel queues for a socket, in bytes: a second of several
	// probes. Its default is a quarter of a second of one.
	udpBuffer = 4 << 20
)

// udpProbe is the UDP probe's process. Its socket is not connected: a connected one
// reports an ICMP error at the next send, and drops what was to be sent.
type udpProbe struct {
	conn    *net.UDPConn
	server  netip.AddrPort
	timeout time.Duration
	out     *sampleWriter

	mu   sync.Mutex           // guards what follows
	next uint64               // the number of the next datagram
	due  uint64               // the oldest that may still be answered
	sent map[uint64]time.Time // the unanswered, from due to next
}

// probeUDP takes the server's address, the period and the timeout, with a space between
// them.
func probeUDP(arg string, out *sampleWriter, stop <-chan struct{}) error {
	p := &udpProbe{out: out, sent: make(map[uint64]time.Time)}
	period, err := p.parse(arg)
	if err != nil {
		return err
	}
	if p.conn, err = listenUDP("udp", 0); err != nil {
		return fmt.Errorf("open the probe's socket: %w", err)
	}
	answers := make(chan struct{})
	go func() {
		defer close(answers)
		p.receive()
	}()
	err = pace(period, stop, p.send)
	p.conn.SetReadDeadline(time.Now().Add(p.timeout))
	<-answers
	p.expire(time.Now().Add(p.timeout))
	return err
}

func (p *udpProbe) parse(arg string) (period time.Duration, err error) {
	words := strings.Fields(arg)
	if len(words) != 3 {
		return 0, fmt.Errorf("%q is not an address, a period and a timeout", arg)
	}
	var errs [3]error
	p.server, errs[0] = netip.ParseAddrPort(words[0])
	period, errs[1] = time.ParseDuration(words[1])
	p.timeout, errs[2] = time.ParseDuration(words[2])
	return period, errors.Join(errs[:]...)
}

// listenUDP opens a socket on a port (0: any) with room for what comes while its
// process waits for a busy machine: what the kernel drops then, the network has not lost.
func listenUDP(network string, port int) (*net.UDPConn, error) {
	conn, err := net.ListenUDP(network, &net.UDPAddr{Port: port})
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, udpBuffer)
	})
	return conn, errors.Join(err, set)
}

// send sends the next datagram. One that can't be sent is lost like any other.
func (p *udpProbe) send() {
	now := time.Now()
	p.expire(now)
	p.mu.Lock()
	number := p.next
	p.sent[number] = now
	p.next++
	p.mu.Unlock()
	p.conn.WriteToUDPAddrPort(binary.BigEndian.AppendUint64(nil, number), p.server)
}

// expire gives up what was sent a timeout before now.
func (p *udpProbe) expire(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ; p.due < p.next; p.due++ {
		start, unanswered := p.sent[p.due]
		if unanswered && now.Sub(start) < p.timeout {
			return
		}
		if unanswered {
			delete(p.sent, p.due)
			p.out.write(Sample{Start: start, Duration: p.timeout})
		}
	}
}

// receive takes answers until the socket's deadline.
func (p *udpProbe) receive() {
	buffer := make([]byte, numberLen+maxName)
	for {
		n, from, err := p.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		if from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port()); from == p.server && n >= numberLen {
			p.answered(binary.BigEndian.Uint64(buffer), string(buffer[numberLen:n]))
		}
	}
}

func (p *udpProbe) answered(number uint64, server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	start, unanswered := p.sent[number]
	duration := time.Since(start)
	if !unanswered || duration > p.timeout {
		return
	}
	delete(p.sent, number)
	p.out.write(Sample{Start: start, Duration: duration, OK: true, Server: server})
}
