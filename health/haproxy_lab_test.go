// SPDX-License-Identifier: Apache-2.0

package health

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vipd/host"
)

// haproxyLab is a place to run real HAProxies in, one after another or together.
type haproxyLab struct {
	program string
	config  string
	stats   string // the stats socket
	master  string // the master's, of one that has a master
}

// eachHAProxy runs a test with the HAProxy of this host, of Debian 12 say, and with a
// current one, which `make current` fetches.
func eachHAProxy(t *testing.T, test func(*testing.T, *haproxyLab)) {
	for _, program := range []string{"haproxy", "../bin/current/haproxy"} {
		version, err := exec.Command(program, "-v").Output()
		fields := strings.Fields(string(version)) // HAProxy version 2.6.12-1 ...
		if err != nil || len(fields) < 3 {
			t.Fatalf("%s -v: %v, %q: `make current` brings it", program, err, version)
		}
		t.Run(fields[2], func(t *testing.T) { test(t, newHAProxyLab(t, program)) })
	}
}

// eachSocket is eachHAProxy for an HAProxy with a master and one worker, and for a
// check by its stats socket and by its master's.
func eachSocket(t *testing.T, test func(t *testing.T, lab *haproxyLab, master *program, socket string)) {
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		for _, name := range []string{"stats", "master"} {
			t.Run(name, func(t *testing.T) {
				lab := newHAProxyLab(t, lab.program)
				test(t, lab, lab.startMaster(t), map[string]string{"stats": lab.stats, "master": lab.master}[name])
			})
		}
	})
}

// haproxyConfig: %s is the path of the stats socket. Of app's servers one is up, and a
// backup is another one; gone's are down.
const haproxyConfig = `
global
	stats socket %s mode 600 level user
defaults
	mode http
	timeout connect 1s
	timeout client 1m
	timeout server 1s
frontend web
	bind 127.0.0.1:8080
	http-request return status 200
frontend app
	bind 127.0.0.1:8081
	default_backend app
backend app
	server a 127.0.0.1:8080
	server b 127.0.0.1:8080 backup
	server c 127.0.0.1:8080 disabled
backend gone
	server a 127.0.0.1:8080 disabled
`

func newHAProxyLab(t *testing.T, program string) *haproxyLab {
	t.Helper()
	dir := t.TempDir()
	lab := &haproxyLab{program: program, stats: filepath.Join(dir, "stats.sock"), master: filepath.Join(dir, "master.sock")}
	lab.config = write(t, dir, "haproxy.cfg", fmt.Sprintf(haproxyConfig, lab.stats))
	return lab
}

// start starts an HAProxy and waits until it answers.
func (l *haproxyLab) start(t *testing.T, args ...string) *program {
	t.Helper()
	p := start(t, l.program, append([]string{"-db", "-f", l.config}, args...)...)
	until(t, "HAProxy to answer", func() bool { return l.answers(t, l.stats) != 0 })
	return p
}

// startMaster starts an HAProxy with a master and one worker.
func (l *haproxyLab) startMaster(t *testing.T) *program {
	t.Helper()
	p := start(t, l.program, "-W", "-S", l.master, "-f", l.config)
	until(t, "HAProxy to answer", func() bool { return l.answers(t, l.master) != 0 })
	return p
}

// reload sends a master SIGUSR2 and waits until it has a new worker, and the old one is
// gone. A master that is still loading itself anew may lose the next signal.
func (l *haproxyLab) reload(t *testing.T, master *program) {
	t.Helper()
	old := l.answers(t, l.stats)
	kill(t, master.Process.Pid, syscall.SIGUSR2)
	until(t, "a new worker", func() bool {
		worker := l.answers(t, l.master)
		return worker != 0 && worker != old && errors.Is(syscall.Kill(old, 0), syscall.ESRCH)
	})
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

// failure returns the first result that is none of a success.
func failure(t *testing.T, results <-chan Result) Result {
	t.Helper()
	for {
		if r := next(t, results); !r.OK {
			return r
		}
	}
}

// mustRecover waits for a success. No failure before it may be sure: it has been told.
func mustRecover(t *testing.T, results <-chan Result) {
	t.Helper()
	for r := next(t, results); !r.OK; r = next(t, results) {
		if r.Sure {
			t.Errorf("told twice: %+v", r)
		}
	}
}
