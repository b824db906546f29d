// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

var sender = [6]byte{2, 0, 0, 0, 0, 1}

func ethernet(etherType uint16, payload ...byte) []byte {
	frame := slices.Concat([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, sender[:], []byte{byte(etherType >> 8), byte(etherType)}, payload)
	return frame
}

func ipv4(protocol byte, payload ...byte) []byte {
	return ethernet(etherTypeIPv4, append([]byte{0x45, 19: 0, 9: protocol}, payload...)...)
}

func ipv6(next byte, payload ...byte) []byte {
	return ethernet(etherTypeIPv6, append([]byte{0x60, 39: 0, 6: next}, payload...)...)
}

func arp(from, target string) []byte {
	payload := make([]byte, 28)
	copy(payload, []byte{0, 1, 8, 0, 6, 4, 0, 1})
	copy(payload[14:], netip.MustParseAddr(from).AsSlice())
	copy(payload[24:], netip.MustParseAddr(target).AsSlice())
	return ethernet(etherTypeARP, payload...)
}

func neighbor(kind, flags byte, target string) []byte {
	return ipv6(unix.IPPROTO_ICMPV6, append([]byte{kind, 7: 0, 4: flags}, netip.MustParseAddr(target).AsSlice()...)...)
}

// frames are some, with what they say; nil: nothing that counts.
func frames() map[string]struct {
	frame []byte
	want  *message
} {
	vrrp := []byte{0x31, 51, 200, 1, 0, 100, 0, 0}
	address := func(text string) *message {
		return &message{from: sender, address: netip.MustParseAddr(text).AsSlice()}
	}
	advert := &message{from: sender, advert: true, vrid: 51, priority: 200}
	return map[string]struct {
		frame []byte
		want  *message
	}{
		"an IPv4 advert":      {ipv4(protocolVRRP, vrrp...), advert},
		"an IPv6 advert":      {ipv6(protocolVRRP, vrrp...), advert},
		"gratuitous ARP":      {arp("10.1.1.0", "10.1.1.0"), address("10.1.1.0")},
		"unsolicited NA":      {neighbor(typeAdvertisement, 0x20, "2001:db8:0:1::100"), address("2001:db8:0:1::100")},
		"a solicited NA":      {neighbor(typeAdvertisement, 0x60, "2001:db8:0:1::100"), nil},
		"an ARP request":      {arp("10.1.0.11", "10.1.1.0"), nil},
		"a solicitation":      {neighbor(135, 0, "2001:db8:0:1::100"), nil},
		"UDP":                 {ipv4(17, vrrp...), nil},
		"UDP over IPv6":       {ipv6(17, vrrp...), nil},
		"LLDP":                {ethernet(0x88cc, 0), nil},
		"a cut-off advert":    {ipv4(protocolVRRP, vrrp[:7]...), nil},
		"a cut-off NA":        {ipv6(unix.IPPROTO_ICMPV6, typeAdvertisement), nil},
		"a cut-off IP header": {ethernet(etherTypeIPv6, 0x60), nil},
		"long IPv4 options":   {ethernet(etherTypeIPv4, append([]byte{0x4f, 19: 0, 9: protocolVRRP}, vrrp...)...), nil},
	}
}

// What the filter and decode let through together is what counts.
func TestFrames(t *testing.T) {
	r, send := newWire(t)
	for name, tt := range frames() {
		send(tt.frame)
		var got []message
		awaitMarker(t, r, send, func(frame []byte) {
			if m, ok := decode(frame); ok {
				m.address = bytes.Clone(m.address)
				got = append(got, m)
			}
		})
		switch {
		case tt.want == nil && len(got) > 0:
			t.Errorf("%s: %+v", name, got)
		case tt.want != nil && (len(got) != 1 || !same(got[0], *tt.want)):
			t.Errorf("%s: %+v, want %+v", name, got, *tt.want)
		}
	}
}

func same(a, b message) bool {
	return a.from == b.from && a.advert == b.advert && a.vrid == b.vrid && a.priority == b.priority && bytes.Equal(a.address, b.address)
}

// A capture that lost a frame says so, once.
func TestLost(t *testing.T) {
	r, send := newWire(t)
	frame := arp("10.1.1.0", "10.1.1.0")
	for range slots + 5 {
		send(frame)
	}
	w := &Watch{ring: r}
	if err := w.whole(); err == nil {
		t.Error("nobody has noticed")
	}
	if err := w.whole(); err != nil {
		t.Error(err)
	}
}

// newWire is a capture at one end of a cable, and what sends at the other.
func newWire(t *testing.T) (*ring, func(frame []byte)) {
	t.Helper()
	lan, err := lab.NewSwitch()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, lan.Close()) })
	observer := plug(t, lan, "observer")
	host := plug(t, lan, "host")
	r, err := newRing(observer)
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, r.close()) })
	fd := -1
	labtest.Must(t, host.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	}))
	t.Cleanup(func() { unix.Close(fd) })
	link, err := host.Handle().LinkByName(lab.Interface)
	labtest.Must(t, err)
	to := &unix.SockaddrLinklayer{Ifindex: link.Attrs().Index}
	return r, func(frame []byte) { labtest.Must(t, unix.Sendto(fd, frame, 0, to)) }
}

func plug(t *testing.T, lan *lab.Switch, name string) *lab.Namespace {
	t.Helper()
	n, err := lab.NewNamespace(name)
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, n.Close()) })
	_, err = lan.Plug(n, lab.Interface)
	labtest.Must(t, err)
	return n
}

// awaitMarker sends a frame that passes, and reads until it has come.
func awaitMarker(t *testing.T, r *ring, send func([]byte), do func(frame []byte)) {
	t.Helper()
	marker := arp("192.0.2.1", "192.0.2.1")
	send(marker)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		come := false
		r.read(func(_ time.Duration, _ int, frame []byte) {
			if bytes.Equal(frame, marker) {
				come = true
				return
			}
			do(frame)
		})
		if come {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the frame has not come")
		}
	}
}
