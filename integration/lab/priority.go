// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Prefer lets a helper, as it runs now, go before all others when the machine is
// busy, so that a probe measures the network and not how late it was woken.
func (h *helper) Prefer() error {
	return h.eachThread(func(tid int) error {
		// Linux has a nice value for each thread; new ones inherit it.
		if err := unix.Setpriority(unix.PRIO_PROCESS, tid, -20); err != nil {
			return fmt.Errorf("set the nice value of thread %d: %w", tid, err)
		}
		return nil
	})
}

// Precede is Prefer by real-time scheduling, the lowest of it: also a machine with more
// to do than it can does not hold the helper up. Where that is not allowed it is Prefer.
func (h *helper) Precede() error {
	err := h.eachThread(func(tid int) error {
		attr := unix.SchedAttr{Policy: unix.SCHED_RR, Priority: 1}
		if err := unix.SchedSetAttr(tid, &attr, 0); err != nil {
			return fmt.Errorf("schedule thread %d in real time: %w", tid, err)
		}
		return nil
	})
	if errors.Is(err, unix.EPERM) {
		return h.Prefer()
	}
	return err
}

// eachThread does something to every thread of a helper.
func (h *helper) eachThread(do func(tid int) error) error {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", h.cmd.Process.Pid))
	if err != nil {
		return err
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		if err := do(tid); err != nil {
			return err
		}
	}
	return nil
}
