// SPDX-License-Identifier: Apache-2.0

package health

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Ping is the check of a host that answers an ICMP echo request (RFC 792, RFC 4443
// §4.1). One is sent for each probe: it is Tally's fall that forgives a lost packet.
// It needs CAP_NET_RAW.
type Ping struct {
	// Address is whom to ask, an address of either family; a link-local one has a
	// zone. Required.
	Address netip.Addr
}

func (p Ping) prober(*Check) Prober { return p }

// icmpFamily is how ICMP is spoken in a family.
type icmpFamily struct {
	network         string // as of net.Dial
	protocol        int
	request, answer icmp.Type
}

func icmpOf(address netip.Addr) icmpFamily {
	if address.Unmap().Is4() {
		return icmpFamily{"ip4:icmp", 1, ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply}
	}
	return icmpFamily{"ip6:ipv6-icmp", 58, ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply}
}

// Probe asks once. The socket is connected: the kernel passes it what comes from that
// address only, and the errors that concern it.
func (p Ping) Probe(ctx context.Context) error {
	family, echo := icmpOf(p.Address), newEcho()
	request, err := (&icmp.Message{Type: family.request, Body: &echo}).Marshal(nil) // ICMPv6: the kernel adds the checksum
	if err != nil {
		return fmt.Errorf("make echo request: %w", err)
	}
	return converse(ctx, family.network, p.Address.Unmap().String(), func(conn net.Conn) error {
		if _, err := conn.Write(request); err != nil {
			return fmt.Errorf("%v: %w", p.Address, plain(err))
		}
		return p.await(conn.(*net.IPConn), family, echo)
	})
}

// newEcho makes a question that nobody can answer without having heard it.
func newEcho() icmp.Echo {
	token := make([]byte, 16)
	rand.Read(token) // never fails
	return icmp.Echo{ID: int(binary.BigEndian.Uint16(token)), Seq: 1, Data: token[2:]}
}

// await reads until the answer to this question comes, or the connection's deadline.
// Any other packet is somebody else's; on the loopback our own question is one.
func (p Ping) await(conn *net.IPConn, family icmpFamily, asked icmp.Echo) error {
	packet := make([]byte, 1500)
	for {
		n, _, err := conn.ReadFrom(packet) // without the IPv4 header, other than Read
		if err != nil {
			return fmt.Errorf("%v: %w", p.Address, plain(err))
		}
		message, err := icmp.ParseMessage(family.protocol, packet[:n])
		if err != nil || message.Type != family.answer {
			continue
		}
		echo, ok := message.Body.(*icmp.Echo)
		if ok && echo.ID == asked.ID && echo.Seq == asked.Seq && bytes.Equal(echo.Data, asked.Data) {
			return nil
		}
	}
}
