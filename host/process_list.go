// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
)

// All lists the processes of this PID namespace, ascending, with those that have
// ended and that nobody has waited for yet.
func (Processes) All() ([]int, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// User returns the effective user ID of process pid. The owner of /proc/PID won't do:
// it is root for a process that has changed its user. The error is unix.ESRCH when
// there is no such process, unix.EACCES when it is hidden.
func (Processes) User(pid int) (uid int, err error) {
	status, err := readProc(pid, "status")
	if err != nil {
		return 0, fmt.Errorf("user of process %d: %w", pid, err)
	}
	if uid, err = effectiveUser(status); err != nil {
		return 0, fmt.Errorf("user of process %d: %w", pid, err)
	}
	return uid, nil
}

// effectiveUser returns the second number of the line "Uid:" in a /proc/PID/status
// (proc_pid_status(5)). A process can put no line before it: its name is escaped.
func effectiveUser(status []byte) (int, error) {
	for line := range bytes.Lines(status) {
		if ids, ok := bytes.CutPrefix(line, []byte("Uid:")); ok {
			if fields := bytes.Fields(ids); len(fields) == 4 {
				return strconv.Atoi(string(fields[1]))
			}
		}
	}
	return 0, fmt.Errorf("no user in its status")
}
