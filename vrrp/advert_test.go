// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	wireSource = netip.MustParseAddr("10.9.0.2")
	wireVIP    = netip.MustParseAddr("10.9.0.100")
	wireMeta   = Meta{Source: wireSource, Destination: Group, TTL: 255}
)

// golden are packets checked with other programs: the octets of RFC 9568 §5.2.
var golden = []struct {
	name     string
	hex      string
	priority uint8
	form     Checksum
}{
	{"message only, as RFC 9568", "310a640100646023" + "0a090064", 100, ChecksumRFC9568},
	{"with pseudo-header, as keepalived", "310a640100647589" + "0a090064", 100, ChecksumPseudoHeader},
	{"priority 0", "310a00010064d989" + "0a090064", 0, ChecksumPseudoHeader},
}

func TestGolden(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			want := Advert{
				VRID: 10, Priority: tt.priority, Interval: second, Checksum: tt.form,
				Addresses: []netip.Addr{wireVIP},
			}
			if got := hex.EncodeToString(want.AppendTo(nil, wireSource, Group, tt.form)); got != tt.hex {
				t.Errorf("AppendTo = %s, want %s", got, tt.hex)
			}
			got, reject := Parse(unhex(t, tt.hex), wireMeta, nil)
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" || reject != Accepted {
				t.Errorf("Parse: %v (-want +got):\n%s", reject, diff)
			}
		})
	}
}

// §7.1, and §5.1.1.2 for the destination: one bad packet for each check, and
// pairs of faults for the order of the checks.
func TestRFC_7_1_Parse(t *testing.T) {
	good := golden[1].hex
	ttl, unicast, v6 := wireMeta, wireMeta, wireMeta
	ttl.TTL = 254
	unicast.Destination = netip.MustParseAddr("10.9.0.3")
	v6.Source = netip.MustParseAddr("fe80::1")
	for _, tt := range []struct {
		name string
		meta Meta
		hex  string
		want Reject
	}{
		{"good", wireMeta, good, Accepted},
		{"ttl 254", ttl, good, RejectTTL},
		{"to ourselves instead of the group", unicast, good, RejectDestination},
		{"from an address that is not IPv4", v6, good, RejectDestination},
		{"empty", wireMeta, "", RejectTruncated},
		{"version 2", wireMeta, "210a64010001708" + "60a0900640000000000000000", RejectVersion},
		{"version 4", wireMeta, "410a640100647589" + "0a090064", RejectVersion},
		{"CARP, which shares protocol, group and TTL", wireMeta, "210100000701abcd" + "00000000", RejectVersion},
		{"type 0", wireMeta, "300a640100647589" + "0a090064", RejectType},
		{"type 2", wireMeta, "320a640100647589" + "0a090064", RejectType},
		{"one octet", wireMeta, "31", RejectTruncated},
		{"header cut", wireMeta, "310a6401006475", RejectTruncated},
		{"address missing", wireMeta, "310a640100647589", RejectTruncated},
		{"address cut", wireMeta, "310a640100647589" + "0a0900", RejectTruncated},
		{"one octet too long", wireMeta, good + "00", RejectTooLong},
		{"one address too long", wireMeta, good + "0a090065", RejectTooLong},
		{"checksum", wireMeta, "310a640100647588" + "0a090064", RejectChecksum},
		{"checksum 0", wireMeta, "310a640100640000" + "0a090064", RejectChecksum},
		{"a bit of the address", wireMeta, "310a640100647589" + "0a090065", RejectChecksum},
		{"ttl before destination", Meta{wireSource, wireSource, 1}, good, RejectTTL},
		{"destination before version", unicast, "41", RejectDestination},
		{"version before type and length", wireMeta, "42", RejectVersion},
		{"type before length", wireMeta, "32", RejectType},
		{"length before checksum", wireMeta, "310a640200640000" + "0a090064", RejectTruncated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, got := Parse(unhex(t, tt.hex), tt.meta, nil); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// Every single flipped bit is found, under either form of the checksum, unless
// it is found before.
func TestEveryFlippedBitIsFound(t *testing.T) {
	for _, tt := range golden {
		for bit := range len(tt.hex) * 4 {
			packet := unhex(t, tt.hex)
			packet[bit/8] ^= 1 << (bit % 8)
			if _, reject := Parse(packet, wireMeta, nil); reject == Accepted {
				t.Errorf("%s: bit %d flipped, and accepted", tt.name, bit)
			}
		}
	}
}

// §5.2.6: the reserved bits are ignored. §5.2.7: 12 bits of centiseconds.
func TestRFC_5_2_7_Interval(t *testing.T) {
	for _, tt := range []struct {
		field uint16
		want  time.Duration
	}{
		{1, 10 * time.Millisecond},
		{100, second},
		{4095, 40950 * time.Millisecond},
		{0xf064, second},
		{0xf000, 0},
	} {
		packet := unhex(t, golden[0].hex)
		binary.BigEndian.PutUint16(packet[4:], tt.field)
		binary.BigEndian.PutUint16(packet[6:], 0)
		binary.BigEndian.PutUint16(packet[6:], checksum(packet, wireSource, Group, ChecksumRFC9568))
		got, reject := Parse(packet, wireMeta, nil)
		if got.Interval != tt.want || reject != Accepted {
			t.Errorf("field %#04x: %v, %v, want %v", tt.field, got.Interval, reject, tt.want)
		}
	}
}

// What is sent is what is received, at both ends of every range.
func TestRoundTrip(t *testing.T) {
	for _, count := range []int{1, 2, 254, MaxAddresses} {
		for _, interval := range []time.Duration{MinInterval, second, MaxInterval} {
			want := Advert{VRID: uint8(count), Priority: uint8(255 - count), Interval: interval}
			for i := range count {
				want.Addresses = append(want.Addresses, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
			}
			wire := want.AppendTo([]byte("before"), wireSource, Group, ChecksumPseudoHeader)
			got, reject := Parse(wire[len("before"):], wireMeta, nil)
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" || reject != Accepted {
				t.Errorf("%d addresses at %v: %v (-want +got):\n%s", count, interval, reject, diff)
			}
		}
	}
}

// An odd length is padded for the sum (RFC 1071), should one ever get that far.
func TestChecksumOfOddLength(t *testing.T) {
	if got, want := fold(sum([]byte{1, 2, 3}, 0)), uint16(0x0102+0x0300); got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range golden {
		b, _ := hex.DecodeString(tt.hex)
		f.Add(b)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, reject := Parse(b, wireMeta, nil)
		if reject != Accepted {
			return
		}
		again, reject := Parse(a.AppendTo(nil, wireSource, Group, a.Checksum), wireMeta, nil)
		if diff := cmp.Diff(a, again, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" || reject != Accepted {
			t.Errorf("not the same after a round trip: %v\n%s", reject, diff)
		}
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
