// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestProcess(t *testing.T) {
	procs := processes{1: newProcess("systemd"), 4: newProcess("squid"), 5: newProcess("squid"), 6: newProcess("squid"), 9: newProcess("dead")}
	procs[5].uid, procs[6].uid = 13, 13
	close(procs[9].ended)
	dir := t.TempDir()
	five, one, gone := write(t, dir, "5.pid", "5\n"), write(t, dir, "1.pid", "1\n"), write(t, dir, "7.pid", "7\n")
	tests := map[string]struct {
		kind  Process
		want  string
		found int
	}{
		"one runs":                       {Process{Name: "systemd"}, "", 1},
		"several run":                    {Process{Name: "squid"}, "", 4},
		"enough run":                     {Process{Name: "squid", Count: 3}, "", 4},
		"too few run":                    {Process{Name: "squid", Count: 4}, `3 processes "squid", want 4`, 0},
		"none runs":                      {Process{Name: "nginx"}, `0 processes "nginx", want 1`, 0},
		"only a part of the name":        {Process{Name: "squi"}, `0 processes "squi"`, 0},
		"a zombie":                       {Process{Name: "dead"}, `0 processes "dead"`, 0},
		"a user's":                       {Process{Name: "squid", User: "13"}, "", 5},
		"too few of a user's":            {Process{Name: "squid", User: "13", Count: 3}, `2 processes "squid" of user 13, want 3`, 0},
		"root's, by name":                {Process{Name: "squid", User: "root"}, "", 4},
		"a user that is none":            {Process{Name: "squid", User: "nobody-at-all"}, "unknown user nobody-at-all", 0},
		"in a PID file":                  {Process{Name: "squid", PIDFile: five}, "", 5},
		"in a PID file, somebody else's": {Process{Name: "squid", PIDFile: five, User: "root"}, "0 processes", 0},
		"a stale PID file":               {Process{Name: "squid", PIDFile: gone}, `0 processes "squid" in ` + gone, 0},
		"another program in a PID file":  {Process{Name: "squid", PIDFile: one}, `0 processes "squid" in ` + one, 0},
		"no PID file":                    {Process{Name: "squid", PIDFile: filepath.Join(dir, "x")}, "no such file", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := &processProber{Process: test.kind, processes: procs}
			err := p.Probe(t.Context())
			if got := fmt.Sprint(err); (err == nil) != (test.want == "") || err != nil && !strings.Contains(got, test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if p.process() != test.found {
				t.Errorf("found process %d, want %d", p.process(), test.found)
			}
		})
	}
}

// counted counts how often all processes are gone through.
type counted struct {
	processes
	all int
}

func (c *counted) All() ([]int, error) {
	c.all++
	return c.processes.All()
}

// Nothing is searched for as long as those that are known run.
func TestProcessSearchesWhenItMust(t *testing.T) {
	procs := &counted{processes: processes{4: newProcess("squid"), 5: newProcess("squid")}}
	p := &processProber{Process: Process{Name: "squid"}, processes: procs}
	probe := func(pid, searches int) {
		t.Helper()
		err := p.Probe(t.Context())
		if (err == nil) != (pid != 0) || p.process() != pid || procs.all != searches {
			t.Fatalf("%v: process %d after %d searches, want %d after %d", err, p.process(), procs.all, pid, searches)
		}
	}
	probe(4, 1)
	probe(4, 1)
	close(procs.processes[4].ended)
	probe(5, 1)
	procs.processes[5].name = "other" // its number was used again
	probe(0, 2)
	procs.processes[6] = newProcess("squid")
	probe(6, 3)
}

// What this process lacks says nothing about the others.
func TestProcessWithoutDescriptors(t *testing.T) {
	p := &processProber{Process: Process{Name: "squid"}, processes: noDescriptors{}}
	if err := p.Probe(t.Context()); !isShortage(err) {
		t.Errorf("got %v", err)
	}
}

type noDescriptors struct{ processes }

func (noDescriptors) All() ([]int, error)      { return []int{1}, nil }
func (noDescriptors) Name(int) (string, error) { return "", fmt.Errorf("name: %w", syscall.EMFILE) }

// copyOf makes a program that no other on this host is called like.
func copyOf(t *testing.T, program, name string) string {
	t.Helper()
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// The interval is far away: only the end of the process can tell.
func TestProcessReal(t *testing.T) {
	sleep := copyOf(t, "/bin/sleep", "vipd-test-proc")
	first, second := start(t, sleep, "600"), start(t, sleep, "600")
	results := run(t, Process{Name: "vipd-test-proc", User: "root", Count: 1}, time.Hour, time.Second)
	mustPass(t, next(t, results))
	older, younger := first.Process.Pid, second.Process.Pid
	if younger < older { // the numbers have begun anew
		older, younger = younger, older
	}
	kill(t, older, syscall.SIGKILL)
	mustPass(t, next(t, results)) // the other one runs
	killed := time.Now()
	kill(t, younger, syscall.SIGKILL)
	mustDie(t, next(t, results), younger)
	t.Logf("kill -9 to failure: %v", time.Since(killed))
}
