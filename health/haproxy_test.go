// SPDX-License-Identifier: Apache-2.0

package health

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestHAProxyKilled(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		var took []time.Duration
		for range 9 {
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
	})
}

// An HAProxy as Debian's unit runs it: the worker serves, and the master outlives
// it for a moment.
func TestHAProxyWorkerKilled(t *testing.T) {
	eachSocket(t, func(t *testing.T, lab *haproxyLab, _ *program, socket string) {
		worker := lab.answers(t, socket)
		results := run(t, HAProxy{Socket: socket}, time.Hour, time.Second)
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

// The master's death ends its worker, which is the one that is watched.
func TestHAProxyMasterKilled(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		p := lab.startMaster(t)
		worker := lab.answers(t, lab.stats)
		results := run(t, HAProxy{Socket: lab.stats}, time.Hour, time.Second)
		mustPass(t, next(t, results))
		kill(t, p.Process.Pid, syscall.SIGKILL)
		mustDie(t, next(t, results), worker)
	})
}

// `systemctl reload haproxy` where HAProxy runs without a master.
func TestHAProxyReload(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		old := lab.start(t)
		results := run(t, HAProxy{Socket: lab.stats}, time.Hour, time.Second)
		mustPass(t, next(t, results))
		successor := lab.start(t, "-sf", strconv.Itoa(old.Process.Pid))
		<-old.ended
		mustPass(t, next(t, results)) // at once: the interval is an hour
		kill(t, successor.Process.Pid, syscall.SIGKILL)
		mustDie(t, next(t, results), successor.Process.Pid)
	})
}

// `systemctl reload haproxy`, Debian's: SIGUSR2 to the master.
func TestHAProxyMasterReload(t *testing.T) {
	eachSocket(t, func(t *testing.T, lab *haproxyLab, master *program, socket string) {
		old := lab.answers(t, socket)
		results := run(t, HAProxy{Socket: socket}, time.Hour, 5*time.Second)
		mustPass(t, next(t, results))
		kill(t, master.Process.Pid, syscall.SIGUSR2)
		mustPass(t, next(t, results))
		worker := lab.answers(t, socket)
		if worker == old || worker == 0 {
			t.Fatalf("process %d answers after process %d", worker, old)
		}
		kill(t, worker, syscall.SIGKILL)
		mustDie(t, next(t, results), worker)
	})
}

// reloads is how often HAProxy is reloaded amid probes.
const reloads = 20

// Reloads while probes go on all the time must not look like a failure either.
func TestHAProxyReloadsAmidProbes(t *testing.T) {
	eachSocket(t, func(t *testing.T, lab *haproxyLab, master *program, socket string) {
		results := run(t, HAProxy{Socket: socket, MinServers: map[string]int{"app": 2}}, 10*time.Millisecond, 5*time.Second)
		mustPass(t, next(t, results))
		for range reloads {
			lab.reload(t, master)
		}
		n := mustStayWell(t, results, 100*time.Millisecond)
		t.Logf("%d reloads, %d probes, each a success", reloads, n)
	})
}

// A reload of a configuration that is wrong leaves the old worker where it is.
func TestHAProxyReloadFails(t *testing.T) {
	eachSocket(t, func(t *testing.T, lab *haproxyLab, master *program, socket string) {
		worker := lab.answers(t, socket)
		results := run(t, HAProxy{Socket: socket}, 10*time.Millisecond, 5*time.Second)
		mustPass(t, next(t, results))
		write(t, filepath.Dir(lab.config), filepath.Base(lab.config), "no such section\n")
		kill(t, master.Process.Pid, syscall.SIGUSR2)
		until(t, "the failure in HAProxy's log", func() bool {
			log, err := os.ReadFile(master.log)
			return err == nil && bytes.Contains(log, []byte("Loading failure!"))
		})
		mustStayWell(t, results, 300*time.Millisecond)
		if now := lab.answers(t, socket); now != worker {
			t.Errorf("process %d answers after process %d", now, worker)
		}
	})
}

// So must a process be that takes over from another one: -sf, with the stats socket
// bound anew.
func TestHAProxySuccessorsAmidProbes(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		p := lab.start(t)
		results := run(t, HAProxy{Socket: lab.stats}, 10*time.Millisecond, 5*time.Second)
		mustPass(t, next(t, results))
		for range reloads {
			old := p
			p = lab.start(t, "-sf", strconv.Itoa(old.Process.Pid))
			<-old.ended
		}
		n := mustStayWell(t, results, 100*time.Millisecond)
		t.Logf("%d reloads, %d probes, each a success", reloads, n)
	})
}

func TestHAProxyComesBack(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		p := lab.start(t)
		results := run(t, HAProxy{Socket: lab.stats}, 50*time.Millisecond, time.Second)
		mustPass(t, next(t, results))
		kill(t, p.Process.Pid, syscall.SIGKILL)
		mustDieSoon(t, results, p.Process.Pid)
		again := lab.start(t)
		mustRecover(t, results)
		kill(t, again.Process.Pid, syscall.SIGKILL)
		mustDieSoon(t, results, again.Process.Pid)
	})
}

// A master that takes longer for a reload than the check waits is no death of its worker:
// fall decides.
func TestHAProxyMasterLoadsSlowly(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		master := lab.startMaster(t)
		worker := lab.answers(t, lab.master)
		results := run(t, HAProxy{Socket: lab.master}, time.Hour, 100*time.Millisecond)
		mustPass(t, next(t, results))
		kill(t, master.Process.Pid, syscall.SIGSTOP)
		kill(t, worker, syscall.SIGKILL)
		if r := next(t, results); r.OK || r.Sure {
			t.Errorf("got %+v, want a failure that is counted", r)
		}
	})
}
