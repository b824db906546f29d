// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAllProcesses(t *testing.T) {
	child := sleeper(t)
	pids, err := Processes{}.All()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(pids, child.Pid) || !slices.Contains(pids, os.Getpid()) || !slices.IsSorted(pids) {
		t.Errorf("neither %d nor %d may be missing: %v", child.Pid, os.Getpid(), pids)
	}
}

func TestUserOfAProcess(t *testing.T) {
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: &syscall.Credential{Uid: 4711, Gid: 12}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	for pid, want := range map[int]int{os.Getpid(): os.Geteuid(), cmd.Process.Pid: 4711} {
		if uid, err := (Processes{}).User(pid); uid != want || err != nil {
			t.Errorf("process %d: %d, %v; want %d", pid, uid, err, want)
		}
	}
	if _, err := (Processes{}).User(maxPID + 1); !errors.Is(err, unix.ESRCH) {
		t.Errorf("a process that is none: %v", err)
	}
}

func TestEffectiveUser(t *testing.T) {
	tests := map[string]struct {
		status string
		want   int // -1: an error
	}{
		"effective, not real": {"Name:\tsu\nUmask:\t0022\nUid:\t1000\t13\t14\t15\nGid:\t7\t7\t7\t7\n", 13},
		"named like the line": {"Name:\tUid:\\n0 0 0 0\nUid:\t1000\t1000\t1000\t1000\n", 1000},
		"no line":             {"Name:\tsu\n", -1},
		"too short a line":    {"Uid:\t0\n", -1},
		"no number":           {"Uid:\ta\tb\tc\td\n", -1},
		"empty":               {"", -1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := effectiveUser([]byte(test.status))
			if (err != nil) != (test.want < 0) || err == nil && got != test.want {
				t.Errorf("%d, %v; want %d", got, err, test.want)
			}
		})
	}
}
