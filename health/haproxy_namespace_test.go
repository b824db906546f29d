// SPDX-License-Identifier: Apache-2.0

package health

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// startApart starts an HAProxy in a PID namespace of its own, as a container does: it
// is process 1 there.
func (l *haproxyLab) startApart(t *testing.T) *program {
	t.Helper()
	p := startAs(t, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}, l.program, "-db", "-f", l.config)
	until(t, "HAProxy to answer", func() bool { return l.answers(t, l.stats) != 0 })
	if pid := l.answers(t, l.stats); pid != 1 {
		t.Fatalf("it is process %d", pid)
	}
	return p
}

// In a container the socket decides alone.
func TestHAProxyInAnotherPIDNamespace(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		p := lab.startApart(t)
		results := run(t, HAProxy{Socket: lab.stats}, 50*time.Millisecond, time.Second)
		mustPass(t, next(t, results))
		kill(t, p.Process.Pid, syscall.SIGKILL)
		if r := failure(t, results); r.Sure || !strings.HasSuffix(r.Detail, ": connection refused") {
			t.Errorf("killed: %+v", r)
		}
		lab.startApart(t)
		mustRecover(t, results)
	})
}

// A process that has the number here is somebody else. Its end is no death; not even
// that of one with the right name.
func TestHAProxyNumbersOfAnotherPIDNamespace(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		for _, name := range []string{"systemd", "haproxy"} {
			t.Run(name, func(t *testing.T) {
				lab := newHAProxyLab(t, lab.program)
				p := lab.startApart(t)
				other := newProcess(name)
				results := runAmong(t, processes{1: other}, HAProxy{Socket: lab.stats}, 50*time.Millisecond, time.Second)
				mustPass(t, next(t, results))
				close(other.ended)
				mustPass(t, next(t, results))
				mustStayWell(t, results, 200*time.Millisecond)
				kill(t, p.Process.Pid, syscall.SIGKILL)
				if r := failure(t, results); r.Sure {
					t.Errorf("killed: %+v", r)
				}
			})
		}
	})
}
