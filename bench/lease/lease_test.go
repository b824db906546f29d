// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/config"
	"vipd/integration/lab"
)

// vipdEnv holds the path of the program that is measured.
const vipdEnv = "VIPD_BENCH_PROGRAM"

func TestMain(m *testing.M) { lab.MainWithProgram(m, vipdEnv, "vipd/cmd/vipd") }

// A row of the table, measured for a short time.
func TestMeasure(t *testing.T) {
	s := setting{ipv6: true, vips: 40, interval: 200 * time.Millisecond, load: locked}
	r, err := measure(os.Getenv(vipdEnv), s, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(strings.TrimSpace(line(s, r)))
	if !r.measured || r.ended+r.givenUp > 0 || r.renewed < 40 || len(r.batches) == 0 {
		t.Errorf("%+v", r)
	}
	if r.cpu <= 0 || r.least <= 0 || r.least > 2*time.Second || r.apart < s.interval/2 {
		t.Errorf("%+v", r)
	}
}

// Every setting is a valid configuration with its addresses.
func TestConfig(t *testing.T) {
	for _, s := range settings() {
		file, problems := config.Parse("bench.yaml", []byte(s.config("/run/vipd.sock")))
		if problems.Failed() {
			t.Fatalf("%v: %v", s, problems)
		}
		c, err := file.For("lb1")
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		family := c.Routers[0].Families[0]
		if got := len(family.Held); got != s.vips && !(s.ipv6 && got == s.vips+1) { // and a link-local one
			t.Errorf("%v: %d addresses", s, got)
		}
		if want := s.expected() + s.renewPeriod(); c.Routers[0].Lease != want {
			t.Errorf("%v: lease %v, want %v", s, c.Routers[0].Lease, want)
		}
	}
}

func TestExpected(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		time.Second:            3 * time.Second,
		200 * time.Millisecond: 600 * time.Millisecond, // renewed with every other advert
	} {
		if got := (setting{interval: interval}).expected(); got != want {
			t.Errorf("adverts every %v: %v, want %v", interval, got, want)
		}
	}
}

func TestJudge(t *testing.T) {
	begin := time.Unix(1000, 0)
	told := func(ip string, after time.Duration, lifetime time.Duration) news {
		return news{begin.Add(after), netip.MustParseAddr(ip), true, lifetime, uint32(after / tick)}
	}
	const a, b, c = "192.0.2.1", "192.0.2.2", "192.0.2.3"
	gone, removed := told(c, 7*time.Second, 0), told(b, 2500*time.Millisecond, 0)
	gone.there, removed.there = false, false
	r := judge([]news{
		told(a, 0, 4*time.Second), told(b, 2*time.Millisecond, 6*time.Second), told(c, 4*time.Millisecond, 6*time.Second),
		told(a, time.Second, 4*time.Second), // the first one alone
		told(a, 2*time.Second, 4*time.Second), told(a, 2*time.Second, 4*time.Second), told(b, 2*time.Second+9*time.Millisecond, 6*time.Second),
		removed,
		told(a, 3*time.Second, 4*time.Second),
		gone,
	}, 600)
	if !slices.Equal(r.batches, []time.Duration{4 * time.Millisecond, 9 * time.Millisecond}) {
		t.Errorf("batches %v", r.batches)
	}
	if r.least != time.Second || r.ended != 1 || r.givenUp != 1 || r.renewed != 7 { // of a, 3 s after the last time
		t.Errorf("least %v, ended %d, given up %d, renewed %d", r.least, r.ended, r.givenUp, r.renewed)
	}
}

func TestParse(t *testing.T) {
	message := func(kind uint16, attributes ...byte) syscall.NetlinkMessage {
		return syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: kind}, Data: append(make([]byte, unix.SizeofIfAddrmsg), attributes...)}
	}
	address := []byte{8, 0, unix.IFA_ADDRESS, 0, 192, 0, 2, 1}
	ours, another := []byte{5, 0, 11, 0, tag, 0, 0, 0}, []byte{5, 0, 11, 0, 3, 0, 0, 0}
	lifetimes := []byte{20, 0, ifaCacheinfo, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0} // little-endian
	for _, tt := range []struct {
		name    string
		message syscall.NetlinkMessage
		want    bool
	}{
		{"of a link", message(unix.RTM_NEWLINK, ours...), false},
		{"without a tag", message(unix.RTM_NEWADDR, address...), false},
		{"with another tag", message(unix.RTM_NEWADDR, slices.Concat(address, another)...), false},
		{"cut off", syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: unix.RTM_NEWADDR}, Data: make([]byte, 3)}, false},
		{"ours", message(unix.RTM_DELADDR, slices.Concat(address, ours)...), true},
	} {
		if n, got := parse(tt.message); got != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, n, got)
		}
	}
	n, _ := parse(message(unix.RTM_NEWADDR, slices.Concat(address, ours, lifetimes)...))
	if want := (news{ip: netip.MustParseAddr("192.0.2.1"), there: true, lifetime: 4 * time.Second, stamp: 256}); n != want {
		t.Errorf("%+v, want %+v", n, want)
	}
}

func TestTable(t *testing.T) {
	s := setting{vips: 100, interval: time.Second}
	dashes := line(s, result{})
	r := result{measured: true, cpu: 1234 * time.Microsecond, apart: time.Second, late: 1600 * time.Microsecond,
		renewals: renewals{batches: []time.Duration{time.Millisecond, 2500 * time.Microsecond}, least: 2990 * time.Millisecond}}
	if got, want := line(s, r), "| IPv4 | 100 | 1s | idle | 1.2 | 2.5, 2.5 | 3000, 2990 | 0, 0 | 1000 | 2 |\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, text := range []string{head(), dashes} {
		for line := range strings.Lines(text) {
			if strings.Count(line, "|") != len(columns)+1 {
				t.Errorf("%q has not %d columns", line, len(columns))
			}
		}
	}
}

func TestCheck(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := check(own, "IPv4, 1 VIPs.*idle", nil); err != nil || len(rows) != 2 {
		t.Errorf("%v, %v", rows, err)
	}
	for name, tt := range map[string]struct {
		vipd, only string
		rest       []string
		want       string
	}{
		"no vipd":         {"/nonexistent/vipd", "", nil, "needs /nonexistent/vipd"},
		"no such row":     {own, "IPv5", nil, "no row"},
		"no expression":   {own, "(", nil, "-only"},
		"vipd not a flag": {own, "", []string{"bin/vipd"}, "bin/vipd"},
	} {
		if _, err := check(tt.vipd, tt.only, tt.rest); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.want)
		}
	}
}
