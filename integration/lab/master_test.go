// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vipd/integration/lab/labtest"
)

// A worker outlives its master, and not the lab.
func TestKillAll(t *testing.T) {
	n, dir := newNamespace(t, "host"), t.TempDir()
	shell, err := NamedProgram(dir, "sh", "shell-of-ours")
	labtest.Must(t, err)
	p, err := StartProgram(n, filepath.Join(dir, "log"), shell, "-c", "sleep 600 & wait")
	labtest.Must(t, err)
	t.Cleanup(func() { p.KillAll() })
	var workers []int
	until(t, func() bool {
		workers, err = p.Workers()
		labtest.Must(t, err)
		return len(workers) == 1
	})
	if name := comm(t, p.PID()); name != "shell-of-ours" {
		t.Errorf("the process is called %q", name)
	}
	labtest.Must(t, syscall.Kill(p.PID(), syscall.SIGKILL))
	<-p.Ended()
	if gone(workers[0]) {
		t.Fatal("the worker has ended with its master")
	}
	labtest.Must(t, p.KillAll())
	until(t, func() bool { return gone(workers[0]) })
	labtest.Must(t, p.KillAll())
}

func comm(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	labtest.Must(t, err)
	return strings.TrimSpace(string(text))
}

// gone tells whether a process has ended.
func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid) }
