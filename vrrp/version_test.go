// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// VRRPv2 (RFC 3768), both versions side by side (RFC 9568 §8.4), IPv6, unicast,
// the forms of the checksum.

func version2(p *Params)     { p.Version = Version2 }
func bothVersions(p *Params) { p.Version = VersionBoth }

// as2 makes an advert one of version 2.
func as2(in Received, change ...func(*Advert)) Received {
	in.Advert.Version = 2
	for _, c := range change {
		c(&in.Advert)
	}
	return in
}

func password(s string) func(*Advert) { return func(a *Advert) { a.Auth = Password(s) } }

// RFC 3768 §7.1, each check by one packet that fails no other.
func TestRFC3768_7_1(t *testing.T) {
	authenticated := func(p *Params) { p.Auth = Password("secret") }
	for _, tt := range []struct {
		name   string
		change func(*Params)
		in     Received
		want   Reject
	}{
		{"good", version2, as2(heard(200, higher)), Accepted},
		{"version 3", version2, heard(200, higher), RejectVersion},
		{"version 2 to a router of version 3", func(*Params) {}, as2(heard(200, higher)), RejectVersion},
		{"another interval", version2, as2(heardAt(200, higher, 2*second)), RejectInterval},
		{"interval 0", version2, as2(heardAt(200, higher, 0)), RejectIntervalZero},
		{"password where none is wanted", version2, as2(heard(200, higher), password("secret")), RejectAuthType},
		{"no password", func(p *Params) { version2(p); authenticated(p) }, as2(heard(200, higher)), RejectAuthType},
		{"another password", func(p *Params) { version2(p); authenticated(p) }, as2(heard(200, higher), password("sekret")), RejectPassword},
		{"the password", func(p *Params) { version2(p); authenticated(p) }, as2(heard(200, higher), password("secret")), Accepted},
		{"another type of authentication", version2, as2(heard(200, higher), func(a *Advert) { a.Auth.Type = 2 }), RejectAuthType},
		{"data without a type: ignored", version2, as2(heard(200, higher), func(a *Advert) { a.Auth.Data[0] = 1 }), Accepted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, tt.change)
			g.step(Start{})
			g.quiet(second)
			var want []Effect
			if tt.want != Accepted {
				want = []Effect{Refused{tt.want}}
			}
			g.want(tt.in, want...)
			left := down100 - second // the timer goes on
			if tt.want == Accepted {
				left = down100
			}
			g.until(left, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
		})
	}
}

// RFC 3768 §7.1: the list of addresses MAY be compared. It is, and no advert is
// dropped for it: that is how two masters are made.
func TestRFC3768_7_1_AddressesDiffer(t *testing.T) {
	g := newRig(t, version2)
	g.step(Start{})
	g.quiet(second)
	g.want(as2(heard(200, higher), func(a *Advert) { a.Addresses = []netip.Addr{higher} }), Notice{AddressesDiffer})
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// RFC 3768 §6.1: Skew_Time is (256 - priority)/256 of a second, whatever the
// interval.
func TestRFC3768_6_1_SkewTime(t *testing.T) {
	g := newRig(t, version2, every(5*second))
	g.step(Start{})
	g.until(15*second+skew100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// RFC 3768 §6.4.3: a losing advert is discarded, without an answer. The hosts
// still hear of the survivor.
func TestRFC3768_6_4_3_LosingAdvert(t *testing.T) {
	g := active(t, version2)
	g.quiet(second / 2)
	g.want(as2(heard(99, higher)), Announce{})
}

// encode gives all packets of one Send, as hex, by destination.
func encode(g *rig, priority uint8) []string {
	var packets []string
	g.router.Encode(priority, nil, func(to netip.Addr, packet []byte) {
		packets = append(packets, to.String()+" "+hex.EncodeToString(packet))
	})
	return packets
}

// What each kind of router sends.
func TestEncode(t *testing.T) {
	wire := func(p *Params) { p.VRID, p.Addresses = 10, []netip.Addr{wireVIP} }
	for _, tt := range []struct {
		name   string
		source netip.Addr
		change func(*Params)
		want   []string
	}{
		{"version 3", wireSource, func(*Params) {}, []string{"224.0.0.18 " + golden[1].hex}},
		{"the checksum of RFC 9568", wireSource, func(p *Params) { p.Checksum = ChecksumFixedRFC9568 }, []string{"224.0.0.18 " + golden[0].hex}},
		{"version 2", wireSource, version2, []string{"224.0.0.18 " + golden[4].hex}},
		{"version 2, 5 s", wireSource, func(p *Params) { version2(p); p.Interval = 5 * second }, []string{"224.0.0.18 210a6401" + "0005" + "7082" + "0a090064" + "0000000000000000"}},
		{"both", wireSource, bothVersions, []string{"224.0.0.18 " + golden[1].hex, "224.0.0.18 " + golden[4].hex}},
		{"both, sub-second: version 2 says 1 s", wireSource, func(p *Params) { bothVersions(p); p.Interval = 100 * time.Millisecond },
			[]string{"224.0.0.18 310a6401000a75e3" + "0a090064", "224.0.0.18 " + golden[4].hex}},
		{"both, 1.5 s: version 2 says 2 s", wireSource, func(p *Params) { bothVersions(p); p.Interval = 1500 * time.Millisecond },
			[]string{"224.0.0.18 310a640100967557" + "0a090064", "224.0.0.18 210a640100027085" + "0a090064" + "0000000000000000"}},
		{"IPv6", wireSource6, func(p *Params) { p.VRID, p.Addresses = 7, []netip.Addr{netip.MustParseAddr("fe80::77")} }, []string{"ff02::12 " + golden[3].hex}},
		{"unicast, the destination in the checksum", wireSource, func(p *Params) {
			p.Peers = []netip.Addr{netip.MustParseAddr("10.9.0.3"), netip.MustParseAddr("10.9.0.4")}
		}, []string{"10.9.0.3 310a640100644b90" + "0a090064", "10.9.0.4 310a640100644b8f" + "0a090064"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, wire, tt.change)
			g.step(Source{tt.source})
			got := encode(g, 100)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Priority 0 is said whatever our own is, with the password that is ours.
func TestEncodePriorityZero(t *testing.T) {
	g := newRig(t, func(p *Params) { p.VRID, p.Addresses = 10, []netip.Addr{wireVIP} })
	g.step(Source{wireSource})
	if diff := cmp.Diff([]string{"224.0.0.18 " + golden[2].hex}, encode(g, 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEncodePassword(t *testing.T) {
	g := newRig(t, version2, func(p *Params) { p.VRID, p.Addresses, p.Auth = 10, []netip.Addr{wireVIP}, Password("secret") })
	g.step(Source{wireSource})
	if diff := cmp.Diff([]string{"224.0.0.18 " + golden[5].hex}, encode(g, 100)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// §8.4.3: VRRPv2 is ignored from a router whose VRRPv3 is heard, and no longer.
func TestRFC_8_4_3_Version2BesideVersion3(t *testing.T) {
	g := newRig(t, bothVersions)
	g.step(Start{})
	g.want(heard(200, higher))
	g.want(as2(heard(200, higher)), Refused{RejectV2BesideV3})
	for range 2 {
		g.want(as2(heard(201, lower))) // of another router it counts
	}
	g.quiet(3*second - 1)
	g.want(as2(heard(200, higher)), Refused{RejectV2BesideV3})
	g.quiet(1)
	g.want(as2(heard(200, higher)))
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// §8.4.3: beside a sub-second VRRPv3 the VRRPv2 comes once a second.
func TestRFC_8_4_3_Version2BesideSubSecondVersion3(t *testing.T) {
	g := newRig(t, bothVersions, every(100*time.Millisecond))
	g.step(Start{})
	g.step(heardAt(200, higher, 100*time.Millisecond))
	g.pass(3*second - 1)
	g.want(as2(heard(200, higher)), Refused{RejectV2BesideV3})
}

// RFC 3768 §7.1: an interval that is shorter than ours is another one, too.
func TestRFC3768_7_1_ShorterInterval(t *testing.T) {
	g := newRig(t, version2, every(2*second))
	g.step(Start{})
	g.want(as2(heard(200, higher)), Refused{RejectInterval})
}

// In a migration, an Active answers a losing one as VRRPv3 does.
func TestRFC_8_4_LosingAdvert(t *testing.T) {
	g := active(t, bothVersions, noAnnouncements)
	g.want(heard(99, higher), Send{100})
}

// §8.4.2: the Backup times out by the rate that the Active advertises, in either
// version.
func TestRFC_8_4_2_BackupTimesOutByTheActivesRate(t *testing.T) {
	g := newRig(t, bothVersions, every(100*time.Millisecond))
	g.step(Start{})
	g.want(as2(heardAt(200, higher, 2*second)))
	g.until(2*down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// A migration compares the interval of version 3 alone.
func TestRFC_8_4_AddressesAreCompared(t *testing.T) {
	g := newRig(t, bothVersions)
	g.step(Start{})
	g.want(heardAt(200, higher, 2*second), Notice{IntervalDiffers})
	g.want(as2(heardAt(200, lower, 2*second)))
}

// Unicast: only configured peers are heard, and nobody through the group.
func TestUnicast(t *testing.T) {
	peers := func(p *Params) { p.Peers = []netip.Addr{higher} }
	stranger, multicast, unicast := heard(254, lower), heard(254, higher), heard(254, higher)
	stranger.Destination, unicast.Destination = own, own
	g := newRig(t, peers)
	g.step(Start{})
	g.quiet(second)
	g.want(stranger, Refused{RejectStranger})
	g.want(multicast, Refused{RejectDestination})
	six := heard(254, wireSource6)
	six.Destination = own6
	g.want(six, Refused{RejectDestination})
	g.quiet(second)
	g.want(unicast)
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// §5.1.1.2: a raw socket hears unicast, too.
func TestRFC_5_1_1_2_Destination(t *testing.T) {
	unicast := heard(254, higher)
	unicast.Destination = own
	g := backup(t, 200)
	g.want(unicast, Refused{RejectDestination})
	unicast.Destination = netip.MustParseAddr("224.0.0.5")
	g.want(unicast, Refused{RejectDestination}) // to another group
	six := heard(254, wireSource6)
	six.Destination = GroupIPv6
	g.want(six, Refused{RejectDestination}) // of the other family's router
}

// The form of the checksum is learned from accepted adverts, three in a row.
func TestChecksumAuto(t *testing.T) {
	rfc9568 := func(in Received) Received {
		in.Advert.Checksum = ChecksumRFC9568
		return in
	}
	g := newRig(t)
	g.step(Start{})
	pseudo, plain := encode(g, 100), encode(newRig(t, func(p *Params) { p.Checksum = ChecksumFixedRFC9568 }), 100)
	expect := func(what string, want []string) {
		t.Helper()
		if diff := cmp.Diff(want, encode(g, 100)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	g.step(rfc9568(heard(200, higher)))
	g.step(rfc9568(heard(200, higher)))
	g.step(heard(200, lower))
	g.step(rfc9568(heard(200, higher)))
	g.step(rfc9568(heard(200, higher)))
	expect("never three in a row", pseudo)
	for range 10 {
		refused := rfc9568(heard(200, higher))
		refused.Advert.Addresses = nil
		g.step(refused)
	}
	expect("refused ones do not count", pseudo)
	g.step(rfc9568(heard(200, higher)))
	expect("three in a row", plain)
	for range 3 {
		g.step(heard(200, higher))
	}
	expect("and back", pseudo)
}

// The checksum of version 2 has one form, and says nothing of version 3's.
func TestChecksumAutoOfVersion2(t *testing.T) {
	g := newRig(t, bothVersions)
	g.step(Start{})
	before := encode(g, 100)
	for range 10 {
		in := as2(heard(200, higher))
		in.Advert.Checksum = ChecksumRFC9568
		g.want(in)
	}
	if diff := cmp.Diff(before, encode(g, 100)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Over IPv6 there is one form, whatever is configured.
func TestChecksumFixedOverIPv6(t *testing.T) {
	g := newRig(t, func(p *Params) {
		p.VRID, p.Addresses, p.Checksum = 7, []netip.Addr{netip.MustParseAddr("fe80::77")}, ChecksumFixedRFC9568
	})
	g.step(Source{wireSource6})
	if diff := cmp.Diff([]string{"ff02::12 " + golden[3].hex}, encode(g, 100)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestChecksumFixed(t *testing.T) {
	g := newRig(t, func(p *Params) { p.Checksum = ChecksumFixedPseudoHeader })
	before := encode(g, 100)
	for range 10 {
		in := heard(200, higher)
		in.Advert.Checksum = ChecksumRFC9568
		g.step(in)
	}
	if diff := cmp.Diff(before, encode(g, 100)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Unicast: each peer has the form that it sends.
func TestChecksumAutoOfEachPeer(t *testing.T) {
	g := newRig(t, func(p *Params) { p.Peers = []netip.Addr{lower, higher} })
	before := encode(g, 100)
	for range 3 {
		in := heard(200, higher)
		in.Destination, in.Advert.Checksum = own, ChecksumRFC9568
		g.step(in)
	}
	after := encode(g, 100)
	if after[0] != before[0] || after[1] == before[1] {
		t.Errorf("before %v, after %v", before, after)
	}
}

var (
	own6    = netip.MustParseAddr("fe80::11")
	higher6 = netip.MustParseAddr("fe80::12")
	lower6  = netip.MustParseAddr("fe80::9")
)

func ipv6(p *Params) {
	p.Addresses = []netip.Addr{VirtualLinkLocal(51), netip.MustParseAddr("2001:db8::100")}
}

func heard6(priority uint8, from netip.Addr) Received {
	in := heard(priority, from)
	in.Destination = GroupIPv6
	in.Advert.Addresses = []netip.Addr{VirtualLinkLocal(51), netip.MustParseAddr("2001:db8::100")}
	return in
}

// IPv6 has the same election, by link-local addresses.
func TestIPv6Election(t *testing.T) {
	g := newRig(t, ipv6)
	g.step(Source{own6})
	g.step(Start{})
	g.want(heard6(200, higher6))
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
	g.want(heard6(100, lower6), Send{100})
	g.want(heard6(100, higher6), Send{100}, Transition{Active, Backup, HigherAddress})
}

// A keepalived without a link-local address drops adverts that have one: what it
// sends is what it wants to hear.
func TestDerivedLinkLocalIsLeftOut(t *testing.T) {
	derived := func(p *Params) { p.DerivedLinkLocal = true }
	withIt := heard6(50, higher6)
	bare := heard6(50, higher6)
	bare.Advert.Addresses = bare.Advert.Addresses[1:]
	for _, tt := range []struct {
		name   string
		change func(*Params)
		heard  []Received
		want   int // addresses in the advert that is sent then
	}{
		{"nobody heard", derived, nil, 2},
		{"one without it", derived, []Received{bare}, 1},
		{"and one with it", derived, []Received{bare, withIt}, 2},
		{"and one without it again", derived, []Received{bare, withIt, bare}, 1},
		{"a configured one stays", func(*Params) {}, []Received{bare}, 2},
	} {
		g := newRig(t, ipv6, tt.change)
		g.step(Source{own6})
		g.step(Start{})
		for _, in := range tt.heard {
			g.step(in)
		}
		g.router.Encode(100, nil, func(_ netip.Addr, b []byte) {
			a, reject := Parse(b, Meta{Source: own6, Destination: GroupIPv6, TTL: TTL}, nil)
			if reject != Accepted || len(a.Addresses) != tt.want || a.Addresses[tt.want-1] != netip.MustParseAddr("2001:db8::100") {
				t.Errorf("%s: sent %v (%v), want %d addresses", tt.name, a.Addresses, reject, tt.want)
			}
		})
	}
}

// Its absence is one difference, and another one is another.
func TestDerivedLinkLocalIsMissed(t *testing.T) {
	g := newRig(t, ipv6, func(p *Params) { p.DerivedLinkLocal = true })
	g.step(Start{})
	in := heard6(200, higher6)
	g.want(in)
	in.Advert.Addresses = in.Advert.Addresses[1:]
	g.want(in, Notice{NotLinkLocal})
	in.Advert.Addresses = append([]netip.Addr{netip.MustParseAddr("2001:db8::101")}, in.Advert.Addresses...)
	g.want(in, Notice{AddressesDiffer}, Notice{NotLinkLocal})
	in.Advert.Addresses = []netip.Addr{VirtualLinkLocal(51)}
	g.want(in, Notice{AddressesDiffer})
	g = newRig(t, ipv6) // a configured one
	g.step(Start{})
	in.Advert.Addresses = []netip.Addr{netip.MustParseAddr("2001:db8::100")}
	g.want(in, Notice{AddressesDiffer}, Notice{NotLinkLocal})
}

// §5.2.9, erratum 8300: the first address is link-local. keepalived sends others,
// so that is a notice, unless somebody is strict.
func TestRFC_7_1_FirstAddressLinkLocal(t *testing.T) {
	in := heard6(200, higher6)
	in.Advert.Addresses = []netip.Addr{netip.MustParseAddr("2001:db8::100"), VirtualLinkLocal(51)}
	g := newRig(t, ipv6)
	g.step(Start{})
	g.want(in, Notice{NotLinkLocal})
	g = newRig(t, ipv6, func(p *Params) { p.Strict = true })
	g.step(Start{})
	g.want(in, Refused{RejectLinkLocal})
	g.want(heard6(200, higher6))
}

// Priority 0 that arrives.

// It is said three times within 5 ms, and not after the next Active is heard.
func TestFarewell(t *testing.T) {
	g := active(t)
	g.want(Block{Maintenance}, Send{0}, Transition{Active, Initialize, Maintenance})
	g.farewells()
	g = active(t)
	g.step(Stop{})
	g.quiet(time.Millisecond)
	g.want(heard(50, higher))
	g.letsGo()
	g = active(t)
	g.step(Block{LinkDown}) // nothing can be said
	g.quiet(time.Hour)
}

// An advert that was sent before the priority 0 arrives after it, before and
// after the takeover.
func TestOvertakenAdvert(t *testing.T) {
	g := backup(t, 200, prio(254))
	g.quiet(second)
	g.want(heard(0, higher))
	g.want(heard(255, higher), Refused{RejectOvertaken})
	g.until(SkewTime(254, second), Transition{Backup, Active, ActiveStopped}, Send{254}, Own{true})
	g.want(heard(255, higher), Refused{RejectOvertaken})
	g.step(heard(255, lower)) // of another router it counts
	g.state(Backup)
}

// Several give up at once: each one's late advert is refused, and of more than
// four the oldest is forgotten.
func TestOvertakenAdvertsOfSeveral(t *testing.T) {
	g := newRig(t, prio(254))
	g.step(Start{})
	for i := range 5 {
		g.now = g.now.Add(time.Millisecond)
		g.step(heard(0, netip.AddrFrom4([4]byte{192, 0, 2, byte(20 + i)})))
		g.step(heard(0, netip.AddrFrom4([4]byte{192, 0, 2, byte(20 + i)})))
	}
	for i := range 5 {
		before := g.router.Status().Counters.Rejected[RejectOvertaken]
		g.step(heard(200, netip.AddrFrom4([4]byte{192, 0, 2, byte(20 + i)})))
		if refused := g.router.Status().Counters.Rejected[RejectOvertaken] > before; refused != (i > 0) {
			t.Errorf("of the one that gave up as number %d: refused %v", i, refused)
		}
	}
}

// A priority 0 from somebody whom we do not follow: late, or forged.
func TestPriorityZeroOfAnother(t *testing.T) {
	g := backup(t, 200)
	g.quiet(second)
	g.want(heard(0, lower))
	g.until(down100-second, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// An Active whose addresses fail can still be heard, and says so three times.
func TestFarewellOfFailedAddresses(t *testing.T) {
	g := active(t)
	g.step(Owned{Failed})
	g.farewells()
}

// Longer than our own, if that is what we know of it.
func TestOvertakenForALearnedInterval(t *testing.T) {
	g := newRig(t)
	g.step(Start{})
	g.step(heardAt(200, higher, 2*second))
	g.step(heardAt(0, higher, 2*second))
	g.pass(2*second - 1)
	g.want(heardAt(200, higher, 2*second), Refused{RejectOvertaken})
	g.pass(1)
	g.step(heardAt(200, higher, 2*second))
	g.state(Backup)
}

// A forged priority 0 of a long interval silences an Active for no longer than its
// own interval.
func TestForgedPriorityZero(t *testing.T) {
	g := backup(t, 200)
	g.step(heardAt(0, higher, MaxInterval))
	g.pass(second)
	g.want(heard(200, higher), Send{100}, Transition{Active, Backup, HigherPriority})
}

// It is overtaken for one interval; then it is a new one.
func TestOvertakenNoLonger(t *testing.T) {
	g := backup(t, 200, prio(254))
	g.want(heard(0, higher))
	g.pass(second - 1)
	g.want(heard(255, higher), Refused{RejectOvertaken})
	g.pass(1)
	g.state(Active)
	g.step(heard(255, higher))
	g.state(Backup)
}

// A daemon that was stopped hears all at once what was sent meanwhile: a router that gave
// up, and is back.
func TestOvertakenAdvertsAreFew(t *testing.T) {
	g := backup(t, 200, prio(150))
	for range 2 { // each time it gives up
		g.want(heard(0, higher))
		g.want(heard(200, higher), Refused{RejectOvertaken})
		g.want(heard(200, higher), Refused{RejectOvertaken})
		g.want(heard(200, higher))
	}
	g.until(ActiveDownInterval(150, second), Transition{Backup, Active, ActiveDown}, Send{150}, Own{true})
}

// The interval is that of the router that gave up: its next adverts come by it.
func TestOvertakenForItsInterval(t *testing.T) {
	g := backup(t, 200)
	g.step(heardAt(0, higher, 200*time.Millisecond))
	g.quiet(200 * time.Millisecond)
	g.step(heardAt(200, higher, 200*time.Millisecond))
	g.until(down100/5, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// An owner that comes back while it says farewell is Active, and says nothing else.
func TestFarewellEndsWithTheTakeover(t *testing.T) {
	g := active(t, prio(OwnerPriority))
	g.step(Stop{})
	g.want(Start{}, Transition{Initialize, Active, Owner}, Send{255}, Own{true})
	g.until(10*time.Millisecond, Send{255}) // the first one, repeated
}
