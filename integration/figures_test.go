// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

const (
	repetitions = 3
	// reaction is the time to notice a failure, send an advert, add the address and
	// announce it, with the noise of a busy machine.
	reaction = 50 * time.Millisecond
	// planned is how long a client may wait in a planned move: what two requests are
	// apart, and noise.
	planned = 20 * time.Millisecond
	// maxMemory is what a vipd with one router may have resident.
	maxMemory = 20 << 20
)

// event is something that happens to lb1, and its way back.
type event struct {
	name     string
	do, undo func() error
	limit    time.Duration // of the outage
	lossless bool          // no UDP probe may be lost
}

// failed limits a move away from a service that died: vipd tells the other node.
func failed(e election) time.Duration { return (e.skew() + reaction).Truncate(2 * time.Millisecond) }

func events(t *testing.T, s *site) []event {
	pull := afterAdvert(t, startCapture(t, s.client), s.lb1, s.lb1.host.Cable.Pull)
	return []event{
		{"HAProxy killed", s.lb1.web.Kill, s.lb1.web.Restart, failed(s.election), false},
		{"SIGTERM", s.lb1.vipd.Stop, s.lb1.vipd.Restart, planned, true},
		{"cable pulled", pull, s.lb1.host.Cable.Restore, s.election.lost() + reaction, false},
	}
}

// figure is one row of the table.
type figure struct {
	event    string
	election election
	limit    time.Duration
	lossless bool
	seen     []seen
}

const tableHead = "| event | priorities | outage: min median max | limit | UDP probes lost | noise: max |\n|---|---|---|---|---|---|"

func (f figure) String() string {
	return fmt.Sprintf("| %s | %v | %v | %s | %s | %s |", f.event, f.election, spreadOf(f.seen, seen.theOutage),
		ms(f.limit), lost(f.seen), ms(spreadOf(f.seen, seen.theNoise).max))
}

func (f figure) judge(t *testing.T) {
	t.Helper()
	t.Logf("%s: %+v, limit %v", f.event, f.seen, f.limit)
	if mostlyOver(f.seen, f.limit) {
		t.Errorf("%s at %v: outages %v, limit %v", f.event, f.election, spreadOf(f.seen, seen.theOutage), f.limit)
	}
	for _, s := range f.seen {
		if f.lossless && s.lost > 0 {
			t.Errorf("%s at %v: %d UDP probes lost", f.event, f.election, s.lost)
		}
	}
}

// The benchmarks measure it at other priorities, too.
func TestFigures(t *testing.T) {
	s := run(t, defaults, haproxy)
	report(t, measure(t, s, events(t, s)))
	judgeMemory(t, s.lb1)
	judgeMemory(t, s.lb2)
}

// report prints a table for the docs.
func report(t *testing.T, table []figure) {
	t.Helper()
	lines := []string{tableHead}
	for _, f := range table {
		lines = append(lines, f.String())
	}
	t.Log("Adverts every second:\n" + strings.Join(lines, "\n"))
}

// measure lets everything happen to a site, again and again.
func measure(t *testing.T, s *site, all []event) []figure {
	p := watch(t, s)
	p.steady(t, time.Now(), s.lb1, steady)
	windows := []window{p.quiet(t, s.lb1, time.Second)}
	for range repetitions {
		for _, event := range all {
			windows = append(windows, p.see(t, s, event.do, s.lb2), p.see(t, s, event.undo, s.lb1))
		}
	}
	figures := sum(s.election, all, p.judge(t, windows))
	for _, f := range figures {
		f.judge(t)
	}
	return figures
}

// sum sorts what was seen by event: a quiet second, then in each repetition each
// event and its way back.
func sum(e election, all []event, what []seen) []figure {
	figures := []figure{{"a quiet second", e, planned, true, what[:1]}}
	for i, event := range all {
		there := figure{event.name, e, event.limit, event.lossless, nil}
		back := figure{event.name + ": the way back", e, planned, true, nil}
		for r := range repetitions {
			at := 1 + 2*(r*len(all)+i)
			there.seen = append(there.seen, what[at])
			back.seen = append(back.seen, what[at+1])
		}
		figures = append(figures, there, back)
	}
	return figures
}

// judgeMemory looks at what vipd has resident after all that.
func judgeMemory(t *testing.T, n *node) {
	t.Helper()
	resident, err := residentMemory(n.vipd.PID())
	labtest.Must(t, err)
	t.Logf("vipd on %s has %.1f MB resident", n.host.Name(), float64(resident)/(1<<20))
	if resident > maxMemory {
		t.Errorf("vipd on %s has %d bytes resident, limit %d", n.host.Name(), resident, maxMemory)
	}
}

// residentMemory is VmRSS, in bytes.
func residentMemory(pid int) (int, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var kilobytes int
		if _, err := fmt.Sscanf(lines.Text(), "VmRSS: %d kB", &kilobytes); err == nil {
			return kilobytes << 10, nil
		}
	}
	return 0, fmt.Errorf("no VmRSS of process %d", pid)
}
