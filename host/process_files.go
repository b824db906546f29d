// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxProcFile bounds what is read of a file under /proc/PID, in bytes.
const maxProcFile = 16 << 10

// readProc returns the beginning of the file /proc/PID/name. The error is unix.ESRCH
// when there is no such process, and unix.EACCES when there is one that may not be
// looked at: a /proc with hidepid=2 has no directory for the processes of others, and
// without CAP_SYS_PTRACE those with more capabilities are others' (proc(5)).
func readProc(pid int, name string) ([]byte, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, name))
	switch {
	case err == nil:
	case os.IsPermission(err), os.IsNotExist(err) && isThere(pid):
		return nil, unix.EACCES
	case os.IsNotExist(err):
		return nil, unix.ESRCH
	default:
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxProcFile))
}

// isThere reports whether there is a process, whoever's, that may have ended already.
func isThere(pid int) bool {
	return pid > 0 && pid <= maxPID && unix.Kill(pid, 0) != unix.ESRCH
}
