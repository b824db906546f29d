// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// serverAddress is what the name server knows of serverName.
const serverAddress = "192.0.2.80"

// scriptText is a script that does what files beside it say.
const scriptText = `#!/bin/sh
cd "${0%/*}" || exit 2
[ -e hang ] && sleep 60
[ ! -e fail ]
`

// stageOthers starts what the remaining kinds look at.
func stageOthers(t *testing.T, b *bench) []event {
	t.Helper()
	gateway, err := b.site.AddHost("gateway", 3)
	labtest.Must(t, err)
	b.lb1, b.lb2 = &node{Host: b.site.LB1, where: where{dir: b.site.LB1.Dir}}, &node{Host: b.site.LB2, where: where{dir: b.site.LB2.Dir}}
	startNameServer(t, b.lb2)
	b.lb2.equip(t)
	b.lb1.equip(t)
	return others(b.lb1, gateway, startNameServer(t, b.lb1))
}

// equip makes the file and the script.
func (n *node) equip(t *testing.T) {
	t.Helper()
	labtest.Must(t, os.WriteFile(n.file("number"), []byte("0\n"), 0o600))
	labtest.Must(t, os.WriteFile(n.file("script"), []byte(scriptText), 0o700))
}

// others are the events of the remaining kinds.
func others(n *node, gateway *lab.Host, s *nameServer) []event {
	cut := func(cut bool) action { return func(t *testing.T) { labtest.Must(t, gateway.Cable.Cut(cut)) } }
	say := func(mode int32) action { return func(*testing.T) { s.mode.Store(mode) } }
	put := func(name, text string) action {
		return func(t *testing.T) { labtest.Must(t, os.WriteFile(n.file(name), []byte(text), 0o600)) }
	}
	remove := func(name string) action { return func(t *testing.T) { labtest.Must(t, os.Remove(n.file(name))) } }
	return []event{
		{name: "the cable of the host cut", only: ping, do: cut(true), undo: cut(false)},
		{name: "the server silent", only: dns, do: say(silent), undo: say(answers)},
		{name: "SERVFAIL", only: dns, do: say(servfail), undo: say(answers)},
		{name: "another address", only: dns, do: say(lies), undo: say(answers)},
		{name: "another number", only: file, do: put("number", "1\n"), undo: put("number", "0\n")},
		{name: "the file removed", only: file, do: remove("number"), undo: put("number", "0\n")},
		{name: "exit status 1", only: script, do: put("fail", ""), undo: remove("fail")},
		{name: "hangs", only: script, do: put("hang", ""), undo: remove("hang")},
	}
}

// What a name server does.
const (
	answers = iota
	silent
	servfail
	lies
)

// nameServer answers over UDP.
type nameServer struct {
	mode atomic.Int32
	conn net.PacketConn
}

func startNameServer(t *testing.T, n *node) *nameServer {
	t.Helper()
	s := &nameServer{}
	labtest.Must(t, n.Do(func() (err error) {
		s.conn, err = net.ListenPacket("udp", "127.0.0.1:53")
		return err
	}))
	t.Cleanup(func() { s.conn.Close() })
	go s.serve(t)
	return s
}

func (s *nameServer) serve(t *testing.T) {
	buffer := make([]byte, 512)
	for {
		n, from, err := s.conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		var m dnsmessage.Message
		if err == nil {
			err = m.Unpack(buffer[:n])
		}
		if err == nil && s.mode.Load() != silent {
			err = s.answer(m, from)
		}
		if err != nil {
			t.Error("the name server:", err)
			return
		}
	}
}

func (s *nameServer) answer(m dnsmessage.Message, to net.Addr) error {
	m.Response = true
	address := netip.MustParseAddr(serverAddress)
	switch s.mode.Load() {
	case servfail:
		m.RCode = dnsmessage.RCodeServerFailure
	case lies:
		address = address.Next()
		fallthrough
	default:
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.AResource{A: address.As4()},
		}}
	}
	packed, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = s.conn.WriteTo(packed, to)
	return err
}
