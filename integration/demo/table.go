// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"vipd/integration/lab"
)

// result is how an act ended.
type result struct {
	event   string
	waited  time.Duration // by the client, at the longest
	failed  int           // requests of the client
	limit   limit
	problem error // the address did not end where it should
}

// paused tells whether what looks like a wait was none: no request failed, but the
// client got no processor to ask at its pace.
func (r result) paused() bool { return r.failed == 0 && r.waited > r.limit.time }

func (r result) fine() bool {
	return r.problem == nil && (r.waited <= r.limit.time || r.paused())
}

func (r result) verdict() string {
	switch {
	case r.problem != nil:
		return "did not settle"
	case !r.fine():
		return "over the limit"
	case r.paused():
		return "ok, client paused"
	}
	return "ok"
}

// table prints the results of all acts.
func (t *timeline) table(results []result) {
	const row = "%-27s %8v %8v %8v  %-20s  %s\n"
	fmt.Fprintf(t.out, "\n"+row, "", "failed", "waited", "limit", "set by", "verdict")
	for _, r := range results {
		colour := green
		if !r.fine() {
			colour = red
		}
		fmt.Fprintf(t.out, row, r.event, r.failed, milliseconds(r.waited), milliseconds(r.limit.time),
			r.limit.because, t.paint(colour, r.verdict()))
	}
	fmt.Fprintf(t.out, "\nfailed: requests of the client. waited: the longest time between two that were served,\n"+
		"at least %v, since the client asks no sooner again. client paused: every request was\n"+
		"served, the client itself was late.\n", lab.HTTPPeriod)
}

// milliseconds is a duration for people: "21 ms".
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}
