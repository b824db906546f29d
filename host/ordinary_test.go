// SPDX-License-Identifier: Apache-2.0

package host

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// onThread runs f on a thread of its own, which ends with it.
func onThread(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}

// describe prints how the program that it is part of has been started.
const describe = "chrt -p $$ | sed 's/.*: //'; cat /proc/self/oom_score_adj; tr '\\0' ' ' </proc/$$/environ"

// A child of a real-time thread with all that a daemon has is an ordinary program; by way
// of nothing it is not, which shows that the test sees the difference.
func TestOrdinary(t *testing.T) {
	lines := func(via ...string) []string {
		var output []byte
		onThread(t, func() {
			harden(t)
			var err error
			if output, err = (Runner{Via: via}).Run(t.Context(), sh(describe), []string{"A=b"}, nil); err != nil {
				t.Errorf("%v: %s", err, output)
			}
		})
		return strings.Split(strings.TrimSpace(string(output)), "\n")
	}
	if got := strings.Join(lines(), " "); got != "SCHED_RR 7 500 A=b" {
		t.Errorf("directly: %q", got)
	}
	if got := strings.Join(lines("/proc/self/exe", ordinaryArgument), " "); got != "SCHED_OTHER 0 0 A=b" {
		t.Errorf("by way of Ordinary: %q", got)
	}
}

// harden makes this thread real-time, and has the kernel rate it in another way.
func harden(t *testing.T) {
	t.Helper()
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 7}, 0); err != nil {
		t.Fatal(err)
	}
	// Less than 0, as in the unit, would need CAP_SYS_RESOURCE.
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile("/proc/self/oom_score_adj", []byte("0"), 0) })
}

func TestOrdinaryWithoutAProgram(t *testing.T) {
	output, err := Runner{Via: []string{"/proc/self/exe", ordinaryArgument}}.Run(t.Context(), []string{"/no/such"}, nil, nil)
	if got := string(output); err == nil || got != "execute /no/such: no such file or directory\n" {
		t.Errorf("%q, %v", got, err)
	}
}
