// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func TestStripHeader(t *testing.T) {
	good := "4500001c00000000ff700000c000020be0000012" + "0102030405060708"
	rows := []struct{ name, packet, payload string }{
		{"good", good, "0102030405060708"},
		{"trailing bytes", good + "ffff", "0102030405060708"},
		{"no payload", "4500001400000000ff700000c000020be0000012", ""},
		{"options", "4600001a00000000ff700000c000020be0000012" + "01010100" + "0102", "0102"},
		{"empty", "", "refused"},
		{"shorter than a header", good[:38], "refused"},
		{"cut off", good[:len(good)-2], "refused"},
		{"IPv6", "6" + good[1:], "refused"},
		{"header length below the least", "44" + good[2:], "refused"},
		{"header longer than the packet", "4f" + good[2:], "refused"},
		{"total length below the header's", "45000013" + good[8:], "refused"},
		{"total length above what was read", "4500001d" + good[8:], "refused"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			b, err := hex.DecodeString(row.packet)
			if err != nil {
				t.Fatal(err)
			}
			p, ok := stripHeader(b)
			got := hex.EncodeToString(p.Payload)
			if !ok {
				got = "refused"
			}
			if got != row.payload {
				t.Errorf("got %s, want %s", got, row.payload)
			}
			if ok && fmt.Sprint(p.Source, p.Destination, p.TTL) != "192.0.2.11 224.0.0.18 255" {
				t.Errorf("%+v", p)
			}
		})
	}
}

func FuzzStripHeader(f *testing.F) {
	f.Add([]byte("\x45\x00\x00\x1c0000\xff\x70000000000000payload!"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := stripHeader(b); ok && (len(p.Payload) > len(b)-20 || !p.Source.Is4()) {
			t.Errorf("%+v of %x", p, b)
		}
	})
}

// A truncated or strange message is left out, it does no harm.
func TestStrangeMessages(t *testing.T) {
	for _, kind := range []uint16{unix.RTM_NEWLINK, unix.RTM_DELLINK, unix.RTM_NEWADDR, unix.RTM_DELADDR, 9999} {
		for n := range 40 {
			for _, fill := range []byte{0, 1, unix.AF_INET, 255} {
				data := slices.Repeat([]byte{fill}, n)
				newTable().apply(syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: kind}, Data: data})
			}
		}
	}
}

// As struct ifaddrmsg and its attributes stand in linux/if_addr.h.
func TestChangeBytes(t *testing.T) {
	half := func(v uint16) string { return hex.EncodeToString(binary.NativeEndian.AppendUint16(nil, v)) }
	word := func(v uint32) string { return hex.EncodeToString(binary.NativeEndian.AppendUint32(nil, v)) }
	const none, padding = "00000000", "000000"
	c := change{verb: add, link: 7, prefix: netip.MustParsePrefix("192.0.2.100/24"), lease: 3500 * time.Millisecond}
	address := "02180000" + word(7) + half(8) + half(2) + "c0000264" + half(8) + half(1) + "c0000264"
	lease := half(20) + half(6) + word(4) + word(4) + none + none + half(5) + half(11) + "70" + padding
	rows := []struct {
		name   string
		verb   verb
		answer bool
		want   string
	}{
		{"add", add, false, word(68) + half(20) + half(0x601) + word(5) + none + address + lease},
		{"refresh, answered", refresh, true, word(68) + half(20) + half(0x105) + word(5) + none + address + lease},
		{"remove", remove, false, word(40) + half(21) + half(0x001) + word(5) + none + address},
	}
	c.tag = addressTag
	for _, row := range rows {
		c.verb = row.verb
		if got := hex.EncodeToString(c.append(nil, 5, row.answer)); got != row.want {
			t.Errorf("%s:\n%s, want\n%s", row.name, got, row.want)
		}
	}
}

// Without tags, ours is what has a lease or was set by this run.
func TestOursWithoutTags(t *testing.T) {
	ip := netip.MustParseAddr("192.0.2.100")
	rows := []struct {
		name    string
		address address
		tagging bool
		held    bool
		ours    bool
	}{
		{"tagged", address{tag: addressTag, permanent: true}, true, false, true},
		{"tagged as leaving", address{tag: leavingTag, permanent: true}, true, false, true},
		{"leased by another", address{}, true, false, false},
		{"untagged while we hold it", address{}, true, true, false},
		{"leased, no tags", address{}, false, false, true},
		{"permanent, no tags", address{permanent: true}, false, false, false},
		{"permanent, no tags, ours", address{permanent: true}, false, true, true},
	}
	for _, row := range rows {
		k := newKeeper(nil, &virtualLinks{}, nil, Config{})
		k.tagging = row.tagging
		row.address.local = ip
		if row.held {
			k.owners[place{0, ip}] = &slot{}
		}
		if got := k.isOurs(row.address); got != row.ours {
			t.Errorf("%s: ours is %v", row.name, got)
		}
	}
	k := newKeeper(nil, &virtualLinks{}, nil, Config{})
	k.tagging = false
	s := &slot{}
	k.publish(s, []holding{{Address: Address{Link: 1, Prefix: netip.PrefixFrom(ip, 32)}}})
	k.publish(s, nil)
	if k.isOurs(address{link: 1, local: ip, permanent: true}) {
		t.Error("held no more, and still ours")
	}
	if _, err := k.whole(&task{}, nil); !errors.Is(err, ErrNothingLeft) {
		t.Errorf("found without tags: %v", err)
	}
	k.learn(map[int][]address{1: {{tag: 3}}})
	if !k.tagging {
		t.Error("a tag was seen, and nothing learnt")
	}
}

// All keys' first bursts leave before any second one.
func TestKeysTakeTurns(t *testing.T) {
	sizes := map[string]int{"a": 150, "b": 3, "c": 64}
	a := newAnnouncer(func(key string, from, limit int) []announced {
		held := make([]announced, max(0, min(limit, sizes[key]-from)))
		for i := range held {
			held[i].link = int(key[0])
		}
		return held
	}, nil, nil)
	var got []string
	a.send = func(burst []announced) {
		got = append(got, fmt.Sprintf("%c%d", burst[0].link, len(burst)))
		if len(got) == 2 {
			a.announce("a") // under way: once more at the end
			a.announce("c") // not begun: the same
		}
	}
	for _, key := range []string{"a", "b", "c", "b"} {
		a.announce(key)
	}
	for more := true; more; _, more = a.turn() {
	}
	if want := "a64 b3 c64 a64 a22 a64 a64 a22"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// A thousand announcements are no storm: after 64 frames there is a pause, whether they
// are of one key or of many.
func TestAnnouncementsPause(t *testing.T) {
	for name, row := range map[string]struct{ keys, addresses int }{"one key": {1, 1000}, "many keys": {1000, 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAnnouncer(func(_ string, from, limit int) []announced {
					return make([]announced, max(0, min(limit, row.addresses-from)))
				}, nil, nil)
				begin, sent, most := time.Now(), map[time.Duration]int{}, 0
				a.send = func(frames []announced) {
					at := time.Since(begin)
					sent[at] += len(frames)
					most = max(most, sent[at])
				}
				for i := range row.keys {
					a.announce(fmt.Sprint(i))
				}
				a.work(t.Context())
				if took, want := time.Since(begin), 1000/burst*burstPause; most != burst || took != want {
					t.Errorf("at most %d frames at once, in %v; want %d, in %v", most, took, burst, want)
				}
			})
		})
	}
}

// A round for some addresses may become one for more, or for all.
func TestRoundsForSome(t *testing.T) {
	ip := func(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) }
	var got []string
	a := newAnnouncer(func(_ string, from, _ int) (held []announced) {
		for n := from; n < 3; n++ {
			held = append(held, announced{ip: ip(byte(n))})
		}
		return held
	}, nil, nil)
	a.send = func(burst []announced) {
		for _, s := range burst {
			got = append(got, s.ip.String()[len("192.0.2."):])
		}
		switch len(got) {
		case 2: // under way
			a.announce("a", ip(1))
			a.announce("a", ip(0))
		case 4:
			a.announce("a", ip(2))
			a.announce("a")
		}
	}
	a.announce("a", ip(0))
	a.announce("a", ip(2))
	for more := true; more; _, more = a.turn() {
	}
	if want := "0 2 0 1 0 1 2"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// A virtual link that is down answers nobody: who answers from its hardware address is
// another node.
func TestHardwareThatAnswers(t *testing.T) {
	up, down := net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{0, 0, 0x5e, 0, 1, 51}
	ours := newTable()
	ours.links = map[int]link{1: {admin: true}, 2: {admin: true, hardware: up}, 3: {hardware: down}}
	if got := ours.hardware(); len(got) != 1 || !got[string(up)] {
		t.Errorf("%d hardware addresses", len(got))
	}
}
