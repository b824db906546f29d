// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hold opens a connection to the web frontend with half a request: a soft stop waits
// for its end.
func (l *haproxyLab) hold(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil { // it is accepted
		t.Fatal(err)
	}
	return conn
}

// SIGUSR1 without a successor: HAProxy finishes what it has, which may take hours. It
// is down from the first probe on; its socket says so, or nobody listens on it.
func TestHAProxySoftStop(t *testing.T) {
	eachSocket(t, func(t *testing.T, lab *haproxyLab, master *program, socket string) {
		worker := lab.answers(t, socket)
		held := lab.hold(t)
		results := run(t, HAProxy{Socket: socket}, 100*time.Millisecond, time.Second)
		mustPass(t, next(t, results))
		kill(t, master.Process.Pid, syscall.SIGUSR1)
		stopped := time.Now()
		for range 3 {
			r := failure(t, results)
			if !r.Sure || !strings.HasPrefix(r.Detail, fmt.Sprintf("HAProxy process %d is stopping", worker)) {
				t.Fatalf("got %+v, want a soft stop of process %d", r, worker)
			}
		}
		t.Logf("the third result %v after SIGUSR1, with an interval of 100ms", time.Since(stopped))
		held.Close()
		for r := next(t, results); !strings.HasPrefix(r.Detail, "process "); r = next(t, results) {
			if r.OK { // it may end amid an answer
				t.Errorf("while it ends: %+v", r)
			}
		}
	})
}

// Without connections it ends at once, which is a death like any other.
func TestHAProxySoftStopEnds(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		p := lab.start(t)
		results := run(t, HAProxy{Socket: lab.stats}, time.Hour, time.Second)
		mustPass(t, next(t, results))
		kill(t, p.Process.Pid, syscall.SIGUSR1)
		mustDie(t, next(t, results), p.Process.Pid)
	})
}

// A worker that hangs behind a master that lives: the kernel accepts for it, until
// nobody fits in any more.
func TestHAProxyHangs(t *testing.T) {
	eachSocket(t, func(t *testing.T, lab *haproxyLab, _ *program, socket string) {
		const timeout = 200 * time.Millisecond
		worker := lab.answers(t, socket)
		results := run(t, HAProxy{Socket: socket}, 20*time.Millisecond, timeout)
		mustPass(t, next(t, results))
		kill(t, worker, syscall.SIGSTOP)
		r := failure(t, results)
		if r.Sure || r.Detail != "no answer within 200ms" || r.Took < timeout {
			t.Errorf("a stopped HAProxy gives %+v", r)
		}
		kill(t, worker, syscall.SIGCONT)
		mustRecover(t, results)
	})
}

// A hang that lasts fills the socket's backlog. That is no shortage of ours, and said
// in words.
func TestHAProxyHangsForLong(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		p := lab.start(t)
		results := run(t, HAProxy{Socket: lab.stats}, 10*time.Millisecond, 50*time.Millisecond)
		mustPass(t, next(t, results))
		kill(t, p.Process.Pid, syscall.SIGSTOP)
		for n := 1; ; n++ {
			r := failure(t, results)
			if r.Sure || r.Unmade {
				t.Fatalf("a stopped HAProxy gives %+v", r)
			}
			if strings.HasSuffix(r.Detail, "nobody accepts connections") {
				t.Logf("failure %d: %s", n, r.Detail)
				return
			}
			if n > 500 {
				t.Fatalf("still %+v", r)
			}
		}
	})
}

// Killed while a probe waits for its answer: the death is told then, not when the
// probe's time is over.
func TestHAProxyKilledWhileItHangs(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		p := lab.start(t)
		results := run(t, HAProxy{Socket: lab.stats}, 50*time.Millisecond, time.Minute)
		mustPass(t, next(t, results))
		kill(t, p.Process.Pid, syscall.SIGSTOP)
		mustStayWell(t, results, 200*time.Millisecond) // a probe hangs at the end of it
		kill(t, p.Process.Pid, syscall.SIGKILL)
		mustDieSoon(t, results, p.Process.Pid)
	})
}
