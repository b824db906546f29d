// SPDX-License-Identifier: Apache-2.0

package health

import (
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vipd/host"
)

// haproxyLab is a place to run real HAProxies in, one after another or together.
type haproxyLab struct {
	config string
	stats  string // the stats socket
	master string // the master's, of one that has a master
}

func newHAProxyLab(t *testing.T) *haproxyLab {
	t.Helper()
	dir := t.TempDir()
	lab := &haproxyLab{stats: filepath.Join(dir, "stats.sock"), master: filepath.Join(dir, "master.sock")}
	lab.config = write(t, dir, "haproxy.cfg", `
global
	stats socket `+lab.stats+` mode 600 level user
defaults
	mode http
	timeout connect 1s
	timeout client 1s
	timeout server 1s
frontend web
	bind 127.0.0.1:8080
	http-request return status 200
`)
	return lab
}

// start starts an HAProxy and waits until it answers.
func (l *haproxyLab) start(t *testing.T, args ...string) *program {
	t.Helper()
	p := start(t, "haproxy", append([]string{"-db", "-f", l.config}, args...)...)
	until(t, "HAProxy to answer", func() bool { return l.answers(t, l.stats) != 0 })
	return p
}

// startMaster starts an HAProxy with a master and one worker.
func (l *haproxyLab) startMaster(t *testing.T) *program {
	t.Helper()
	p := start(t, "haproxy", "-W", "-S", l.master, "-f", l.config)
	until(t, "HAProxy to answer", func() bool { return l.answers(t, l.master) != 0 })
	return p
}

// answers returns the process that answers on a socket, 0 if none does.
func (l *haproxyLab) answers(t *testing.T, socket string) int {
	t.Helper()
	h := &haproxy{HAProxy: HAProxy{Socket: socket}, processes: host.Processes{}}
	if err := h.Probe(t.Context()); err != nil {
		return 0
	}
	return h.pid
}

func TestHAProxyKilled(t *testing.T) {
	var took []time.Duration
	for range 9 {
		lab := newHAProxyLab(t)
		p := lab.start(t)
		results := run(t, HAProxy{Socket: lab.stats}, time.Hour, time.Second)
		mustPass(t, next(t, results))
		killed := time.Now()
		kill(t, p.Process.Pid, syscall.SIGKILL)
		r := next(t, results)
		took = append(took, time.Since(killed))
		mustDie(t, r, p.Process.Pid)
	}
	slices.Sort(took)
	t.Logf("kill -9 to the result: median %v, max %v", took[len(took)/2], took[len(took)-1])
	if took[len(took)/2] > 100*time.Millisecond {
		t.Error("that is no event any more")
	}
}

// An HAProxy as Debian's unit runs it: the worker serves, and the master outlives
// it for a moment.
func TestHAProxyWorkerKilled(t *testing.T) {
	for _, socket := range []string{"stats", "master"} {
		t.Run(socket, func(t *testing.T) {
			lab := newHAProxyLab(t)
			lab.startMaster(t)
			path := map[string]string{"stats": lab.stats, "master": lab.master}[socket]
			worker := lab.answers(t, path)
			results := run(t, HAProxy{Socket: path}, time.Hour, time.Second)
			mustPass(t, next(t, results))
			killed := time.Now()
			kill(t, worker, syscall.SIGKILL)
			r := next(t, results)
			t.Logf("kill -9 to the result: %v, %q", time.Since(killed), r.Detail)
			mustDie(t, r, worker)
			if strings.Contains(r.Detail, "no answer") {
				t.Error("it waited for a master that was gone")
			}
		})
	}
}

// The master's death ends its worker, which is the one that is watched.
func TestHAProxyMasterKilled(t *testing.T) {
	lab := newHAProxyLab(t)
	p := lab.startMaster(t)
	worker := lab.answers(t, lab.stats)
	results := run(t, HAProxy{Socket: lab.stats}, time.Hour, time.Second)
	mustPass(t, next(t, results))
	kill(t, p.Process.Pid, syscall.SIGKILL)
	mustDie(t, next(t, results), worker)
}

// `systemctl reload haproxy` where HAProxy runs without a master.
func TestHAProxyReload(t *testing.T) {
	lab := newHAProxyLab(t)
	old := lab.start(t)
	results := run(t, HAProxy{Socket: lab.stats}, time.Hour, time.Second)
	mustPass(t, next(t, results))
	successor := lab.start(t, "-sf", strconv.Itoa(old.Process.Pid))
	<-old.ended
	mustPass(t, next(t, results)) // at once: the interval is an hour
	kill(t, successor.Process.Pid, syscall.SIGKILL)
	mustDie(t, next(t, results), successor.Process.Pid)
}

// `systemctl reload haproxy`, Debian's: SIGUSR2 to the master.
func TestHAProxyMasterReload(t *testing.T) {
	for _, socket := range []string{"stats", "master"} {
		t.Run(socket, func(t *testing.T) {
			lab := newHAProxyLab(t)
			p := lab.startMaster(t)
			path := map[string]string{"stats": lab.stats, "master": lab.master}[socket]
			old := lab.answers(t, path)
			results := run(t, HAProxy{Socket: path}, time.Hour, 5*time.Second)
			mustPass(t, next(t, results))
			kill(t, p.Process.Pid, syscall.SIGUSR2)
			mustPass(t, next(t, results))
			worker := lab.answers(t, path)
			if worker == old || worker == 0 {
				t.Fatalf("process %d answers after process %d", worker, old)
			}
			kill(t, worker, syscall.SIGKILL)
			mustDie(t, next(t, results), worker)
		})
	}
}

// Reloads while probes go on all the time must not look like a failure either.
func TestHAProxyReloadsAmidProbes(t *testing.T) {
	lab := newHAProxyLab(t)
	p := lab.startMaster(t)
	results := run(t, HAProxy{Socket: lab.stats}, 10*time.Millisecond, 5*time.Second)
	for range 3 {
		old := lab.answers(t, lab.stats)
		kill(t, p.Process.Pid, syscall.SIGUSR2)
		until(t, "the old worker's end", func() bool {
			return errors.Is(syscall.Kill(old, 0), syscall.ESRCH)
		})
	}
	n := mustStayWell(t, results, 100*time.Millisecond)
	t.Logf("%d probes, each a success", n)
}

func TestHAProxyHangs(t *testing.T) {
	lab := newHAProxyLab(t)
	p := lab.start(t)
	results := run(t, HAProxy{Socket: lab.stats}, 20*time.Millisecond, 200*time.Millisecond)
	mustPass(t, next(t, results))
	kill(t, p.Process.Pid, syscall.SIGSTOP)
	r := next(t, results)
	for r.OK {
		r = next(t, results)
	}
	if r.Sure || r.Detail != "no answer within 200ms" || r.Took < 200*time.Millisecond {
		t.Errorf("a stopped HAProxy gives %+v", r)
	}
	kill(t, p.Process.Pid, syscall.SIGCONT)
	for !r.OK {
		if r = next(t, results); r.Sure {
			t.Errorf("one that goes on gives %+v", r)
		}
	}
}

// Killed while a probe waits for its answer: the death is told then, not when the
// probe's time is over.
func TestHAProxyKilledWhileItHangs(t *testing.T) {
	lab := newHAProxyLab(t)
	p := lab.start(t)
	results := run(t, HAProxy{Socket: lab.stats}, 50*time.Millisecond, time.Minute)
	mustPass(t, next(t, results))
	kill(t, p.Process.Pid, syscall.SIGSTOP)
	mustStayWell(t, results, 200*time.Millisecond) // a probe hangs at the end of it
	kill(t, p.Process.Pid, syscall.SIGKILL)
	mustDieSoon(t, results, p.Process.Pid)
}

// SIGUSR1 without a successor: HAProxy finishes what it has and ends.
func TestHAProxySoftStop(t *testing.T) {
	lab := newHAProxyLab(t)
	p := lab.start(t)
	results := run(t, HAProxy{Socket: lab.stats}, time.Hour, time.Second)
	mustPass(t, next(t, results))
	kill(t, p.Process.Pid, syscall.SIGUSR1)
	mustDie(t, next(t, results), p.Process.Pid)
}

func TestHAProxyComesBack(t *testing.T) {
	lab := newHAProxyLab(t)
	p := lab.start(t)
	results := run(t, HAProxy{Socket: lab.stats}, 50*time.Millisecond, time.Second)
	mustPass(t, next(t, results))
	kill(t, p.Process.Pid, syscall.SIGKILL)
	mustDieSoon(t, results, p.Process.Pid)
	again := lab.start(t)
	r := next(t, results)
	for ; !r.OK; r = next(t, results) {
		if r.Sure {
			t.Errorf("dead twice: %+v", r)
		}
	}
	kill(t, again.Process.Pid, syscall.SIGKILL)
	mustDieSoon(t, results, again.Process.Pid)
}
