// SPDX-License-Identifier: Apache-2.0

package health

import (
	"net/netip"
	"testing"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

func TestPing(t *testing.T) {
	tests := map[string]struct{ address, want string }{
		"IPv4":             {"127.0.0.1", ""},
		"IPv6":             {"::1", ""},
		"IPv4 as IPv6":     {"::ffff:127.0.0.1", ""},
		"no route":         {"192.0.2.1", "192.0.2.1: network is unreachable"},
		"no route, IPv6":   {"2001:db8::1", "2001:db8::1: network is unreachable"},
		"a zone that none": {"fe80::1%nosuch0", "fe80::1%nosuch0: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			demand(t, probeOnce(t, Ping{netip.MustParseAddr(test.address)}), test.want)
		})
	}
}

// answerPings has this test answer echo requests to 127.0.0.1 instead of the kernel.
func answerPings(t *testing.T, answer func(icmp.Echo) *icmp.Message) {
	t.Helper()
	write(t, "/proc/sys/net/ipv4", "icmp_echo_ignore_all", "1")
	t.Cleanup(func() { write(t, "/proc/sys/net/ipv4", "icmp_echo_ignore_all", "0") })
	conn, err := icmp.ListenPacket("ip4:icmp", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			message, err := icmp.ParseMessage(1, packet[:n])
			if err != nil || message.Type != ipv4.ICMPTypeEcho {
				continue
			}
			if out := answer(*message.Body.(*icmp.Echo)); out != nil {
				bytes, _ := out.Marshal(nil)
				conn.WriteTo(bytes, from)
			}
		}
	}()
}

func TestPingAnswers(t *testing.T) {
	reply := func(e icmp.Echo) *icmp.Message { return &icmp.Message{Type: ipv4.ICMPTypeEchoReply, Body: &e} }
	const silence = "no answer within 300ms"
	tests := map[string]struct {
		answer func(icmp.Echo) *icmp.Message
		want   string
	}{
		"the answer":                     {reply, ""},
		"none":                           {func(icmp.Echo) *icmp.Message { return nil }, silence},
		"to somebody else's question":    {func(e icmp.Echo) *icmp.Message { e.ID++; return reply(e) }, silence},
		"to another question of ours":    {func(e icmp.Echo) *icmp.Message { e.Seq++; return reply(e) }, silence},
		"guessed, without the token":     {func(e icmp.Echo) *icmp.Message { e.Data = make([]byte, len(e.Data)); return reply(e) }, silence},
		"without data":                   {func(e icmp.Echo) *icmp.Message { e.Data = nil; return reply(e) }, silence},
		"the question again":             {func(e icmp.Echo) *icmp.Message { e.Seq = 7; return &icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &e} }, silence},
		"a type that ICMP does not have": {func(e icmp.Echo) *icmp.Message { return &icmp.Message{Type: ipv4.ICMPType(77), Body: &e} }, silence},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			asked := false
			answerPings(t, func(e icmp.Echo) *icmp.Message {
				if asked {
					return nil // its own answer, heard on the loopback
				}
				asked = true
				return test.answer(e)
			})
			demand(t, probeOnce(t, Ping{netip.MustParseAddr("127.0.0.1")}), test.want)
		})
	}
}
