// SPDX-License-Identifier: Apache-2.0

package health

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"vipd/host"
)

// nginxLab is a place to run a real nginx in.
type nginxLab struct {
	config string
	kind   Nginx
}

func newNginxLab(t *testing.T, daemon string) *nginxLab {
	t.Helper()
	dir := t.TempDir()
	lab := &nginxLab{kind: Nginx{PIDFile: dir + "/nginx.pid", URL: "http://127.0.0.1:8081/"}}
	temp := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += "\t" + kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	lab.config = write(t, dir, "nginx.conf", `
user root;
daemon `+daemon+`;
worker_processes 1;
error_log stderr notice;
pid `+lab.kind.PIDFile+`;
events {}
http {
`+temp+`	access_log off;
	server {
		listen 127.0.0.1:8081;
		location / { return 200 "ok"; }
	}
}
`)
	return lab
}

// start starts an nginx and waits until it serves.
func (l *nginxLab) start(t *testing.T) *program {
	t.Helper()
	p := start(t, "nginx", "-c", l.config)
	until(t, "nginx to serve", func() bool { return l.serves(t) == p.Process.Pid })
	return p
}

// serves returns the master's number, once the PID file names it and a GET
// succeeds; else 0.
func (l *nginxLab) serves(t *testing.T) int {
	t.Helper()
	n := &nginx{Nginx: l.kind, processes: host.Processes{}}
	if err := n.Probe(t.Context()); err != nil {
		return 0
	}
	return n.master
}

// Its worker still serves then; see Nginx.
func TestNginxMasterKilled(t *testing.T) {
	var took []time.Duration
	for range 9 {
		lab := newNginxLab(t, "off")
		p := lab.start(t)
		results := run(t, lab.kind, time.Hour, time.Second)
		mustPass(t, next(t, results))
		workers := children(t, p.Process.Pid)
		killed := time.Now()
		kill(t, p.Process.Pid, syscall.SIGKILL)
		r := next(t, results)
		took = append(took, time.Since(killed))
		mustDie(t, r, p.Process.Pid)
		if err := (HTTP{URL: lab.kind.URL}).Probe(t.Context()); err != nil {
			t.Errorf("the workers don't serve: %v", err)
		}
		for _, worker := range workers {
			kill(t, worker, syscall.SIGKILL) // the next nginx needs the port
		}
		until(t, "the workers' end", func() bool { return HTTP{URL: lab.kind.URL}.Probe(t.Context()) != nil })
	}
	slices.Sort(took)
	t.Logf("kill -9 to the result: median %v, max %v", took[len(took)/2], took[len(took)-1])
	if took[len(took)/2] > 100*time.Millisecond {
		t.Error("that is no event any more")
	}
}

// `nginx -s reload`: the master stays, the workers go.
func TestNginxReload(t *testing.T) {
	lab := newNginxLab(t, "off")
	p := lab.start(t)
	results := run(t, lab.kind, 10*time.Millisecond, 5*time.Second)
	old := children(t, p.Process.Pid)
	kill(t, p.Process.Pid, syscall.SIGHUP)
	until(t, "other workers", func() bool {
		now := children(t, p.Process.Pid)
		return len(now) > 0 && !slices.Contains(now, old[0])
	})
	t.Logf("%d probes, each a success", mustStayWell(t, results, 100*time.Millisecond))
}

// `nginx -s quit` and `nginx -s stop`.
func TestNginxEnds(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"quit": syscall.SIGQUIT, "stop": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			lab := newNginxLab(t, "off")
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

// A new binary: SIGUSR2 starts another master, SIGQUIT ends the first one. nginx
// does that only when its parent is gone.
func TestNginxUpgrade(t *testing.T) {
	lab := newNginxLab(t, "on")
	<-start(t, "nginx", "-c", lab.config).ended
	until(t, "nginx to serve", func() bool { return lab.serves(t) != 0 })
	first := lab.serves(t)
	t.Cleanup(func() { syscall.Kill(-first, syscall.SIGKILL) }) // the daemons' session, both masters'
	results := run(t, lab.kind, time.Hour, time.Second)
	mustPass(t, next(t, results))
	kill(t, first, syscall.SIGUSR2)
	var second int
	until(t, "the second master", func() bool {
		second = lab.serves(t)
		return second != 0 && second != first && len(children(t, second)) > 0
	})
	kill(t, first, syscall.SIGQUIT)
	mustPass(t, next(t, results)) // at once: the interval is an hour
	kill(t, second, syscall.SIGTERM)
	mustDie(t, next(t, results), second)
}

// The master lives, the worker doesn't answer: a failure, and not a death.
func TestNginxWorkerHangs(t *testing.T) {
	lab := newNginxLab(t, "off")
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
	lab := newNginxLab(t, "off")
	p := lab.start(t)
	results := run(t, lab.kind, 50*time.Millisecond, time.Minute)
	mustPass(t, next(t, results))
	kill(t, children(t, p.Process.Pid)[0], syscall.SIGSTOP)
	mustStayWell(t, results, 200*time.Millisecond) // a probe hangs at the end of it
	kill(t, p.Process.Pid, syscall.SIGKILL)
	mustDieSoon(t, results, p.Process.Pid)
}

func TestNginxIsNotThere(t *testing.T) {
	lab := newNginxLab(t, "off")
	r := next(t, run(t, lab.kind, time.Hour, time.Second))
	if r.OK || r.Sure || !strings.Contains(r.Detail, "nginx.pid: no such file or directory") {
		t.Errorf("got %+v", r)
	}
}
