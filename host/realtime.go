// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	// realtimePriority is half of the range, as the kernel gives it to its own real-time
	// threads (sched_set_fifo): before all ordinary programs, and after whatever an
	// administrator puts higher. It is 1–99 (sched(7)).
	realtimePriority = 50
	// maxPasses bounds how often the threads are gone through. Each pass but the last has
	// found new ones: two or three are enough, unless threads come without end.
	maxPasses = 100
)

// Realtime makes the kernel run this process before all that are not real-time: each
// of its threads gets SCHED_RR with priority 50, and passes it on to those that it
// starts, and to child processes. One thread alone would wait for the others of Go's
// runtime. SCHED_RR and not SCHED_FIFO, so that its threads take turns on one CPU.
//
// A process that was started with another policy than SCHED_OTHER stays as it is. An
// error says what is missing, and the process is as it was before. It needs an
// RLIMIT_RTPRIO of 50, or CAP_SYS_NICE.
func Realtime() error {
	first, err := unix.SchedGetAttr(os.Getpid(), 0)
	if err != nil {
		return fmt.Errorf("real-time scheduling: %w", err)
	}
	if first.Policy != unix.SCHED_NORMAL {
		return nil
	}
	for range maxPasses {
		raised, err := raiseThreads()
		if err != nil || !raised {
			return err
		}
	}
	return fmt.Errorf("real-time scheduling: after %d passes there are threads without it", maxPasses)
}

// raiseThreads makes all threads real-time that are not, and tells whether there were
// any. A thread that is not on the list yet was started by one that was not real-time
// then. So when all on the list are, and have been since an earlier pass, none is missing.
func raiseThreads() (raised bool, err error) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return false, fmt.Errorf("real-time scheduling: %w", err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return false, fmt.Errorf("real-time scheduling: thread %q: %w", task.Name(), err)
		}
		did, err := raise(tid)
		if err != nil {
			return false, fmt.Errorf("real-time scheduling: %w: it needs LimitRTPRIO=%d in the unit, or CAP_SYS_NICE, "+
				"and under CONFIG_RT_GROUP_SCHED a control group with a real-time budget", err, realtimePriority)
		}
		raised = raised || did
	}
	return raised, nil
}

// raise makes a thread real-time, and tells whether it was not. One that has ended is.
func raise(tid int) (raised bool, err error) {
	attr, err := unix.SchedGetAttr(tid, 0)
	if err == nil && attr.Policy == unix.SCHED_RR {
		return false, nil
	}
	if err == nil {
		err = unix.SchedSetAttr(tid, &unix.SchedAttr{
			Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: realtimePriority,
		}, 0)
	}
	if errors.Is(err, unix.ESRCH) {
		return false, nil
	}
	return err == nil, err
}

// Scheduling is how the kernel schedules this process: "rr 50", "fifo 20", "other",
// "batch", "idle".
func Scheduling() string {
	attr, err := unix.SchedGetAttr(os.Getpid(), 0)
	if err != nil {
		return "unknown"
	}
	switch attr.Policy {
	case unix.SCHED_NORMAL:
		return "other"
	case unix.SCHED_RR:
		return fmt.Sprintf("rr %d", attr.Priority)
	case unix.SCHED_FIFO:
		return fmt.Sprintf("fifo %d", attr.Priority)
	case unix.SCHED_BATCH:
		return "batch"
	case unix.SCHED_IDLE:
		return "idle"
	}
	return fmt.Sprintf("policy %d", attr.Policy)
}
