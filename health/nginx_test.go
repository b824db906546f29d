// SPDX-License-Identifier: Apache-2.0

package health

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Its worker still serves then; see Nginx.
func TestNginxMasterKilled(t *testing.T) {
	var took []time.Duration
	for range 9 {
		lab := newNginxLab(t, "daemon off;")
		p := lab.start(t)
		results := run(t, lab.kind, time.Hour, time.Second)
		mustPass(t, next(t, results))
		workers := children(t, p.Process.Pid)
		killed := time.Now()
		kill(t, p.Process.Pid, syscall.SIGKILL)
		r := next(t, results)
		took = append(took, time.Since(killed))
		mustDie(t, r, p.Process.Pid)
		if err := lab.kind.HTTP.Probe(t.Context()); err != nil {
			t.Errorf("the workers don't serve: %v", err)
		}
		for _, worker := range workers {
			kill(t, worker, syscall.SIGKILL) // the next nginx needs the port
		}
		until(t, "the workers' end", func() bool { return lab.kind.HTTP.Probe(t.Context()) != nil })
	}
	slices.Sort(took)
	t.Logf("kill -9 to the result: median %v, max %v", took[len(took)/2], took[len(took)-1])
	if took[len(took)/2] > 100*time.Millisecond {
		t.Error("that is no event any more")
	}
}

// The master lives, the worker doesn't answer: a failure, and not a death.
func TestNginxWorkerHangs(t *testing.T) {
	lab := newNginxLab(t, "daemon off;")
	p := lab.start(t)
	workers := children(t, p.Process.Pid)
	kill(t, workers[0], syscall.SIGSTOP)
	r := next(t, run(t, lab.kind, time.Hour, 200*time.Millisecond))
	if r.OK || r.Sure || r.Detail != "no answer within 200ms" {
		t.Errorf("got %+v", r)
	}
}

// The master's end cuts short a probe that a hanging worker doesn't answer.
func TestNginxMasterKilledWhileAWorkerHangs(t *testing.T) {
	lab := newNginxLab(t, "daemon off;")
	p := lab.start(t)
	results := run(t, lab.kind, 50*time.Millisecond, time.Minute)
	mustPass(t, next(t, results))
	kill(t, children(t, p.Process.Pid)[0], syscall.SIGSTOP)
	mustStayWell(t, results, 200*time.Millisecond) // a probe hangs at the end of it
	kill(t, p.Process.Pid, syscall.SIGKILL)
	mustDieSoon(t, results, p.Process.Pid)
}

func TestNginxIsNotThere(t *testing.T) {
	lab := newNginxLab(t, "daemon off;")
	r := next(t, run(t, lab.kind, time.Hour, time.Second))
	if r.OK || r.Sure || !strings.Contains(r.Detail, "nginx.pid: no such file or directory") {
		t.Errorf("got %+v", r)
	}
}

// The master starts others for the workers that die: what is sure is that it lives.
func TestNginxWorkersKilled(t *testing.T) {
	lab := newNginxLab(t, "daemon off;")
	p := lab.start(t)
	results := run(t, lab.kind, 10*time.Millisecond, time.Second)
	mustPass(t, next(t, results))
	failures := 0
	for range 10 {
		for _, worker := range workersOf(t, p.Process.Pid) {
			kill(t, worker, syscall.SIGKILL)
		}
		until(t, "another worker", func() bool { return len(workersOf(t, p.Process.Pid)) > 0 })
		for well := 0; well < 2; well++ {
			if r := next(t, results); !r.OK {
				failures++
				well = -1
				if r.Sure {
					t.Fatalf("got %+v", r)
				}
			}
		}
	}
	t.Logf("10 workers killed, %d failures", failures)
}

// Another nginx than most: one process for all.
func TestNginxWithoutAMaster(t *testing.T) {
	lab := newNginxLab(t, "daemon off; master_process off;")
	p := lab.start(t)
	results := run(t, lab.kind, 10*time.Millisecond, time.Second)
	mustStayWell(t, results, 50*time.Millisecond)
	kill(t, p.Process.Pid, syscall.SIGKILL)
	mustDieSoon(t, results, p.Process.Pid)
}

func TestNginxOnAUnixSocket(t *testing.T) {
	lab := newNginxLab(t, "daemon off;")
	p := lab.start(t)
	lab.kind.HTTP = HTTP{URL: "http://status/", Socket: filepath.Dir(lab.config) + "/nginx.sock", Body: "ok"}
	results := run(t, lab.kind, time.Hour, time.Second)
	mustPass(t, next(t, results))
	kill(t, p.Process.Pid, syscall.SIGKILL)
	mustDie(t, next(t, results), p.Process.Pid)
}
