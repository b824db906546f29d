// SPDX-License-Identifier: Apache-2.0

package reliability_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	// probePeriod is how often the client asks.
	probePeriod = time.Millisecond
	// steady is how many probes must have been answered before an event and at its end.
	steady = 200
	// lead is how long before an event its measurement begins.
	lead = 100 * time.Millisecond
	// storyLines bounds what is told of an event that is beyond its limit.
	storyLines = 60
)

// watch is all that looks at a site while something happens.
type watch struct {
	probes   []*lab.Probe // of each watched address
	asker    *lab.Asker
	captures map[*node]*lab.Capture
}

// watch has the client ask each watched address, and a host ask for the last one.
func (b *bench) watch(t *testing.T) *watch {
	t.Helper()
	w := &watch{captures: make(map[*node]*lab.Capture)}
	for _, n := range []*node{b.lb1, b.lb2} {
		c, err := lab.StartCapture(n.Namespace, lab.Interface)
		labtest.Must(t, err)
		t.Cleanup(func() { c.Close() })
		w.captures[n] = c
	}
	var err error
	w.asker, err = lab.StartAsker(b.asker.Namespace, lab.Interface, b.asked())
	labtest.Must(t, err)
	for _, vip := range b.vips {
		p, err := lab.StartUDPProbe(b.site.Client.Namespace, vip, probePeriod)
		labtest.Must(t, err)
		t.Cleanup(func() { p.Stop() })
		labtest.Must(t, p.Prefer())
		w.probes = append(w.probes, p)
	}
	w.served(t, time.Time{})
	return w
}

// served waits until the client's probes are answered again, after a moment.
func (w *watch) served(t *testing.T, after time.Time) {
	t.Helper()
	for _, p := range w.probes {
		_, err := p.Wait(labtest.Patient(t), after, func(samples []lab.Sample) bool { return answered(samples) >= steady })
		labtest.Must(t, err)
	}
}

func answered(samples []lab.Sample) (times int) {
	for _, s := range samples {
		if s.OK {
			times++
		}
	}
	return times
}

// claims waits for the first advert, after a moment, by which a node claims the
// addresses.
func (w *watch) claims(t *testing.T, n *node, after time.Time) time.Time {
	t.Helper()
	p, err := w.captures[n].Wait(labtest.Patient(t), func(p lab.Packet) bool { return claims(p) && p.Time.After(after) })
	if err != nil {
		t.Fatalf("%s does not advertise: %v", n.Name(), err)
	}
	return p.Time
}

func claims(p lab.Packet) bool { return p.Sent && p.Kind == lab.Advert && p.Priority > 0 }

// adverts are the claims of all nodes from a moment on.
func (w *watch) adverts(from time.Time) map[*node][]time.Time {
	sent := make(map[*node][]time.Time)
	for n, c := range w.captures {
		for _, p := range c.Packets() {
			if claims(p) && !p.Time.Before(from) {
				sent[n] = append(sent[n], p.Time)
			}
		}
	}
	return sent
}

// captured is what was captured on each node from a moment on.
func (w *watch) captured(from time.Time) map[string][]lab.Packet {
	all := make(map[string][]lab.Packet)
	for n, c := range w.captures {
		for _, p := range c.Packets() {
			if !p.Time.Before(from) {
				all[n.Name()] = append(all[n.Name()], p)
			}
		}
	}
	return all
}

// stop ends the watch. What the probes ask for is known then.
func (w *watch) stop(t *testing.T) {
	t.Helper()
	labtest.Must(t, w.asker.Stop())
	for _, p := range w.probes {
		labtest.Must(t, p.Stop())
	}
	for _, c := range w.captures {
		c.Close()
	}
}

// span is the time of an event: it begins, is done, and nothing comes of it any more.
type span struct{ begin, done, end time.Time }

// see has an event happen at a phase of the Active's advert interval, from 0 to 1.
func (b *bench) see(t *testing.T, e event, phase float64) seen {
	t.Helper()
	labtest.Await(t, func() error { return b.look(b.at) })
	w := b.watch(t)
	<-time.After(time.Until(w.claims(t, b.at, time.Now()).Add(time.Duration(phase * float64(interval)))))
	var s span
	s.begin = time.Now()
	labtest.Must(t, e.do(t, b))
	s.done = time.Now()
	from := s.done
	if n := b.node(e.to); n != nil {
		from = w.claims(t, n, s.done)
		b.at = n
	}
	<-time.After(time.Until(from.Add(e.span)))
	w.served(t, time.Now())
	s.end = time.Now()
	w.stop(t)
	got := b.judge(t, e, w, s)
	t.Logf("%s: %+v", e.name, got)
	if !e.check(t, b.subject, got) {
		t.Logf("milliseconds from the begin, done at %d:\n%s", ms(s.done.Sub(s.begin)), b.story(w, s.begin))
	}
	if e.undo != nil {
		labtest.Must(t, e.undo(t, b))
		b.at = b.lb1
	}
	return got
}

// seen is what was seen of an event.
type seen struct {
	lost       int
	late       time.Duration // the longest time in which the client did not even ask
	advertised time.Duration // the longest time in which two nodes claimed the address by adverts
	answered   time.Duration // the longest time in which both answered for it
	none       time.Duration // the longest time in which nobody answered who was asked
	quiet      time.Duration // from the event's end to the new owner's next advert
	strangers  int           // adverts of the node that was not to have it
}

// judge says what was seen of an event.
func (b *bench) judge(t *testing.T, e event, w *watch, s span) seen {
	t.Helper()
	var got seen
	for _, p := range w.probes {
		samples := p.Samples(s.begin.Add(-lead))
		got.lost += lab.Lost(samples, s.begin.Add(-lead), s.end)
		got.late = max(got.late, pauses(samples, s.end))
	}
	from := time.Time{}
	if e.healed {
		from = w.firstAdvert(s.done)
	}
	got.advertised = lab.TwoOwners(lab.Claims(w.captured(from), vrid, true))
	got.answered = lab.TwoOwners(lab.Answers(w.captured(from), b.asked()))
	got.none = lab.Unanswered(w.captured(s.begin), b.asked(), s.begin, s.end)
	sent := w.adverts(s.done)
	if owned := sent[b.node(e.to)]; len(owned) > 0 {
		got.quiet = owned[0].Sub(s.done)
	}
	if e.stays() {
		got.strangers = len(w.adverts(s.begin)[b.lb2])
	}
	return got
}

// story lists the adverts and announcements of an event, and when probes were lost, in
// milliseconds from its begin: for people who look for the cause.
func (b *bench) story(w *watch, begin time.Time) string {
	type line struct {
		at   time.Time
		text string
	}
	var lines []line
	for n, c := range w.captures {
		for _, p := range c.Packets() {
			if p.Sent && (p.Kind == lab.Advert || p.Gratuitous() && slices.Contains(b.vips, p.Source)) {
				lines = append(lines, line{p.Time, fmt.Sprint(n.Name(), " sends ", p)})
			}
		}
	}
	for _, p := range w.probes {
		ok := true
		for _, s := range p.Samples(time.Time{}) {
			if s.OK != ok {
				lines = append(lines, line{s.Start, map[bool]string{true: "a probe is answered again", false: "a probe is lost"}[s.OK]})
			}
			ok = s.OK
		}
	}
	slices.SortFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	var story strings.Builder
	for _, l := range lines[:min(len(lines), storyLines)] {
		fmt.Fprintf(&story, "%9.1f %s\n", float64(l.at.Sub(begin))/float64(time.Millisecond), l.text)
	}
	return story.String()
}

// firstAdvert is when the first node advertised after a moment.
func (w *watch) firstAdvert(after time.Time) time.Time {
	var first time.Time
	for _, sent := range w.adverts(after) {
		if first.IsZero() || sent[0].Before(first) {
			first = sent[0]
		}
	}
	return first
}

// pauses is the longest time between two questions.
func pauses(samples []lab.Sample, to time.Time) (longest time.Duration) {
	for i := 1; i < len(samples) && samples[i].Start.Before(to); i++ {
		longest = max(longest, samples[i].Start.Sub(samples[i-1].Start))
	}
	return longest
}
