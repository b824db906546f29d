// SPDX-License-Identifier: Apache-2.0

package health

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers over UDP and TCP, on one port, with what answer makes of a
// question; several datagrams over UDP, one message over TCP.
func nameServer(t *testing.T, answer func(q dnsmessage.Message, tcp bool) [][]byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	conn, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go accept(l, func(c net.Conn) {
		packed := make([]byte, 512)
		if _, err := io.ReadFull(c, packed[:2]); err != nil {
			return
		}
		n, _ := io.ReadFull(c, packed[:binary.BigEndian.Uint16(packed)])
		for _, out := range answer(unpacked(packed[:n]), true) {
			c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
		}
	})
	go func() {
		packed := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(packed)
			if err != nil {
				return
			}
			for _, out := range answer(unpacked(packed[:n]), false) {
				conn.WriteTo(out, from)
			}
		}
	}()
	return l.Addr().String()
}

func unpacked(packed []byte) (m dnsmessage.Message) {
	m.Unpack(packed)
	return m
}

func packed(m dnsmessage.Message) []byte {
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

// record is a resource record with this data.
func record(name string, t dnsmessage.Type, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Type: t, Class: dnsmessage.ClassINET}, Body: body,
	}
}

func a(address string) dnsmessage.Resource {
	return record("www.example.org.", dnsmessage.TypeA, &dnsmessage.AResource{A: netip.MustParseAddr(address).As4()})
}

func aaaa(address string) dnsmessage.Resource {
	return record("www.example.org.", dnsmessage.TypeAAAA, &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(address).As16()})
}

func alias() dnsmessage.Resource {
	return record("www.example.org.", dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("a.example.org.")})
}

// replies answers with these records, and these changes to the message.
func replies(change func(*dnsmessage.Message), records ...dnsmessage.Resource) func(dnsmessage.Message, bool) [][]byte {
	return func(q dnsmessage.Message, _ bool) [][]byte {
		q.Response, q.Answers = true, records
		if change != nil {
			change(&q)
		}
		return [][]byte{packed(q)}
	}
}

func TestDNS(t *testing.T) {
	type message = dnsmessage.Message
	code := func(code dnsmessage.RCode) func(*message) { return func(m *message) { m.RCode = code } }
	some, other := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")
	const silence = "no answer within 300ms"
	tests := map[string]struct {
		answer func(message, bool) [][]byte
		kind   string
		expect netip.Addr
		want   string
	}{
		"an answer":                {replies(nil, a("192.0.2.9")), "A", netip.Addr{}, ""},
		"the address":              {replies(nil, a("192.0.2.9"), a("192.0.2.7")), "A", some, ""},
		"the address, IPv6":        {replies(nil, aaaa("2001:db8::7")), "AAAA", other, ""},
		"by way of an alias":       {replies(nil, alias(), a("192.0.2.7")), "A", some, ""},
		"the alias itself":         {replies(nil, alias()), "CNAME", netip.Addr{}, ""},
		"only an alias":            {replies(nil, alias()), "A", netip.Addr{}, "has no A record of www.example.org"},
		"other addresses":          {replies(nil, a("192.0.2.9"), a("192.0.2.8")), "A", some, "A of www.example.org is 192.0.2.9 192.0.2.8: want 192.0.2.7"},
		"an empty answer":          {replies(nil), "A", netip.Addr{}, "has no A record of www.example.org"},
		"a record of another type": {replies(nil, a("192.0.2.7")), "AAAA", netip.Addr{}, "has no AAAA record"},
		"no such name":             {replies(code(dnsmessage.RCodeNameError)), "A", netip.Addr{}, "answers NXDOMAIN for www.example.org"},
		"a failure":                {replies(code(dnsmessage.RCodeServerFailure), a("192.0.2.7")), "A", some, "answers SERVFAIL for www.example.org"},
		"refused":                  {replies(code(dnsmessage.RCodeRefused)), "A", netip.Addr{}, "answers REFUSED"},
		"an RCODE without a name":  {replies(code(11)), "A", netip.Addr{}, "answers RCODE 11"},
		"another ID":               {replies(func(m *message) { m.ID++ }, a("192.0.2.7")), "A", some, silence},
		"another question":         {replies(func(m *message) { m.Questions[0].Name = dnsmessage.MustNewName("x.") }, a("192.0.2.7")), "A", some, silence},
		"another type of question": {replies(func(m *message) { m.Questions[0].Type = dnsmessage.TypeMX }, a("192.0.2.7")), "A", some, silence},
		"the question itself":      {replies(func(m *message) { m.Response = false }, a("192.0.2.7")), "A", some, silence},
		"no question":              {replies(func(m *message) { m.Questions = nil }, a("192.0.2.7")), "A", some, silence},
		"nothing":                  {func(message, bool) [][]byte { return nil }, "A", netip.Addr{}, silence},
		"not DNS":                  {func(message, bool) [][]byte { return [][]byte{[]byte("HTTP/1.1 \x1b[2J")} }, "A", netip.Addr{}, silence},
		"a datagram too short":     {func(message, bool) [][]byte { return [][]byte{{1}} }, "A", netip.Addr{}, "answer is not DNS"},
		"cut within the answers":   {func(q message, tcp bool) [][]byte { return cut(replies(nil, a("192.0.2.7"))(q, tcp)) }, "A", some, "answer is not DNS"},
		"somebody else's answer first": {func(q message, tcp bool) [][]byte {
			return append(replies(func(m *message) { m.ID++ })(q, tcp), replies(nil, a("192.0.2.7"))(q, tcp)...)
		}, "A", some, ""},
		"whole over TCP only": {truncated(replies(nil, a("192.0.2.7"))), "A", some, ""},
		"another ID over TCP": {truncated(replies(func(m *message) { m.ID++ }, a("192.0.2.7"))), "A", some, "answer is to another question"},
		"nothing over TCP":    {truncated(func(message, bool) [][]byte { return nil }), "A", some, "EOF"},
		"cut over TCP":        {truncated(func(q message, tcp bool) [][]byte { return cut(replies(nil, a("192.0.2.7"))(q, tcp)) }), "A", some, "answer is not DNS"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := nameServer(t, test.answer)
			demand(t, probeOnce(t, DNS{Server: server, Name: "www.example.org", Type: test.kind, Expect: test.expect}), test.want)
		})
	}
}

// cut takes the last bytes of each message away.
func cut(messages [][]byte) [][]byte {
	for i, m := range messages {
		messages[i] = m[:len(m)-3]
	}
	return messages
}

// truncated answers over TCP only.
func truncated(answer func(dnsmessage.Message, bool) [][]byte) func(dnsmessage.Message, bool) [][]byte {
	return func(q dnsmessage.Message, tcp bool) [][]byte {
		if tcp {
			return answer(q, tcp)
		}
		return replies(func(m *dnsmessage.Message) { m.Truncated = true })(q, tcp)
	}
}

func TestDNSUnreachable(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0") // a port that nobody listens on
	if err != nil {
		t.Fatal(err)
	}
	closed := conn.LocalAddr().String()
	conn.Close()
	tests := map[string]struct{ server, want string }{
		"refused":     {closed, closed + ": connection refused"},
		"no route":    {"192.0.2.1:53", "network is unreachable"},
		"asks no DNS": {"example.org:53", "asks no DNS server"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			demand(t, probeOnce(t, DNS{Server: test.server, Name: "www.example.org", Type: "A"}), test.want)
		})
	}
}

func TestDNSQuestion(t *testing.T) {
	for name, want := range map[string]string{"www.example.org": "www.example.org.", "www.example.org.": "www.example.org.", ".": "."} {
		q, err := DNS{Name: name, Type: "MX"}.question()
		if err != nil {
			t.Fatal(err)
		}
		if got := q.Questions[0]; got.Name.String() != want || got.Type != dnsmessage.TypeMX || !q.RecursionDesired {
			t.Errorf("%q is asked for as %v", name, got.GoString())
		}
	}
}
