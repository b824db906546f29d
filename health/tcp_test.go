// SPDX-License-Identifier: Apache-2.0

package health

import (
	"errors"
	"net"
	"os"
	"runtime/debug"
	"syscall"
	"testing"
	"time"
)

func TestTCP(t *testing.T) {
	refused := serveTCP(t, silent)
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that nobody listens on
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(refused)
	tests := map[string]struct{ address, want string }{
		"accepts":           {refused, ""},
		"by name":           {"localhost:" + port, ""},
		"refuses":           {closed, closed + ": connection refused"},
		"no route":          {"192.0.2.1:80", "network is unreachable"},
		"asks no DNS":       {"example.org:80", "asks no DNS server"},
		"backlog is full":   {full(t), "no answer within 300ms"},
		"no port":           {"127.0.0.1", "missing port"},
		"an IPv6 that none": {"[::1]:9", "connection refused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { demand(t, probeOnce(t, TCP{test.address}), test.want) })
	}
}

// full returns the address of a listener whose backlog is full: a SYN to it gets
// no answer.
func full(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := shrinkBacklog(raw); err != nil {
		t.Fatal(err)
	}
	for range 3 { // a backlog of 0 holds one
		conn, err := net.DialTimeout("tcp", l.Addr().String(), 100*time.Millisecond)
		if err != nil {
			return l.Addr().String()
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Fatal("the backlog does not fill")
	return ""
}

// shrinkBacklog makes a listener hold one connection that is not accepted yet.
func shrinkBacklog(listener syscall.RawConn) error {
	var err error
	control := listener.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) })
	return errors.Join(control, err)
}

func TestConnectionsAreClosed(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it would close what we forgot
	address := serveTCP(t, silent)
	openFiles := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	before := openFiles()
	for range 20 {
		demand(t, probeOnce(t, TCP{address}), "")
	}
	until(t, "the connections to be gone", func() bool { return openFiles() <= before })
}
