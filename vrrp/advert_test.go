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
	wireMeta   = Meta{Source: wireSource, Destination: GroupIPv4, TTL: 255}

	wireSource6 = netip.MustParseAddr("fe80::248e:33ff:fec6:b019")
	wireMeta6   = Meta{Source: wireSource6, Destination: GroupIPv6, TTL: 255}

	sameAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
)

// golden are packets checked with other programs: the octets of RFC 9568 §5.2 and
// RFC 3768 §5.3. The one over IPv6 has the checksum that the kernel makes.
var golden = []struct {
	name   string
	meta   Meta
	hex    string
	advert Advert
}{
	{"message only, as RFC 9568", wireMeta, "310a640100646023" + "0a090064",
		Advert{Version: 3, VRID: 10, Priority: 100, Interval: second, Checksum: ChecksumRFC9568, Addresses: []netip.Addr{wireVIP}}},
	{"with pseudo-header, as keepalived", wireMeta, "310a640100647589" + "0a090064",
		Advert{Version: 3, VRID: 10, Priority: 100, Interval: second, Checksum: ChecksumPseudoHeader, Addresses: []netip.Addr{wireVIP}}},
	{"priority 0", wireMeta, "310a00010064d989" + "0a090064",
		Advert{Version: 3, VRID: 10, Priority: 0, Interval: second, Checksum: ChecksumPseudoHeader, Addresses: []netip.Addr{wireVIP}}},
	{"IPv6", wireMeta6, "310764010064660f" + "fe800000000000000000000000000077",
		Advert{Version: 3, VRID: 7, Priority: 100, Interval: second, Checksum: ChecksumPseudoHeader, Addresses: []netip.Addr{netip.MustParseAddr("fe80::77")}}},
	{"version 2", wireMeta, "210a640100017086" + "0a090064" + "0000000000000000",
		Advert{Version: 2, VRID: 10, Priority: 100, Interval: second, Checksum: ChecksumRFC9568, Addresses: []netip.Addr{wireVIP}}},
	{"version 2 with a password, as keepalived 2.2.7 sent it", wireMeta, "210a64010101333a" + "0a090064" + "7365637265740000",
		Advert{Version: 2, VRID: 10, Priority: 100, Interval: second, Checksum: ChecksumRFC9568, Auth: Password("secret"), Addresses: []netip.Addr{wireVIP}}},
}

func TestGolden(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			if got := hex.EncodeToString(tt.advert.AppendTo(nil, tt.meta.Source, tt.meta.Destination)); got != tt.hex {
				t.Errorf("AppendTo = %s, want %s", got, tt.hex)
			}
			got, reject := Parse(unhex(t, tt.hex), tt.meta, nil)
			if diff := cmp.Diff(tt.advert, got, sameAddr); diff != "" || reject != Accepted {
				t.Errorf("Parse: %v (-want +got):\n%s", reject, diff)
			}
		})
	}
}

// §7.1: one bad packet for each check, and pairs of faults for the order of the
// checks.
func TestRFC_7_1_Parse(t *testing.T) {
	good, good6, good2 := golden[1].hex, golden[3].hex, golden[4].hex
	hmac := "01010000" + "6000000000010001" + "00112233445566778899aabbccddeeff"
	ttl, hops := wireMeta, wireMeta6
	ttl.TTL, hops.TTL = 254, 254
	for _, tt := range []struct {
		name string
		meta Meta
		hex  string
		want Reject
	}{
		{"good", wireMeta, good, Accepted},
		{"good IPv6", wireMeta6, good6, Accepted},
		{"good version 2", wireMeta, good2, Accepted},
		{"ttl 254", ttl, good, RejectTTL},
		{"hop limit 254", hops, good6, RejectTTL},
		{"an IP header that can't be", Meta{wireSource, GroupIPv6, 255}, good, RejectDestination},
		{"no IP header", Meta{TTL: 255}, good, RejectDestination},
		{"empty", wireMeta, "", RejectTruncated},
		{"version 1", wireMeta, "110a640100647589" + "0a090064", RejectVersion},
		{"version 4", wireMeta, "410a640100647589" + "0a090064", RejectVersion},
		{"version 2 over IPv6", wireMeta6, "210764010064660f" + "fe800000000000000000000000000077", RejectVersion},
		{"type 0", wireMeta, "300a640100647589" + "0a090064", RejectType},
		{"type 2", wireMeta, "320a640100647589" + "0a090064", RejectType},
		{"type 2 of version 2", wireMeta, "220a640100017086" + "0a090064" + "0000000000000000", RejectType},
		{"one octet", wireMeta, "31", RejectTruncated},
		{"header cut", wireMeta, "310a6401006475", RejectTruncated},
		{"address missing", wireMeta, "310a640100647589", RejectTruncated},
		{"address cut", wireMeta, "310a640100647589" + "0a0900", RejectTruncated},
		{"an IPv4 address in IPv6", wireMeta6, good, RejectTruncated},
		{"version 2 without its authentication data", wireMeta, good2[:24], RejectTruncated},
		{"CARP, which shares protocol, group, TTL and first octet", wireMeta, "2101000702010000" + "0011223344556677" + "00112233445566778899aabbccddeeff00112233", RejectTruncated},
		{"one octet too long", wireMeta, good + "00", RejectTooLong},
		{"one address too long", wireMeta, good + "0a090065", RejectTooLong},
		{"keepalived's HMAC trailer", wireMeta, good + hmac, RejectHMAC},
		{"keepalived's HMAC trailer over IPv6", wireMeta6, good6 + hmac, RejectHMAC},
		{"a trailer of that length, of another type", wireMeta, good + "02" + hmac[2:], RejectTooLong},
		{"a trailer of that length, with the reserved octets used", wireMeta, good + "01010001" + hmac[8:], RejectTooLong},
		{"checksum", wireMeta, "310a640100647588" + "0a090064", RejectChecksum},
		{"checksum 0", wireMeta, "310a640100640000" + "0a090064", RejectChecksum},
		{"checksum of version 2 with a pseudo-header", wireMeta, "210a6401000185e4" + "0a090064" + "0000000000000000", RejectChecksum},
		{"checksum over IPv6 of the message only", wireMeta6, "3107640100646b9b" + "fe800000000000000000000000000077", RejectChecksum},
		{"a bit of the address", wireMeta, "310a640100647589" + "0a090065", RejectChecksum},
		{"ttl before version", ttl, "41", RejectTTL},
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

// Every single flipped bit is found by the checksum, unless it is found before.
func TestEveryFlippedBitIsFound(t *testing.T) {
	for _, tt := range golden {
		for bit := range len(tt.hex) * 4 {
			packet := unhex(t, tt.hex)
			packet[bit/8] ^= 1 << (bit % 8)
			if _, reject := Parse(packet, tt.meta, nil); reject == Accepted {
				t.Errorf("%s: bit %d flipped, and accepted", tt.name, bit)
			}
		}
	}
}

// §5.2.6: the reserved bits are ignored. §5.2.7: 12 bits of centiseconds. In
// version 2: seconds (RFC 3768 §5.3.7).
func TestRFC_5_2_7_Interval(t *testing.T) {
	for _, tt := range []struct {
		packet int // of golden
		field  uint16
		want   time.Duration
	}{
		{0, 1, 10 * time.Millisecond},
		{0, 100, second},
		{0, 4095, 40950 * time.Millisecond},
		{0, 0xf064, second},
		{0, 0xf000, 0},
		{4, 1, second},
		{4, 255, 255 * second},
		{4, 0, 0},
	} {
		packet := unhex(t, golden[tt.packet].hex)
		binary.BigEndian.PutUint16(packet[4:], tt.field)
		binary.BigEndian.PutUint16(packet[6:], 0)
		binary.BigEndian.PutUint16(packet[6:], checksum(packet, wireSource, GroupIPv4, ChecksumRFC9568))
		got, reject := Parse(packet, wireMeta, nil)
		if got.Interval != tt.want || reject != Accepted {
			t.Errorf("field %#04x: %v, %v, want %v", tt.field, got.Interval, reject, tt.want)
		}
	}
}

// What is sent is what is received, at both ends of every range.
func TestRoundTrip(t *testing.T) {
	for _, family := range []Meta{wireMeta, wireMeta6} {
		for _, count := range []int{1, 2, 254, MaxAddresses} {
			for _, interval := range []time.Duration{MinInterval, second, MaxInterval} {
				want := Advert{Version: 3, VRID: uint8(count), Priority: uint8(255 - count), Interval: interval}
				for range count {
					want.Addresses = append(want.Addresses, family.Source)
				}
				wire := want.AppendTo([]byte("before"), family.Source, family.Destination)
				got, reject := Parse(wire[len("before"):], family, nil)
				if diff := cmp.Diff(want, got, sameAddr); diff != "" || reject != Accepted {
					t.Errorf("%d addresses at %v: %v (-want +got):\n%s", count, interval, reject, diff)
				}
			}
		}
	}
}

// RFC 2338: a password of 8 octets, filled up with zeros; what is longer is cut.
func TestPassword(t *testing.T) {
	a := golden[4].advert
	a.Auth = Password("secret")
	wire := a.AppendTo(nil, wireSource, GroupIPv4)
	if got, want := hex.EncodeToString(wire[4:5])+hex.EncodeToString(wire[12:]), "01"+"7365637265740000"; got != want {
		t.Errorf("authentication %s, want %s", got, want)
	}
	got, reject := Parse(wire, wireMeta, nil)
	if reject != Accepted || got.Auth != a.Auth {
		t.Errorf("%v, %v", got.Auth, reject)
	}
	if Password("12345678") != Password("123456789") {
		t.Error("more than 8 octets count")
	}
}

// §7.3: the link-local address is made like the virtual MAC's.
// §7.3.
func TestVirtualMAC(t *testing.T) {
	if v4, v6 := VirtualMAC(51, true), VirtualMAC(255, false); v4 != "00:00:5e:00:01:33" || v6 != "00:00:5e:00:02:ff" {
		t.Errorf("%s, %s", v4, v6)
	}
}

func TestVirtualLinkLocal(t *testing.T) {
	for vrid, want := range map[uint8]string{1: "fe80::200:5eff:fe00:201", 51: "fe80::200:5eff:fe00:233", 255: "fe80::200:5eff:fe00:2ff"} {
		if got := VirtualLinkLocal(vrid); got != netip.MustParseAddr(want) {
			t.Errorf("VRID %d: %v, want %s", vrid, got, want)
		}
	}
}

// An odd length is padded for the sum (RFC 1071), should one ever get that far.
func TestChecksumOfOddLength(t *testing.T) {
	if got, want := fold(sum([]byte{1, 2, 3}, 0)), uint16(0x0102+0x0300); got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
}

// A carry that makes another carry comes back, too (RFC 1071).
func TestChecksumCarriesTwice(t *testing.T) {
	if got := fold(0x1ffff); got != 1 {
		t.Errorf("got %#x, want 1", got)
	}
}

// FuzzParse: whatever comes, no panic; what is accepted is the same when it is
// sent again.
func FuzzParse(f *testing.F) {
	for _, tt := range golden {
		b, _ := hex.DecodeString(tt.hex)
		f.Add(b, tt.meta.Source.Is4())
	}
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, b []byte, ipv4 bool) {
		meta := wireMeta6
		if ipv4 {
			meta = wireMeta
		}
		a, reject := Parse(b, meta, nil)
		if reject != Accepted {
			return
		}
		again, reject := Parse(a.AppendTo(nil, meta.Source, meta.Destination), meta, nil)
		if diff := cmp.Diff(a, again, sameAddr); diff != "" || reject != Accepted {
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
