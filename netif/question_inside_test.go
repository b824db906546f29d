// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
)

const (
	us   = "020000000001"
	them = "020000000002"

	// Two answers to us, as they come from a wire.
	arpReply = us + them + "0806" + "0001080006040002" + them + "c000020c" + us + "c000020b"
	headerND = us + them + "86dd" + "6000000000203aff"
	hostA    = "fe80000000000000000000000000000a"
	hostB    = "fe80000000000000000000000000000b"
	naReply  = headerND + hostB + hostA + "8800" + "0000" + "60000000" + hostB
)

func TestParseClaim(t *testing.T) {
	rows := []struct{ name, frame, want string }{
		{"ARP reply", arpReply, "192.0.2.12 to 192.0.2.11, reply true"},
		{"padded", arpReply + strings.Repeat("00", 18), "192.0.2.12 to 192.0.2.11, reply true"},
		{"ARP request", strings.Replace(arpReply, "06040002", "06040001", 1), "192.0.2.12 to 192.0.2.11, reply false"},
		{"NA", naReply, "fe80::b to fe80::a, reply true"},
		{"NA with options", naReply + "0201" + them, "fe80::b to fe80::a, reply true"},
		{"empty", "", "none"},
		{"ARP, cut off", arpReply[:82], "none"},
		{"NA, cut off", naReply[:154], "none"},
		{"another protocol", strings.Replace(arpReply, "0806", "0800", 1), "none"},
		{"from another link: hop limit", strings.Replace(naReply, "3aff", "3afe", 1), "none"},
		{"no ICMPv6", strings.Replace(naReply, "3aff", "11ff", 1), "none"},
		{"an NS", strings.Replace(naReply, "8800", "8700", 1), "none"},
	}
	for _, row := range rows {
		frame, err := hex.DecodeString(row.frame)
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		if c, ok := parseClaim(frame); ok {
			got = c.address.String() + " to " + c.to.String() + ", reply " + map[bool]string{true: "true", false: "false"}[c.reply]
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

func FuzzParseClaim(f *testing.F) {
	for _, text := range []string{arpReply, naReply} {
		frame, err := hex.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		c, ok := parseClaim(frame)
		if ok && (len(c.by) != 6 || !c.address.IsValid() || c.address.BitLen() != c.to.BitLen()) {
			t.Errorf("%+v of %x", c, frame)
		}
	})
}

// An answer counts once for each question, and only to who asked.
func TestAnswersThatCount(t *testing.T) {
	asks, peer := netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("192.0.2.12")
	rows := []struct {
		name   string
		asked  bool
		frames []string
		want   int
	}{
		{"asked", true, []string{arpReply}, 1},
		{"twice", true, []string{arpReply, arpReply}, 1},
		{"not asked", false, []string{arpReply}, 0},
		{"of another host", true, []string{strings.Replace(arpReply, "c000020c", "c000020d", 1)}, 0},
		{"to another host", true, []string{strings.Replace(arpReply, "c000020b", "c000020d", 1)}, 0},
		{"a question", true, []string{strings.Replace(arpReply, "06040002", "06040001", 1)}, 0},
		{"from an interface of ours", true, []string{strings.Replace(arpReply, us+them, us+"020000000003", 1)}, 0},
		{"what is none", true, []string{"", naReply[:100], naReply}, 0},
	}
	for _, row := range rows {
		got := 0
		a := newAskers(1, &watcher{
			stations: &stations{ours: map[string]bool{"\x02\x00\x00\x00\x00\x03": true}}, log: slog.New(slog.DiscardHandler),
			events: Events{Answered: func(int, netip.Addr) { got++ }},
		})[0]
		*a.host(peer) = asked{source: asks, open: row.asked}
		for _, text := range row.frames {
			frame, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			a.hear(frame)
		}
		if got != row.want {
			t.Errorf("%s: %d answers, want %d", row.name, got, row.want)
		}
	}
}

// The next question goes where the answer came from, if that is one host's address.
func TestWhereAnswersComeFrom(t *testing.T) {
	asks, peer := netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("192.0.2.12")
	for text, want := range map[string]net.HardwareAddr{"020000000002": {2, 0, 0, 0, 0, 2}, "ffffffffffff": nil} {
		by, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		a := newAskers(1, &watcher{})[0]
		*a.host(peer) = asked{source: asks, open: true}
		if !a.conclude(claim{by: by, address: peer, to: asks, reply: true}) {
			t.Error("it is no answer")
		}
		if got := a.host(peer).hardware; !bytes.Equal(got, want) {
			t.Errorf("an answer from %s: %v", text, got)
		}
	}
}

// However many sources adverts are forged from, a bounded number is kept.
func TestAskedHostsAreBounded(t *testing.T) {
	a := newAskers(1, &watcher{})[0]
	ip := netip.MustParseAddr("198.18.0.0")
	for range 3 * maxAsked {
		a.host(ip)
		if ip = ip.Next(); len(a.hosts) > maxAsked {
			t.Fatalf("%d hosts", len(a.hosts))
		}
	}
}
