// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	var out strings.Builder
	r := newReport(&out, defaults, 7)
	r.begin(epoch)
	out.Reset()
	add := func(e episode, o outcome) { r.add(e, o, defaults.limitOf(e)) }
	add(episode{{kind: stopped}}, outcome{
		requests: tally{1000, 2, span(0, 8)}, probes: tally{6000, 0, span(0, 0)},
		two: total{span(0, 45), 50 * time.Millisecond},
	})
	add(episode{{kind: stopped}}, outcome{
		requests: tally{1000, 1, span(0, 5)}, probes: tally{6000, 0, span(0, 0)},
		two: total{span(0, 20), 20 * time.Millisecond}, elected: total{span(0, 3), 3 * time.Millisecond},
	})
	add(episode{{kind: split, lasts: time.Second}}, outcome{two: total{span(0, 1700), 1700 * time.Millisecond}})
	add(episode{{kind: split, lasts: 2 * time.Second}}, outcome{two: total{span(0, 100), 100 * time.Millisecond}})
	add(episode{{kind: pulled}, {kind: deleted}}, outcome{
		requests: tally{1000, 600, span(0, 3005)}, probes: tally{6000, 3500, span(0, 3010)}, none: total{span(0, 3000), 3 * time.Second},
		late: 12 * time.Millisecond,
	})
	r.end(at(90_000))
	r.print()
	want := `
seed 7, 1m30s, 5 episodes, 6 events, 0 beyond a limit

                            requests   probes   longest                 two              two by
event                     n   failed     lost    outage     limit    owners     limit   adverts
stop, start               2        3        0      0 ms     20 ms     45 ms    100 ms      3 ms
two nodes split           2        0        0      0 ms     20 ms   1700 ms   2070 ms      0 ms
two at once               1      600     3500   3010 ms   6558 ms      0 ms   3364 ms      0 ms

requests                3000, 603 failed; none was answered for 3005 ms
UDP probes              18000, 3500 lost; none was answered for 3010 ms
two owners              1.9 s by ARP and ND, 1700 ms at once; 0.0 s by adverts, 3 ms at once
nobody                  3.0 s by ARP and ND, 3000 ms at once; Active_Down_Interval and 100ms are 3264 ms
this machine            late by 12 ms at the most
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFaultIsPrinted(t *testing.T) {
	var out strings.Builder
	r := newReport(&out, defaults, 7)
	r.begin(epoch)
	out.Reset()
	r.fault(at(1500), episode{{kind: stopped, lasts: time.Second}}, []string{"this", "that"}, "    the log of lb1:\n      line\n")
	want := `
FAULT at 1.50 s: stop, start for 1s
    this
    that
    the log of lb1:
      line

`
	if diff := cmp.Diff(want, out.String()); diff != "" || r.faults != 1 {
		t.Errorf("%d faults (-want +got):\n%s", r.faults, diff)
	}
}
