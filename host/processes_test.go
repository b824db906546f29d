// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sleeper starts a child that does nothing until it is killed. Nobody waits for
// it before the test's end.
func sleeper(t *testing.T) *os.Process {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd.Process
}

// grandchild starts a process whose parent is not this one, and returns its
// number. It ends when release is called.
func grandchild(t *testing.T) (pid int, release func()) {
	t.Helper()
	r, w, err := os.Pipe() // the grandchild ends when this does
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("sh", "-c", "cat <&3 >/dev/null & echo $!; exec 3<&- >&-; wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.ExtraFiles = []*os.File{r}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close(); cmd.Wait() })
	if _, err := fmt.Fscanln(out, &pid); err != nil {
		t.Fatal(err)
	}
	return pid, func() { w.Close() }
}

func watch(t *testing.T, pid int) (ended <-chan struct{}, stop func()) {
	t.Helper()
	ended, stop, err := Processes{}.Watch(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return ended, stop
}

func mustEnd(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the end was not noticed")
	}
}

func mustNotEnd(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
		t.Fatal("an end that was none")
	case <-time.After(50 * time.Millisecond):
	}
}

func TestWatchChild(t *testing.T) {
	var took []time.Duration
	for range 9 {
		child := sleeper(t)
		ended, _ := watch(t, child.Pid)
		start := time.Now()
		if err := child.Kill(); err != nil {
			t.Fatal(err)
		}
		mustEnd(t, ended)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	t.Logf("kill -9 to ended: median %v, max %v", took[len(took)/2], took[len(took)-1])
}

func TestWatchDoesNotEndBeforeTheProcess(t *testing.T) {
	ended, _ := watch(t, sleeper(t).Pid)
	mustNotEnd(t, ended)
}

func TestWatchNonChild(t *testing.T) {
	pid, release := grandchild(t)
	ended, _ := watch(t, pid)
	mustNotEnd(t, ended)
	release()
	mustEnd(t, ended)
}

// The state of a killed process whose parent is slow, or sloppy.
func TestWatchZombie(t *testing.T) {
	child := sleeper(t)
	first, _ := watch(t, child.Pid)
	child.Kill()
	mustEnd(t, first)
	second, _ := watch(t, child.Pid)
	mustEnd(t, second)
}

func TestWatchTwoOfOne(t *testing.T) {
	child := sleeper(t)
	kept, _ := watch(t, child.Pid)
	stopped, stop := watch(t, child.Pid)
	stop()
	child.Kill()
	mustEnd(t, kept)
	mustNotEnd(t, stopped)
}

func TestWatchStopReleasesAll(t *testing.T) {
	child := sleeper(t)
	files, goroutines := openFiles(t), runtime.NumGoroutine()
	for range 100 {
		_, stop := watch(t, child.Pid)
		stop()
		stop()
	}
	waitFor(t, "the watches to be gone", func() bool {
		return openFiles(t) == files && runtime.NumGoroutine() <= goroutines
	})
}

func TestWatchReleasesItselfAtTheEnd(t *testing.T) {
	child := sleeper(t)
	files, goroutines := openFiles(t), runtime.NumGoroutine()
	ended, _ := watch(t, child.Pid)
	child.Kill()
	mustEnd(t, ended)
	waitFor(t, "the watch to be gone", func() bool {
		return openFiles(t) == files && runtime.NumGoroutine() <= goroutines
	})
}

// A thread per watched process would be too many.
func TestWatchBurnsNoThread(t *testing.T) {
	child := sleeper(t)
	watch(t, child.Pid)
	before := threads(t)
	for range 50 {
		watch(t, child.Pid)
	}
	mustNotEnd(t, make(chan struct{})) // lets the watches come to rest
	if got := threads(t); got > before+5 {
		t.Errorf("%d threads with 50 watches more, %d before", got, before)
	}
}

func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

func TestNoSuchProcess(t *testing.T) {
	tests := map[string]int{
		"none":                    0,
		"a process group":         -os.Getpid(),
		"above PID_MAX_LIMIT":     maxPID + 1,
		"ours, if cut to 32 bits": 1<<32 + os.Getpid(),
		"ended and waited for":    ended(t),
		"never given":             maxPID,
	}
	for name, pid := range tests {
		t.Run(name, func(t *testing.T) {
			if _, _, err := (Processes{}).Watch(pid); !errors.Is(err, unix.ESRCH) {
				t.Errorf("Watch(%d): %v", pid, err)
			}
			if name, err := (Processes{}).Name(pid); !errors.Is(err, unix.ESRCH) {
				t.Errorf("Name(%d): %q, %v", pid, name, err)
			}
		})
	}
}

// ended returns the number of a process that has ended.
func ended(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestName(t *testing.T) {
	child := sleeper(t)
	waitFor(t, "exec", func() bool {
		name, err := Processes{}.Name(child.Pid)
		return err == nil && name == "sleep"
	})
	ended, _ := watch(t, child.Pid)
	child.Kill()
	mustEnd(t, ended)
	if name, err := (Processes{}).Name(child.Pid); !errors.Is(err, unix.ESRCH) {
		t.Errorf("a zombie is called %q, %v", name, err)
	}
}

func TestAlive(t *testing.T) {
	tests := map[string]struct {
		stat, name string
		ok         bool
	}{
		"running":                    {"1 (haproxy) R 0 1 1 0 -1 4194560 0", "haproxy", true},
		"a name that ends the field": {"1 (a) Z (b) S 0 1 1 0 -1 4194560", "a) Z (b", true},
		"an empty name":              {"1 () S 0 1 1 0 -1 0 0", "", true},
		"zombie":                     {"1 (nginx) Z 0 1 1 0 -1 0 0", "nginx", false},
		"dead":                       {"1 (nginx) X 0 1 1 0 -1 0 0", "nginx", false},
		"stopped lives":              {"1 (nginx) T 0 1 1 0 -1 0 0", "nginx", true},
		"exiting":                    {"1 (haproxy) R 0 1 1 0 -1 4194564 0", "haproxy", false},
		"no flags":                   {"1 (haproxy) R 0 1 1 0 -1", "", false},
		"flags that are no number":   {"1 (haproxy) R 0 1 1 0 -1 - 0", "haproxy", false},
		"empty":                      {"", "", false},
		"no name":                    {"1 R 0", "", false},
		"no state":                   {"1 (nginx) ", "", false},
		"parentheses the wrong way":  {"1 ) R(", "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if name, ok := alive([]byte(test.stat)); name != test.name || ok != test.ok {
				t.Errorf("alive(%q) = %q, %v", test.stat, name, ok)
			}
		})
	}
}
