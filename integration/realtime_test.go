// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vipd/integration/lab/labtest"
)

// What the log and the status say of a daemon that may not be real-time.
const mayBeLate = "the daemon may be late on a busy host"

func TestRealtime(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	s.lb1.startVipd(t)
	labtest.Await(t, func() error { return s.look(s.lb1) })
	s.lb1.scheduled(t, "rr 50", "2:50")
	s.lb1.warned(t, 0)
}

// Where real-time and locked memory are refused, vipd runs all the same, and says so.
func TestRealtimeRefused(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	s.lb1.startVipdBy(t, s.lb1.script(t, `exec prlimit --rtprio=0 --memlock=65536:65536 \
	setpriv --bounding-set -sys_nice,-ipc_lock -- %s "$@"`))
	labtest.Await(t, func() error { return s.look(s.lb1) })
	s.lb1.scheduled(t, "other", "0:0")
	s.lb1.warned(t, 2, "LimitRTPRIO=50", "LimitMEMLOCK=infinity")
}

func TestRealtimeNotWanted(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	s.lb1.startVipdBy(t, s.lb1.script(t, `case $1 in run) set -- "$@" --realtime=false;; esac
exec %s "$@"`))
	labtest.Await(t, func() error { return s.look(s.lb1) })
	s.lb1.scheduled(t, "other", "0:0")
	s.lb1.warned(t, 0)
}

// script writes a shell script in which %s is vipd.
func (n *node) script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(n.host.Dir, "start-vipd")
	labtest.Must(t, os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\n"+body+"\n", program()), 0o700))
	return path
}

// scheduled tells whether all threads of the daemon have a policy and a priority, as the
// kernel writes them, and the status says so.
func (n *node) scheduled(t *testing.T, word, policy string) {
	t.Helper()
	status, err := n.status() // and so the API's threads are there, too
	labtest.Must(t, err)
	if status.Loop.Scheduling != word {
		t.Errorf("the status says %q, want %q", status.Loop.Scheduling, word)
	}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", n.vipd.PID()))
	labtest.Must(t, err)
	if len(tasks) < 2 {
		t.Errorf("%d threads", len(tasks))
	}
	for _, task := range tasks {
		stat, err := os.ReadFile(task)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has ended
		}
		labtest.Must(t, err)
		_, after, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(after) // from the third on: proc_pid_stat(5)
		if got := fields[41-3] + ":" + fields[40-3]; got != policy {
			t.Errorf("%s: policy:priority %s, want %s", task, got, policy)
		}
	}
}

// warned tells whether the log has so many warnings, and the status says the same.
func (n *node) warned(t *testing.T, times int, what ...string) {
	t.Helper()
	if got := n.times(t, mayBeLate); got != times {
		t.Errorf("%d warnings in the log, want %d", got, times)
	}
	got := n.command(t, "status", "--config", n.configFile())
	if got.code != 0 || strings.Contains(got.stdout, mayBeLate) != (times > 0) || !says(got.stdout, append(what, "")) {
		t.Errorf("status: %+v, want %v", got, what)
	}
}
