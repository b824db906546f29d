// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vipd/host"
)

// patience bounds each wait for something that must happen.
const patience = 15 * time.Second

// program is a real program in the foreground.
type program struct {
	*exec.Cmd
	log   string
	ended chan struct{}
}

// start starts a program and sees to its end: SIGKILL to its whole process group,
// workers included.
func start(t *testing.T, name string, args ...string) *program {
	t.Helper()
	return startAs(t, &syscall.SysProcAttr{}, name, args...)
}

// startAs is start with attributes for the process.
func startAs(t *testing.T, attr *syscall.SysProcAttr, name string, args ...string) *program {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("these tests need the real %s: %v", name, err)
	}
	p := &program{Cmd: exec.Command(path, args...), log: filepath.Join(t.TempDir(), "log"), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.Stdout, p.Stderr = log, log
	p.SysProcAttr, attr.Setpgid, attr.Pdeathsig = attr, true, syscall.SIGKILL
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
		<-p.ended
		if t.Failed() {
			text, _ := os.ReadFile(p.log)
			t.Logf("log of %s:\n%s", name, text)
		}
	})
	return p
}

// kill sends a signal to one process.
func kill(t *testing.T, pid int, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatalf("%v to process %d: %v", signal, pid, err)
	}
}

// until waits for something that sends no event.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !reached(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

// run runs a check until the test's end and returns its results.
func run(t *testing.T, kind Kind, interval, timeout time.Duration) <-chan Result {
	t.Helper()
	return runAmong(t, host.Processes{}, kind, interval, timeout)
}

// runAmong is run with processes that need not be this host's.
func runAmong(t *testing.T, among Processes, kind Kind, interval, timeout time.Duration) <-chan Result {
	t.Helper()
	results := make(chan Result, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	c := Check{Name: "real", Interval: interval, Timeout: timeout, Kind: kind, Processes: among}
	go func() {
		defer close(done)
		c.Run(ctx, func(r Result) {
			select {
			case results <- r:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return results
}

// next returns the next result.
func next(t *testing.T, results <-chan Result) Result {
	t.Helper()
	select {
	case r := <-results:
		return r
	case <-time.After(patience):
		t.Fatal("no result")
		return Result{}
	}
}

func mustPass(t *testing.T, r Result) {
	t.Helper()
	if !r.OK || r.Sure || r.Detail != "" {
		t.Fatalf("got %+v, want a success", r)
	}
}

func mustDie(t *testing.T, r Result, pid int) {
	t.Helper()
	if r.OK || !r.Sure || !strings.HasPrefix(r.Detail, fmt.Sprintf("process %d ended: ", pid)) {
		t.Fatalf("got %+v, want the death of process %d", r, pid)
	}
}

// mustDieSoon is mustDie for a check with a probe under way: its connection may
// be reset a moment before the process counts as ended.
func mustDieSoon(t *testing.T, results <-chan Result, pid int) {
	t.Helper()
	r := next(t, results)
	for range 2 {
		if !r.Sure {
			r = next(t, results)
		}
	}
	mustDie(t, r, pid)
}

// mustStayWell demands that all results there are, and those of the next d, are
// successes, and returns how many there were.
func mustStayWell(t *testing.T, results <-chan Result, d time.Duration) (n int) {
	t.Helper()
	for end := time.After(d); ; n++ {
		select {
		case r := <-results:
			mustPass(t, r)
		case <-end:
			return n
		}
	}
}

// children returns the children of a process's main thread.
func children(t *testing.T, pid int) []int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, field := range strings.Fields(string(text)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, child)
	}
	return out
}

// write makes a file in dir and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
