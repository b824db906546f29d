// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"vipd/integration/lab"
)

// timeline prints what happens, as it happens.
type timeline struct {
	out    io.Writer
	start  time.Time
	colour bool
}

// The colours, as ECMA-48 writes them.
const (
	bold  = "1"
	faint = "2"
	red   = "31"
	green = "32"
)

func newTimeline(out io.Writer, colour bool) *timeline {
	return &timeline{out: out, start: time.Now(), colour: colour}
}

func (t *timeline) paint(colour, text string) string {
	if !t.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// title says what is shown.
func (t *timeline) title(s *stage) {
	fmt.Fprintf(t.out, "Two load balancers, lb1 (priority %d) and lb2 (%d), run %s and vipd; adverts every %v.\n",
		s.election.better, s.election.other, s.service.title, s.election.interval)
	fmt.Fprintf(t.out, "A client opens a new connection to %s every %v.\n\n", vip.Addr(), lab.HTTPPeriod)
}

func (t *timeline) line(text string) {
	since := fmt.Sprintf("%6.2f s", time.Since(t.start).Seconds())
	fmt.Fprintf(t.out, "%s  %s\n", t.paint(faint, since), text)
}

// event is something that is done to the load balancers.
func (t *timeline) event(text string) { t.line(t.paint(bold, text)) }

// detail is what came of it.
func (t *timeline) detail(format string, args ...any) { t.line("    " + fmt.Sprintf(format, args...)) }

// logs prints what the daemons said last.
func (t *timeline) logs(s *stage) {
	for _, n := range []*node{s.lb1, s.lb2} {
		fmt.Fprintf(t.out, "\nThe log of vipd on %s ends with:\n%s", n.host.Name(), indent(n.vipd.LogTail()))
	}
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + line)
	}
	return b.String()
}
