// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/net/ipv4"
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
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{Port: echoPort})
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	conn := ipv4.NewPacketConn(socket)
	if err := conn.SetControlMessage(ipv4.FlagDst, true); err != nil {
		return fmt.Errorf("ask for the destination: %w", err)
	}
	fmt.Fprintln(out, "listening")
	go func() {
		<-stop
		socket.Close()
	}()
	return echo(conn, name)
}

func echo(conn *ipv4.PacketConn, name string) error {
	buffer := make([]byte, 1500)
	for {
		n, asked, from, err := conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		// An answer from an address that has just gone fails: it is lost, as it should.
		conn.WriteTo(append(buffer[:n], name...), &ipv4.ControlMessage{Src: asked.Dst}, from)
	}
}
