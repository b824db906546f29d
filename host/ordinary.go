// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Ordinary replaces this process by a program, argv[0], and takes away from it what a
// daemon that must not be late has given to its children: real-time scheduling, and
// the permission for it; and being the last whom the kernel kills for want of memory.
// The environment stays. It returns only if it fails.
//
// To be called in a process of its own, between the daemon and the program (ADR 11):
// from outside it would come too late for the program's first instructions.
func Ordinary(argv []string) error {
	runtime.LockOSThread() // execve keeps the policy of the thread that calls it
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return fmt.Errorf("ordinary scheduling: %w", err)
	}
	if attr.Policy == unix.SCHED_RR || attr.Policy == unix.SCHED_FIFO {
		if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0); err != nil {
			return fmt.Errorf("ordinary scheduling: %w", err)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_RTPRIO, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("no real-time scheduling: %w", err)
	}
	// Where /proc is read-only it stays as it is, which is no reason not to run.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("0"), 0)
	if err := syscall.Exec(argv[0], argv, os.Environ()); err != nil {
		return fmt.Errorf("execute %s: %w", argv[0], err)
	}
	return nil
}
