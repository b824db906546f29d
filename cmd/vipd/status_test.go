// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/daemon"
)

// eventful is the status of a node with everything to say.
func eventful(now time.Time) daemon.Status {
	return daemon.Status{
		Node: "lb2", Version: "1.0", Started: now.Add(-72 * time.Hour),
		Routers: []daemon.RouterStatus{{
			Name: "web", Family: "ipv4", State: "backup", Reason: "started", Since: now.Add(-90 * time.Second),
			Interface: "eth0", VRID: 51, Priority: 1, ConfiguredPriority: 253, Failing: "haproxy",
			Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.100/24")},
			Active:    &daemon.ActiveStatus{Source: netip.MustParseAddr("192.0.2.11"), Priority: 254, Heard: now.Add(-400 * time.Millisecond), Host: &daemon.HostStatus{State: "answers"}, Outranks: "no failed check can move the addresses here"},
			Rejected:  map[string]uint64{"interval-zero": 3, "count-zero": 2},
			Noticed:   map[string]uint64{"interval-differs": 5},
		}, {
			Name: "inside", Family: "ipv6", State: "initialize", Blocked: []string{"link-down", "check-failed"}, Since: now.Add(-time.Hour),
			Interface: "eth1", VRID: 52, Priority: 254, ConfiguredPriority: 254, Problem: "a problem",
			Failing:         "interface eth2",
			DeletedByOthers: "somebody deletes the addresses",
			Addresses:       []netip.Prefix{netip.MustParsePrefix("2001:db8::1/64")},
			Outside:         []netip.Prefix{netip.MustParsePrefix("2001:db8::1/64")},
		}},
		Checks: []daemon.CheckStatus{
			{Name: "haproxy", Verdict: "fail", State: "fail", Since: now.Add(-5 * time.Second), Took: "102µs", Detail: "connection refused"},
			{Name: "web", Verdict: "fail", State: "flapping", Since: now.Add(-9 * time.Second), Took: "2ms", Detail: strings.Repeat("12345 78ä ", 13)},
		},
		Reload: &daemon.ReloadStatus{At: now.Add(-time.Minute), Error: "vipd.yaml:3:3: unknown key"},
		Loop:   daemon.LoopStatus{Late: 1, MaxLate: "2s", Dropped: 1, Overrun: 2, Rejected: map[string]uint64{"ttl": 7}, Scheduling: "other", Problem: "no real-time"},
	}
}

// What a person sees, of a node with everything to say.
func TestPrintStatus(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	status := eventful(now)
	const want = `node lb2, vipd 1.0, running for 3d

ROUTER  FAMILY  STATE   SINCE  REASON                  PRIORITY  INTERFACE  VRID  ADDRESSES
web     ipv4    backup  1m30s  started                 1 of 253  eth0       51    192.0.2.100/24
inside  ipv6    fault   1h0m0s link-down,check-failed  254       eth1       52    2001:db8::1/64

CHECK    VERDICT          SINCE  TOOK   DETAIL
haproxy  fail             5s     102µs  connection refused
web      fail (flapping)  9s     2ms    12345 78ä 12345 78ä 12345 78ä 12345 78ä 12345 78ä 12345 78ä 12345 78ä 12345 78ä 12345 78ä 12345 78ä 12345 78ä 12345 78ä…

web ipv4: the Active is 192.0.2.11 with priority 254, heard 400ms ago; its host answers
web ipv4: no failed check can move the addresses here
web ipv4: priority 1 instead of 253 because of haproxy
web ipv4: 2 adverts refused: count-zero
web ipv4: 3 adverts refused: interval-zero
web ipv4: 5 adverts of a router that is configured differently: interval-differs
inside ipv6: a problem
inside ipv6: somebody deletes the addresses
inside ipv6: may not run because of interface eth2
inside ipv6: in none of the networks of eth1: 2001:db8::1/64
7 adverts refused: ttl
the reload of 1m0s ago failed, everything stayed as it was: vipd.yaml:3:3: unknown key
3 packets were dropped: they came faster than the daemon could take them
the daemon woke late 1 times, by up to 2s
the daemon may be late on a busy host: no real-time
`
	var out strings.Builder
	printStatus(&out, status, now)
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if diff := cmp.Diff(squeeze(want), squeeze(out.String())); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, out.String())
	}
	if !errors.Is(healthy(status), errNo) {
		t.Error("a router in fault is healthy")
	}
	status.Routers = status.Routers[:1]
	if healthy(status) != nil {
		t.Error("a Backup is not healthy")
	}
	out.Reset()
	status.Reload = &daemon.ReloadStatus{At: now.Add(-time.Minute), OK: true, Changes: 2}
	printStatus(&out, status, now)
	if !strings.Contains(out.String(), "\nreloaded 1m0s ago, changes: 2\n") {
		t.Error(out.String())
	}
}

// A group is told once, and why a router has another one's priority.
func TestPrintGroups(t *testing.T) {
	router := func(name, group, family, failing string) daemon.RouterStatus {
		return daemon.RouterStatus{Name: name, Group: group, Family: family, State: "backup", Priority: 1, ConfiguredPriority: 254, Failing: failing}
	}
	status := daemon.Status{Routers: []daemon.RouterStatus{
		router("web", "edge", "ipv4", "inside: haproxy"), router("web", "edge", "ipv6", "inside: haproxy"),
		router("other", "", "ipv4", ""), router("inside", "edge", "ipv4", "haproxy"),
	}}
	var out strings.Builder
	printStatus(&out, status, time.Now())
	for _, want := range []string{
		"\ngroup edge moves together: web, inside\nweb ipv4: ",
		"web ipv6: priority 1 instead of 254 because of inside: haproxy\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "group"); n != 1 {
		t.Errorf("a group is told %d times:\n%s", n, out.String())
	}
}

func TestHostWords(t *testing.T) {
	now := time.Unix(1000000, 0)
	for want, host := range map[string]*daemon.HostStatus{
		"":                                nil,
		"; its host answers":              {State: "answers", Since: now.Add(-time.Hour), Answered: now.Add(-time.Second)},
		"; its host is silent, for 100ms": {State: "silent", Since: now.Add(-100 * time.Millisecond)},
		"; its host is lost, for 2s":      {State: "lost", Since: now.Add(-2 * time.Second)},
		"; its host has never answered, so its silence says nothing":        {State: "unproven", Since: now.Add(-time.Hour)},
		"; its host has not answered for 2m0s, so its silence says nothing": {State: "unproven", Answered: now.Add(-2 * time.Minute)},
	} {
		if got := hostWords(host, now); got != want {
			t.Errorf("%+v: %q, want %q", host, got, want)
		}
	}
}

func TestPrintMaintenance(t *testing.T) {
	since := time.Date(2026, 11, 22, 12, 0, 0, 0, time.Local)
	for reason, want := range map[string]string{
		"":         "in maintenance since 2026-11-22 12:00:00\n",
		"new disk": "in maintenance since 2026-11-22 12:00:00: new disk\n",
	} {
		status := daemon.Status{
			Maintenance: &daemon.Maintenance{Since: since, Reason: reason},
			Routers: []daemon.RouterStatus{
				{Name: "web", Family: "ipv4", State: "initialize", Blocked: []string{"maintenance"}},
				{Name: "old", Family: "ipv4", State: "backup", Resigned: true},
			},
		}
		var out strings.Builder
		printStatus(&out, status, since)
		for _, part := range []string{want, "web ipv4 maintenance", "old ipv4: has resigned: it does not preempt; `vipd resign --undo old` ends that\n"} {
			if squeezed := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(out.String(), part) && !strings.Contains(squeezed, part) {
				t.Errorf("no %q in:\n%s", part, out.String())
			}
		}
		status.Routers = nil
		if !errors.Is(healthy(status), errNo) {
			t.Error("a node in maintenance is healthy")
		}
	}
}

func TestAge(t *testing.T) {
	now := time.Unix(1000000, 0)
	for ago, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 1234 * time.Millisecond: "1.2s", 75 * time.Second: "1m15s",
		47 * time.Hour: "47h0m0s", 49 * time.Hour: "2d",
	} {
		if got := age(now.Add(-ago), now); got != want {
			t.Errorf("%v ago: %s, want %s", ago, got, want)
		}
	}
}
