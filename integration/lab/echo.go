// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const echoPort = 7

// Echo is a UDP echo server in a process of its own. It answers on port 7 of every
// address of its host, also of those that come later, from the address it was asked
// at: the datagram, with the host's name behind it.
type Echo struct{ *helper }

// StartEcho starts an echo server in n and waits until it serves.
func StartEcho(n *Namespace) (*Echo, error) {
	h, err := startHelper(n, "echo", n.name)
	if err != nil {
		return nil, fmt.Errorf("start echo server: %w", err)
	}
	serves := h.lines.Scan() // its one line: it listens, or it ended
	go h.wait(nil)
	if !serves {
		<-h.ended
		return nil, fmt.Errorf("start echo server in %s: %w", n.name, errors.Join(errors.New("it ended"), h.err))
	}
	return &Echo{h}, nil
}

// serveEcho is the echo server's process.
func serveEcho(name string, out io.Writer, stop <-chan struct{}) error {
	v4, err4 := listenUDP("udp4", echoPort)
	v6, err6 := listenUDP("udp6", echoPort)
	if err := errors.Join(err4, err6); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	conn4, conn6 := ipv4.NewPacketConn(v4), ipv6.NewPacketConn(v6)
	if err := errors.Join(conn4.SetControlMessage(ipv4.FlagDst, true), conn6.SetControlMessage(ipv6.FlagDst, true)); err != nil {
		return fmt.Errorf("ask for the destination: %w", err)
	}
	fmt.Fprintln(out, "listening")
	ended := make(chan error, 2)
	go func() { ended <- echo4(conn4, name) }()
	go func() { ended <- echo6(conn6, name) }()
	select {
	case err := <-ended:
		return err
	case <-stop:
		return nil
	}
}

// echo4 answers from the address that was asked. From one that has just gone that
// fails: the answer is lost, as it should.
func echo4(conn *ipv4.PacketConn, name string) error {
	buffer := make([]byte, 1500)
	for {
		n, asked, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		conn.WriteTo(append(buffer[:n], name...), &ipv4.ControlMessage{Src: asked.Dst}, from)
	}
}

// echo6 is echo4 for IPv6.
func echo6(conn *ipv6.PacketConn, name string) error {
	buffer := make([]byte, 1500)
	for {
		n, asked, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		conn.WriteTo(append(buffer[:n], name...), &ipv6.ControlMessage{Src: asked.Dst}, from)
	}
}
