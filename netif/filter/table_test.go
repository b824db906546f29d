// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// The tables as nft shows them, but for white space.
const (
	silent6 = "set silent6 { type ipv6_addr } "
	refuse4 = "set refuse4 { type ipv4_addr elements = { 192.0.2.100 } } "
	refuse6 = "set refuse6 { type ipv6_addr elements = { 2001:db8::100 } } "
	input   = "chain input { type filter hook input priority filter - 10; policy accept; "
	to4     = "ip daddr @refuse4 drop "
	to6     = "icmpv6 type 135-136 accept ip6 daddr @refuse6 drop "
	output6 = "chain output { type filter hook output priority filter - 10; policy accept; " +
		"icmpv6 type nd-neighbor-advert @th,64,128 @silent6 drop " +
		"icmpv6 type 131-143 ip6 saddr @silent6 drop } "

	wholeARP = "table arp vipd { set silent4 { type ipv4_addr } " +
		"chain output { type filter hook output priority filter - 10; policy accept; " +
		"arp hlen 6 arp plen 4 arp saddr ip @silent4 drop } }"
	emptyInet = "table inet vipd { " + silent6 + output6 + "}"
	inet4     = "table inet vipd { " + silent6 + refuse4 + input + to4 + "} " + output6 + "}"
	inet6     = "table inet vipd { " + silent6 + refuse6 + input + to6 + "} " + output6 + "}"
	inetBoth  = "table inet vipd { " + silent6 + refuse4 + refuse6 + input + to4 + to6 + "} " + output6 + "}"

	// others is what other people may have, with our name in another family.
	others = `table inet filter {
		chain input { type filter hook input priority -20; accept; }
		chain late { type filter hook input priority 20; accept; }
	}
	table bridge vipd { chain input { counter accept; }; }
	table arp filter { chain output { type filter hook output priority 0; accept; }; }`
)

// shown is a table in one line.
func shown(table string) string {
	text := strings.Join(strings.Fields(list(table)), " ")
	return strings.ReplaceAll(text, "icmpv6 taddr", "@th,64,128") // newer versions of nft know it
}

func TestTables(t *testing.T) {
	rows := []struct {
		name   string
		refuse []string
		inet   string
	}{
		{"nothing to refuse", nil, emptyInet},
		{"IPv4 only", []string{"192.0.2.100"}, inet4},
		{"IPv6 only", []string{"2001:db8::100"}, inet6},
		{"both families", []string{"2001:db8::100", "192.0.2.100"}, inetBoth},
		{"duplicate", []string{"192.0.2.100", "192.0.2.100"}, inet4},
		{"IPv4 in IPv6", []string{"::ffff:192.0.2.100", "192.0.2.100"}, inet4},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			run(t, row.refuse...)
			if got := shown("inet vipd"); got != row.inet {
				t.Errorf("got\n%s, want\n%s", got, row.inet)
			}
			if got := shown("arp vipd"); got != wholeARP {
				t.Errorf("got\n%s, want\n%s", got, wholeARP)
			}
		})
	}
}

func TestStrangeAddresses(t *testing.T) {
	r := run(t)
	r.Silence("a", append(addresses("fe80::1%eth0", "fe80::1%eth1"), netip.Addr{}))
	r.untilSet(t, "inet vipd silent6", []string{"fe80::1"})
}

func TestVeryManyAddresses(t *testing.T) {
	var many []string
	for i := range 5000 {
		many = append(many, fmt.Sprintf("2001:db8::%x", i+1), fmt.Sprintf("10.0.%d.%d", i/250, i%250+1))
	}
	r := run(t, many...)
	r.silence(t, "a", many...)
	for _, set := range []string{"inet vipd refuse4", "inet vipd refuse6"} {
		if n := len(elements(set)); n != 5000 {
			t.Errorf("set %s has %d elements", set, n)
		}
	}
	r.silence(t, "a")
	if r.log.String() != "" {
		t.Errorf("log: %s", r.log)
	}
}

func TestLeftoversAreReplaced(t *testing.T) {
	nft(t, `table inet vipd {
		set silent6 { type ipv4_addr; elements = { 192.0.2.1 }; }
		chain input { type filter hook input priority 0; policy drop; }
		chain old { ip saddr @silent6 drop; }
	}
	table arp vipd { chain output { type filter hook output priority 5; policy drop; }; }`)
	run(t)
	if got := shown("inet vipd") + shown("arp vipd"); got != emptyInet+wholeARP {
		t.Errorf("got\n%s, want\n%s", got, emptyInet+wholeARP)
	}
}

func TestOnlyOurTablesGo(t *testing.T) {
	nft(t, others)
	t.Cleanup(func() { nft(t, "flush ruleset") })
	before := list("")
	r := run(t, "192.0.2.100")
	r.silence(t, "a", "192.0.2.100", "2001:db8::100")
	if list("inet vipd") == "" || list("arp vipd") == "" {
		t.Error("no tables")
	}
	r.stop()
	if after := list(""); after != before {
		t.Errorf("the ruleset was\n%s\nand is\n%s", before, after)
	}
	if r.log.String() != "" {
		t.Errorf("log: %s", r.log)
	}
}

// A hand-off leaves the tables as they are: nothing is let through until the next run.
func TestKeptTablesStay(t *testing.T) {
	r := run(t, "192.0.2.100")
	before := list("inet vipd")
	r.Keep()
	r.stop()
	if after := list("inet vipd"); before == "" || after != before {
		t.Errorf("%s\nhas become\n%s", before, after)
	}
	nft(t, "delete table inet vipd; delete table arp vipd")
}

func TestTablesAreGoneAlreadyAtTheEnd(t *testing.T) {
	r := run(t)
	nft(t, "flush ruleset")
	r.stop()
	if got := list(""); got != "" {
		t.Errorf("left: %s", got)
	}
}

func TestHeals(t *testing.T) {
	rows := []struct{ name, script string }{
		{"ruleset flushed", "flush ruleset"},
		{"ruleset reloaded", "flush ruleset; table inet filter { chain input { type filter hook input priority 0; accept; }; }"},
		{"table deleted", "delete table inet vipd"},
		{"arp table deleted", "delete table arp vipd"},
		{"rules flushed", "flush table inet vipd"},
		{"accept in front", "insert rule inet vipd input accept"},
		{"element deleted", "delete element inet vipd refuse4 { 192.0.2.100 }"},
		{"silence ended", "flush set arp vipd silent4"},
		{"chain added", "add chain inet vipd more"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Cleanup(func() { nft(t, "flush ruleset") })
			r := run(t, "192.0.2.100", "2001:db8::100")
			r.silence(t, "a", "192.0.2.101", "2001:db8::101")
			inet, arp := list("inet vipd"), list("arp vipd")
			nft(t, row.script)
			r.until(t, "inet vipd", inet)
			r.until(t, "arp vipd", arp)
			if !strings.Contains(r.log.String(), "another process changed them") {
				t.Errorf("log: %s", r.log)
			}
			r.silence(t, "a")
		})
	}
}

// Changes of others' tables, and our own, are no reason to make ours again.
func TestLeavesWellAlone(t *testing.T) {
	t.Cleanup(func() { nft(t, "flush ruleset") })
	r := run(t, "192.0.2.100")
	nft(t, others)
	nft(t, "delete table bridge vipd; delete table inet filter")
	for range 20 {
		r.silence(t, "a", "192.0.2.101", "2001:db8::101")
		r.silence(t, "a")
	}
	// What comes after all that has been read.
	inet := list("inet vipd")
	nft(t, "delete table inet vipd")
	r.until(t, "inet vipd", inet)
	if n := strings.Count(r.log.String(), "making"); n != 1 {
		t.Errorf("made again %d times: %s", n, r.log)
	}
}

func TestSilenceIsAUnion(t *testing.T) {
	r := run(t)
	r.Silence("a", addresses("192.0.2.1", "2001:db8::1"))
	r.Silence("b", addresses("192.0.2.2", "192.0.2.1"))
	r.untilSet(t, "arp vipd silent4", []string{"192.0.2.1", "192.0.2.2"})
	r.untilSet(t, "inet vipd silent6", []string{"2001:db8::1"})
	r.Silence("a", nil)
	r.untilSet(t, "inet vipd silent6", nil)
	r.untilSet(t, "arp vipd silent4", []string{"192.0.2.1", "192.0.2.2"})
	r.Silence("b", addresses("192.0.2.2"))
	r.untilSet(t, "arp vipd silent4", []string{"192.0.2.2"})
}
