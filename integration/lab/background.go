// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Program is any program, with the processes that it has started itself. Nobody asks
// whether it serves.
type Program struct {
	process
}

// StartProgram runs a command in n, its output in the file log, and does not wait for
// anything.
func StartProgram(n *Namespace, log string, command ...string) (*Program, error) {
	p := &Program{process{
		namespace: n,
		command:   command,
		log:       log,
		ready:     func() bool { return true },
	}}
	return p, p.start()
}

// Kill ends the program and its children by SIGKILL. One that has ended already is no
// error.
func (p *Program) Kill() error { return p.killGroup() }

// killGroup ends the program and its children by SIGKILL, and waits for its end.
func (p *process) killGroup() error {
	select {
	case <-p.ended:
		return nil
	default:
	}
	if err := syscall.Kill(-p.PID(), syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill %s in %s: %w", p.name(), p.namespace.name, err)
	}
	return p.Kill()
}

// Hears tells whether a program in n takes part in VRRP.
func (n *Namespace) Hears() bool { return hears(n) }

// Usage is what a program has used of its machine.
type Usage struct {
	CPU    time.Duration // on any processor, since its start
	Memory int64         // resident, in bytes; what is shared by its processes counts for each
}

// Usage adds up what the program uses and its children, without theirs.
func (p *process) Usage() (sum Usage, err error) {
	pids, err := children(p.PID())
	for _, pid := range append(pids, p.PID()) {
		var cpu time.Duration
		var memory int64
		if err == nil {
			cpu, err = processTime(pid)
		}
		if err == nil {
			memory, err = resident(pid)
		}
		sum.CPU, sum.Memory = sum.CPU+cpu, sum.Memory+memory
	}
	if err != nil {
		return Usage{}, fmt.Errorf("ask what %s in %s uses: %w", p.name(), p.namespace.name, err)
	}
	return sum, nil
}

// children are the processes that any thread of a process has started.
func children(pid int) (pids []int, err error) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil, err
	}
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if errors.Is(err, os.ErrNotExist) { // the thread has ended
			continue
		}
		if err != nil {
			return nil, err
		}
		for field := range strings.FieldsSeq(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return nil, fmt.Errorf("children of %d: %w", pid, err)
			}
			pids = append(pids, child)
		}
	}
	return pids, nil
}

// processTime is the time that a process has used on any processor.
func processTime(pid int) (time.Duration, error) {
	const scheduler = 2 // CPUCLOCK_SCHED; see clock_getcpuclockid(3)
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduler), &used); err != nil {
		return 0, fmt.Errorf("read the processor time of %d: %w", pid, err)
	}
	return time.Duration(used.Nano()), nil
}

// resident is VmRSS of a process, in bytes.
func resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text)) // proc_pid_statm(5): size, resident, … in pages
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm says %q", pid, text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
