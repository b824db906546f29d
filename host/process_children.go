// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Children lists the children of process pid's main thread, oldest first, with those
// that have ended and that it has not waited for yet. While children end the kernel
// may leave out others (proc(5)). A process that is none has no children.
func (p Processes) Children(pid int) ([]int, error) {
	text, err := readProc(pid, fmt.Sprintf("task/%d/children", pid))
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EACCES) {
		return p.childrenByParent(pid) // also when the kernel has no such file (CONFIG_PROC_CHILDREN)
	}
	if err != nil {
		return nil, fmt.Errorf("children of process %d: %w", pid, err)
	}
	var pids []int
	for field := range strings.FieldsSeq(string(text)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids, nil
}

// childrenByParent asks all processes for their parent, ascending. It takes some
// microseconds for each.
func (p Processes) childrenByParent(pid int) ([]int, error) {
	all, err := p.All()
	if err != nil {
		return nil, fmt.Errorf("children of process %d: %w", pid, err)
	}
	var pids []int
	for _, child := range all {
		stat, err := readProc(child, "stat")
		if err == nil && parent(stat) == pid {
			pids = append(pids, child)
		}
	}
	return pids, nil
}

// parent returns who started the process of a /proc/PID/stat, "PID (name) state PPID
// …"; 0 if it doesn't say. The name may itself contain parentheses.
func parent(stat []byte) int {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	pid, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return 0
	}
	return pid
}

// Title returns the first argument of process pid's command line. Some programs
// write over it what the process does, "nginx: worker process". It is empty for one
// that has ended and that nobody has waited for yet. The error is unix.ESRCH when
// there is no such process, unix.EACCES when it is hidden.
func (Processes) Title(pid int) (string, error) {
	line, err := readProc(pid, "cmdline")
	if err != nil {
		return "", fmt.Errorf("title of process %d: %w", pid, err)
	}
	title, _, _ := bytes.Cut(line, []byte{0})
	return string(title), nil
}
