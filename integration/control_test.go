// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

// control runs a command of vipd on a node, and wants its exit code and words.
func control(t *testing.T, n *node, code int, words string, args ...string) {
	t.Helper()
	got := n.command(t, append(args, "--config", n.configFile())...)
	if got.code != code || !strings.Contains(got.stdout+got.stderr, words) {
		t.Fatalf("vipd %v on %s: %+v, want %d, %q", args, n.host.Name(), got, code, words)
	}
}

func TestMaintenance(t *testing.T) {
	t.Parallel()
	s := run(t, quick, haproxy)
	control(t, s.lb1, 0, "not in maintenance", "maintenance", "off")
	control(t, s.lb1, 2, "`on` or `off`", "maintenance", "maybe")
	control(t, s.lb1, 1, "unprintable", "maintenance", "on", "--reason", "a\nb")
	control(t, s.lb1, 0, "192.0.2.12 took over web", "maintenance", "on", "--reason", "new disk")
	labtest.Await(t, func() error { return s.look(s.lb2) })
	control(t, s.lb1, 0, "nothing was active here", "maintenance", "on")
	control(t, s.lb1, 1, "in maintenance since", "status")
	control(t, s.lb1, 1, ": new disk\n", "status")
	control(t, s.lb1, 1, "not possible now: web is not active here, because of [maintenance]", "resign", "web")

	labtest.Must(t, s.lb1.vipd.Kill())
	labtest.Must(t, s.lb1.vipd.Restart())
	control(t, s.lb1, 1, ": new disk\n", "status")
	labtest.Await(t, func() error { return s.look(s.lb2) })
	labtest.Throughout(t, calm, func() error { return s.look(s.lb2) })

	control(t, s.lb1, 0, "has ended", "maintenance", "off")
	labtest.Await(t, func() error { return s.look(s.lb1) })
	labtest.Must(t, s.lb1.vipd.Kill())
	labtest.Must(t, s.lb1.vipd.Restart())
	labtest.Await(t, func() error { return s.look(s.lb1) })
	control(t, s.lb1, 0, "active", "status")
}

// The last node in maintenance: nobody takes over, and it says so.
func TestMaintenanceAlone(t *testing.T) {
	t.Parallel()
	s := run(t, quick, haproxy)
	labtest.Must(t, s.lb2.vipd.Kill())
	control(t, s.lb1, 1, "in maintenance, but nobody took over: web", "maintenance", "on")
	labtest.Await(t, func() error { return s.lb1.look(false) }) // the kernel removes the address a moment later
}

func TestResign(t *testing.T) {
	t.Parallel()
	s := run(t, quick, haproxy)
	control(t, s.lb1, 1, `unknown router "wbe", not one of web`, "resign", "wbe")
	control(t, s.lb1, 2, "0 arguments", "resign")
	control(t, s.lb1, 1, "web has not resigned", "resign", "--undo", "web")
	control(t, s.lb2, 1, "web is in backup here; 192.0.2.11 is active", "resign", "web")
	control(t, s.lb1, 0, "192.0.2.12 took over web", "resign", "web")
	control(t, s.lb1, 1, "web is in backup here; 192.0.2.12 is active", "resign", "web")
	control(t, s.lb1, 0, "vipd resign --undo web", "status")
	labtest.Await(t, func() error { return s.look(s.lb2) })
	labtest.Throughout(t, 10*quick.interval, func() error { return s.look(s.lb2) })

	labtest.Must(t, s.lb2.vipd.Kill()) // it falls silent: lb1 is needed, and the promise is over
	labtest.Await(t, func() error { return s.lb1.is("active") })
	control(t, s.lb1, 1, "nobody took over: web is active here again", "resign", "web")
	labtest.Must(t, s.lb1.look(true))
	labtest.Must(t, s.lb2.vipd.Restart())
	labtest.Await(t, func() error { return s.look(s.lb1) })
}

// Without a daemon: each command says so.
func TestControlWithoutADaemon(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	for _, args := range [][]string{{"maintenance", "on"}, {"maintenance", "off"}, {"resign", "web"}} {
		control(t, s.lb1, 3, "not reachable", args...)
	}
	if _, err := os.Stat(filepath.Join(s.lb1.host.Dir, "maintenance")); !os.IsNotExist(err) {
		t.Errorf("a state file: %v", err)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	s := run(t, defaults, haproxy)
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} { // also while it hangs
		labtest.Must(t, syscall.Kill(s.lb1.vipd.PID(), signal))
		control(t, s.lb1, 1, "a daemon listens on", "release")
	}
	labtest.Await(t, func() error { return s.look(s.lb1) })
	labtest.Must(t, errors.Join(s.lb2.vipd.Kill(), s.lb1.vipd.Kill()))
	killed := time.Now()
	control(t, s.lb1, 0, "removed 192.0.2.100/32 from eth0\n", "release")
	labtest.Must(t, s.lb1.look(false))
	if took := time.Since(killed); took > lease {
		t.Errorf("the lease may have ended it: %v", took)
	}
	if tables := s.lb1.nftables(t); strings.Contains(tables, "vipd") {
		t.Errorf("still there:\n%s", tables)
	}
	control(t, s.lb1, 0, "nothing of vipd is left here\n", "release")
}
