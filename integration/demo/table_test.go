// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLimits(t *testing.T) {
	for want, got := range map[time.Duration]limit{
		60 * time.Millisecond:   defaults.failed(),
		20 * time.Millisecond:   defaults.planned(),
		1300 * time.Millisecond: defaults.gone(),
	} {
		if got.time != want {
			t.Errorf("%s: %v, want %v", got.because, got.time, want)
		}
	}
	slower := defaults
	slower.interval, slower.other = 2*time.Second, 128
	if got := slower.gone().time; got != 3290*time.Millisecond {
		t.Errorf("a host is gone at 2 s adverts and priority 128: %v", got)
	}
}

func TestTable(t *testing.T) {
	var out strings.Builder
	newTimeline(&out, false).table([]result{
		{event: "HAProxy on lb1 is killed", waited: 21400 * time.Microsecond, failed: 3, limit: defaults.failed()},
		{event: "vipd on lb1 is stopped", waited: 21 * time.Millisecond, failed: 1, limit: defaults.planned()},
		{event: "vipd on lb1 is back", waited: 21 * time.Millisecond, limit: defaults.planned()},
		{event: "the cable of lb1 is pulled", waited: 1252 * time.Millisecond, failed: 250, limit: defaults.gone()},
		{event: "the cable of lb1 is back", waited: 0, limit: defaults.planned(), problem: errors.New("two owners")},
	})
	want := `
                              failed   waited    limit  set by                verdict
HAProxy on lb1 is killed           3    21 ms    60 ms  Skew_Time             ok
vipd on lb1 is stopped             1    21 ms    20 ms  make before break     over the limit
vipd on lb1 is back                0    21 ms    20 ms  make before break     ok, client paused
the cable of lb1 is pulled       250  1252 ms  1300 ms  asking the host       ok
the cable of lb1 is back           0     0 ms    20 ms  make before break     did not settle

failed: requests of the client. waited: the longest time between two that were served,
at least 5ms, since the client asks no sooner again. client paused: every request was
served, the client itself was late.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestColourOnlyWhenAsked(t *testing.T) {
	for _, colour := range []bool{true, false} {
		var out strings.Builder
		newTimeline(&out, colour).event("something")
		if got := strings.Contains(out.String(), "\x1b["); got != colour {
			t.Errorf("colour %v: %q", colour, &out)
		}
	}
}

func TestColourOfTheVerdict(t *testing.T) {
	for want, problem := range map[string]error{"\x1b[32mok": nil, "\x1b[31mdid not settle": errors.New("")} {
		var out strings.Builder
		newTimeline(&out, true).table([]result{{problem: problem}})
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %q", want, &out)
		}
	}
}

func TestLinesFitTheTerminal(t *testing.T) {
	var out strings.Builder
	service, err := serviceNamed("haproxy")
	if err != nil {
		t.Fatal(err)
	}
	line := newTimeline(&out, false)
	line.title(&stage{election: defaults, service: service})
	line.table([]result{{event: strings.Repeat("x", 30), waited: time.Minute, limit: defaults.gone(), problem: errors.New("")}})
	for text := range strings.Lines(out.String()) {
		if len(text) > 101 { // with its newline
			t.Errorf("%d columns: %s", len(text)-1, text)
		}
	}
}
