// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// report counts what was seen, and prints it. What happens is printed as it happens.
type report struct {
	mu     sync.Mutex // guards out
	out    io.Writer
	timers timers
	seed   uint64

	start, finish time.Time
	rows          map[kind]*row
	total         row
	faults        int
}

// row is what was seen in all episodes of a kind.
type row struct {
	episodes, acts           int
	requests, probes         tally
	two, elected, none       total
	late                     time.Duration
	reachedLimit, ownerLimit time.Duration // of the episodes with the longest times
}

func newReport(out io.Writer, t timers, seed uint64) *report {
	return &report{out: out, timers: t, seed: seed, rows: make(map[kind]*row)}
}

// begin says what is there.
func (r *report) begin(now time.Time) {
	r.start, r.finish = now, now
	p := r.timers.priorities
	fmt.Fprintf(r.out, "Three load balancers (priorities %d, %d, %d) run HAProxy and vipd; adverts every %v; seed %d.\n\n",
		p[0], p[1], p[2], r.timers.interval, r.seed)
}

func (r *report) end(now time.Time) { r.finish = now }

// line prints what happens.
func (r *report) line(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "%8.2f s  %s\n", time.Since(r.start).Seconds(), fmt.Sprintf(format, args...))
}

// add counts an episode.
func (r *report) add(e episode, o outcome, most limit) {
	k := e[0].kind
	if len(e) > 1 {
		k = severalKind
	}
	if r.rows[k] == nil {
		r.rows[k] = &row{}
	}
	r.rows[k].add(e, o, most)
	r.total.add(e, o, most)
}

func (r *row) add(e episode, o outcome, most limit) {
	r.episodes++
	r.acts += len(e)
	if o.probes.longest.Length() >= r.probes.longest.Length() {
		r.reachedLimit = most.reached
	}
	if o.two.longest.Length() >= r.two.longest.Length() {
		r.ownerLimit = most.two
	}
	r.requests, r.probes = r.requests.and(o.requests), r.probes.and(o.probes)
	r.two, r.elected, r.none = r.two.and(o.two), r.elected.and(o.elected), r.none.and(o.none)
	r.late = max(r.late, o.late)
}

// fault prints what was beyond a limit, with what the nodes have to say to it.
func (r *report) fault(start time.Time, e episode, problems []string, logs string) {
	r.faults++
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "\nFAULT at %.2f s: %v\n", start.Sub(r.start).Seconds(), e)
	for _, p := range problems {
		fmt.Fprintf(r.out, "    %s\n", p)
	}
	fmt.Fprintf(r.out, "%s\n", logs)
}

// String is an episode for people.
func (e episode) String() string {
	text := ""
	for i, a := range e {
		if i > 0 {
			text += fmt.Sprintf(", and %v later ", a.start)
		}
		text += fmt.Sprintf("%s for %v", a.kind, a.lasts)
	}
	return text
}

// print prints the report.
func (r *report) print() {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "\nseed %d, %v, %d episodes, %d events, %d beyond a limit\n\n", r.seed,
		r.finish.Sub(r.start).Round(time.Second), r.total.episodes, r.total.acts, r.faults)
	r.table()
	election := r.timers.silence() + reaction
	t := r.total
	fmt.Fprintf(r.out, `
requests                %d, %d failed; none was answered for %s
UDP probes              %d, %d lost; none was answered for %s
two owners              %.1f s by ARP and ND, %s at once; %.1f s by adverts, %s at once
nobody                  %.1f s by ARP and ND, %s at once; Active_Down_Interval and %v are %s
this machine            late by %s at the most
`, t.requests.all, t.requests.failed, milliseconds(t.requests.longest.Length()),
		t.probes.all, t.probes.failed, milliseconds(t.probes.longest.Length()),
		t.two.sum.Seconds(), milliseconds(t.two.longest.Length()), t.elected.sum.Seconds(), milliseconds(t.elected.longest.Length()),
		t.none.sum.Seconds(), milliseconds(t.none.longest.Length()), reaction, milliseconds(election), milliseconds(t.late))
}

// table prints a row for each kind.
func (r *report) table() {
	const format = "%-22s %4v %8v %8v %9v %9v %9v %9v %9v\n"
	fmt.Fprintf(r.out, format, "", "", "requests", "probes", "longest", "", "two", "", "two by")
	fmt.Fprintf(r.out, format, "event", "n", "failed", "lost", "outage", "limit", "owners", "limit", "adverts")
	for _, k := range append(kinds[:len(kinds):len(kinds)], severalKind) {
		if row := r.rows[k]; row != nil {
			fmt.Fprintf(r.out, format, k, row.episodes, row.requests.failed, row.probes.failed,
				milliseconds(row.probes.longest.Length()), milliseconds(row.reachedLimit),
				milliseconds(row.two.longest.Length()), milliseconds(row.ownerLimit), milliseconds(row.elected.longest.Length()))
		}
	}
}

// milliseconds is a duration for people: "21 ms".
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}
