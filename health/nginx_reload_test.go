// SPDX-License-Identifier: Apache-2.0

package health

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// `nginx -s reload`: the master stays; the workers go when their clients have gone.
func TestNginxReload(t *testing.T) {
	const reloads, interval = 20, 25 * time.Millisecond
	lab := newNginxLab(t, "daemon off;")
	p := lab.start(t)
	results := run(t, lab.kind, interval, 5*time.Second)
	for range reloads {
		lab.slowClient(t)
		before := workersOf(t, p.Process.Pid)
		kill(t, p.Process.Pid, syscall.SIGHUP)
		until(t, "another worker alone", func() bool {
			now := workersOf(t, p.Process.Pid)
			return len(now) == 1 && !slices.Contains(before, now[0])
		})
	}
	if n := len(children(t, p.Process.Pid)); n <= reloads {
		t.Errorf("%d workers: the old ones have not stayed", n)
	}
	t.Logf("%d reloads, %d probes, each a success", reloads, mustStayWell(t, results, 4*interval))
}

// `nginx -s quit` while a client is served: the next probe says so, and so does the
// master's end.
func TestNginxQuitsSlowly(t *testing.T) {
	const interval = 100 * time.Millisecond
	lab := newNginxLab(t, "daemon off;")
	p := lab.start(t)
	done := lab.slowClient(t)
	results := run(t, lab.kind, interval, 5*time.Second)
	mustPass(t, next(t, results))
	quit := time.Now()
	kill(t, p.Process.Pid, syscall.SIGQUIT)
	r := next(t, results)
	for range 2 { // it may quit while it is asked
		if !r.Sure {
			r = next(t, results)
		}
	}
	if r.OK || !r.Sure || !strings.HasSuffix(r.Detail, "is stopping: its workers are shutting down") {
		t.Fatalf("got %+v", r)
	}
	t.Logf("SIGQUIT to the result: %v, with an interval of %v", time.Since(quit), interval)
	done()
	for !strings.HasPrefix(r.Detail, "process ") {
		r = next(t, results)
	}
	mustDie(t, r, p.Process.Pid)
}

// `nginx -s quit` and `nginx -s stop`, without clients.
func TestNginxEnds(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"quit": syscall.SIGQUIT, "stop": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			lab := newNginxLab(t, "daemon off;")
			p := lab.start(t)
			results := run(t, lab.kind, time.Hour, time.Second)
			mustPass(t, next(t, results))
			kill(t, p.Process.Pid, signal)
			r := next(t, results)
			mustDie(t, r, p.Process.Pid)
			t.Log(r.Detail)
		})
	}
}

// A new binary: SIGUSR2 starts another master, SIGQUIT ends the first one.
func TestNginxUpgrade(t *testing.T) {
	lab := newNginxLab(t, "daemon on;")
	first, _ := lab.startDaemon(t, "nginx")
	results := run(t, lab.kind, 10*time.Millisecond, 5*time.Second)
	done := lab.slowClient(t)
	second := lab.upgrade(t, first)
	kill(t, first, syscall.SIGQUIT)
	until(t, "the first master's workers to shut down", func() bool { return len(workersOf(t, first)) == 0 })
	done()
	until(t, "the first master's end", func() bool { _, err := os.Stat(lab.kind.PIDFile + ".oldbin"); return err != nil })
	t.Logf("%d probes, each a success", mustStayWell(t, results, 100*time.Millisecond))
	kill(t, second, syscall.SIGTERM)
	mustDieSoon(t, results, second)
}

// The first master's end wakes the check, which finds the second one.
func TestNginxUpgradeBetweenProbes(t *testing.T) {
	lab := newNginxLab(t, "daemon on;")
	first, _ := lab.startDaemon(t, "nginx")
	results := run(t, lab.kind, time.Hour, time.Second)
	mustPass(t, next(t, results))
	second := lab.upgrade(t, first)
	kill(t, first, syscall.SIGQUIT)
	mustPass(t, next(t, results)) // at once: the interval is an hour
	kill(t, second, syscall.SIGTERM)
	mustDie(t, next(t, results), second)
}

// An upgrade taken back: the first master, its workers gone (SIGWINCH), starts others
// (SIGHUP); then the second one, which the PID file names, quits while it has a client.
func TestNginxUpgradeTakenBack(t *testing.T) {
	lab := newNginxLab(t, "daemon on;")
	first, _ := lab.startDaemon(t, "nginx")
	results := run(t, lab.kind, 10*time.Millisecond, 5*time.Second)
	second := lab.upgrade(t, first)
	kill(t, first, syscall.SIGWINCH)
	until(t, "the first master's workers to end", func() bool { return len(workersOf(t, first)) == 0 })
	done := lab.slowClient(t)
	mustStayWell(t, results, 50*time.Millisecond)
	kill(t, first, syscall.SIGHUP)
	until(t, "workers of the first master", func() bool { return len(workersOf(t, first)) > 0 })
	kill(t, second, syscall.SIGQUIT)
	until(t, "the second master's workers to shut down", func() bool { return len(workersOf(t, second)) == 0 })
	mustStayWell(t, results, 100*time.Millisecond)
	done()
	until(t, "the PID file", func() bool { pid, _ := readPIDFile(lab.kind.PIDFile); return pid == first })
	mustStayWell(t, results, 50*time.Millisecond)
	kill(t, first, syscall.SIGKILL)
	mustDieSoon(t, results, first)
}

// The second master ends by itself; nothing has happened.
func TestNginxBrokenUpgrade(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(lab *nginxLab, binary string) error{
		"a configuration that it refuses": func(lab *nginxLab, _ string) error { return os.WriteFile(lab.config, []byte("junk;"), 0o600) },
		"no program":                      func(_ *nginxLab, binary string) error { return os.Rename(binary, binary+".old") },
	} {
		t.Run(name, func(t *testing.T) {
			lab := newNginxLab(t, "daemon on;")
			binary := copyOf(t, nginx, "nginx")
			master, log := lab.startDaemon(t, binary)
			results := run(t, lab.kind, 10*time.Millisecond, 5*time.Second)
			if err := spoil(lab, binary); err != nil {
				t.Fatal(err)
			}
			kill(t, master, syscall.SIGUSR2)
			until(t, "the second master's end", func() bool { return strings.Contains(log(), "exited with code") })
			until(t, "the PID file", func() bool { pid, _ := readPIDFile(lab.kind.PIDFile); return pid == master })
			t.Logf("%d probes, each a success", mustStayWell(t, results, 100*time.Millisecond))
		})
	}
}
