// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vipd/integration/lab"
)

// resolution is how short a time without an answer to ARP or ND is none: the
// questions come every 5 ms, and either they or the answers may be late.
const resolution = 30 * time.Millisecond

// logTime is how the logs write a moment.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// observation is what was seen from one moment to another. What was before and after
// may be in it, too.
type observation struct {
	lab.Span
	requests []lab.Sample               // HTTP
	probes   map[string][]lab.Sample    // UDP, by their address
	packets  map[string][]lab.Packet    // adverts and answers, by the node that sent them
	asked    map[netip.Addr][]time.Time // when ARP and ND asked for which address
	vrid     uint8
}

// tally is how many there were, how many failed, and the longest time in which none
// was answered.
type tally struct {
	all, failed int
	longest     lab.Span
}

// total is how long something lasted at once, and in sum.
type total struct {
	longest lab.Span
	sum     time.Duration
}

// outcome is what is judged.
type outcome struct {
	requests, probes tally
	two, elected     total // two owners, by answers to ARP and ND, and by adverts
	none             total // nobody answered to ARP or ND

	late time.Duration // how late this machine was at the most: no vipd's fault
}

// judge judges an observation. Of addresses that move together, what lasted longer for
// either counts.
func judge(o observation) outcome {
	result := outcome{requests: tallyOf(o.requests, o.Span)}
	for _, samples := range o.probes {
		result.probes = result.probes.and(tallyOf(samples, o.Span))
	}
	for address, questions := range o.asked {
		answers := lab.Answers(o.packets, address)
		claims := lab.Claims(o.packets, o.vrid, address.Is4())
		result.two = result.two.or(totalOf(lab.Shared(answers), o.Span))
		result.elected = result.elected.or(totalOf(lab.Shared(claims), o.Span))
		result.none = result.none.or(totalOf(unanswered(questions, answers), o.Span))
	}
	return result
}

// tallyOf counts the samples that started in a span. An outage lasts from the first
// sample that failed to the next that did not: when the client itself pauses, no
// sample fails.
func tallyOf(samples []lab.Sample, in lab.Span) (t tally) {
	var since time.Time // zero: the last was answered
	for _, s := range samples {
		if s.Start.Before(in.From) || !s.Start.Before(in.To) {
			continue
		}
		t.all++
		switch {
		case s.OK && !since.IsZero():
			t.longest = longer(t.longest, lab.Span{From: since, To: s.Start})
			since = time.Time{}
		case !s.OK && since.IsZero():
			since = s.Start
		}
		if !s.OK {
			t.failed++
		}
	}
	if !since.IsZero() {
		t.longest = longer(t.longest, lab.Span{From: since, To: in.To})
	}
	return t
}

func (t tally) and(o tally) tally {
	return tally{t.all + o.all, t.failed + o.failed, longer(t.longest, o.longest)}
}

func (t total) and(o total) total { return total{longer(t.longest, o.longest), t.sum + o.sum} }

func (t total) or(o total) total { return total{longer(t.longest, o.longest), max(t.sum, o.sum)} }

func longer(a, b lab.Span) lab.Span {
	if b.Length() > a.Length() {
		return b
	}
	return a
}

// totalOf is how long spans are, as far as they lie within another.
func totalOf(spans []lab.Span, in lab.Span) (t total) {
	for _, s := range spans {
		if s.From.Before(in.From) {
			s.From = in.From
		}
		if s.To.After(in.To) {
			s.To = in.To
		}
		if s.Length() > 0 {
			t = t.and(total{s, s.Length()})
		}
	}
	return t
}

// unanswered are the times from the first question that nobody answered until somebody
// did: when the asker itself pauses, no question is open. The claims are made of the
// answers, in the order of their begin.
func unanswered(questions []time.Time, answers []lab.Claim) (spans []lab.Span) {
	var answered time.Time // until when
	for _, c := range append(slices.Clone(answers), lab.Claim{From: end(questions), To: end(questions)}) {
		open, _ := slices.BinarySearchFunc(questions, answered, time.Time.Compare)
		for ; open < len(questions) && !questions[open].After(answered); open++ {
		}
		if open < len(questions) && c.From.Sub(questions[open]) > resolution {
			spans = append(spans, lab.Span{From: questions[open], To: c.From})
		}
		if c.To.After(answered) {
			answered = c.To
		}
	}
	return spans
}

// end is the last of some moments.
func end(moments []time.Time) time.Time {
	if len(moments) == 0 {
		return time.Time{}
	}
	return moments[len(moments)-1]
}

// beyond tells what of an outcome is beyond a limit.
func (o outcome) beyond(l limit) (problems []string) {
	for _, row := range []struct {
		what     string
		measured lab.Span
		most     time.Duration
	}{
		{"no HTTP request was answered for", o.requests.longest, l.served + 2*lab.HTTPPeriod},
		{"no UDP probe was answered for", o.probes.longest, l.reached},
		{"nobody answered to ARP or ND for", o.none.longest, l.reached + reaction},
		{"two nodes answered to ARP or ND for", o.two.longest, l.two},
		{"two nodes were Active by their adverts for", o.elected.longest, l.elected},
	} {
		if took := row.measured.Length(); took > row.most {
			problems = append(problems, fmt.Sprintf("%s %s, limit %s, from %s on", row.what,
				milliseconds(took), milliseconds(row.most), row.measured.From.Format(logTime)))
		}
	}
	return problems
}
