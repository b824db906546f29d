// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// maxPID is the kernel's PID_MAX_LIMIT on 64-bit machines. Above it a number is
// no process; above 32 bits pidfd_open would even take it for another one.
const maxPID = 1 << 22

// Processes tells about processes of this PID namespace, children or not. The
// zero value is ready.
type Processes struct{}

// Watch awaits the end of process pid by a pidfd: ended is closed when the
// process has ended (at once for one that nobody has waited for yet), whoever its
// parent is and however its number is used later. stop, which may be called more
// than once, releases the watch; ended is not closed after it, unless the process
// has just ended. The error is unix.ESRCH when there is no such process.
//
// It needs pidfd_open, Linux 5.3.
func (Processes) Watch(pid int) (ended <-chan struct{}, stop func(), err error) {
	if pid < 1 || pid > maxPID {
		return nil, nil, fmt.Errorf("watch process %d: %w", pid, unix.ESRCH)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	// Only a non-blocking descriptor goes to the netpoller. pidfd_open's own flag
	// for it came with Linux 5.10.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	file := os.NewFile(uintptr(fd), "pidfd")
	return closedAtEnd(file), sync.OnceFunc(func() { file.Close() }), nil
}

// closedAtEnd returns a channel that is closed when the process of a pidfd ends.
// It stays open when the pidfd is closed first.
func closedAtEnd(pidfd *os.File) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer pidfd.Close()
		conn, err := pidfd.SyscallConn()
		if err == nil && conn.Read(readable) == nil {
			close(ended)
		}
	}()
	return ended
}

// readable reports whether fd is: a pidfd is from the end of its process on. It
// can't be read; poll(2) without waiting is the way to ask.
func readable(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 1
}

// Name returns the name of process pid, as in /proc/PID/comm. A process that ends, or has
// ended, is none, even if nobody has waited for it yet: the error is then
// unix.ESRCH. That of one that is hidden is unix.EACCES.
func (Processes) Name(pid int) (string, error) {
	stat, err := readProc(pid, "stat")
	if err != nil {
		return "", fmt.Errorf("name of process %d: %w", pid, err)
	}
	name, ok := alive(stat)
	if !ok {
		return "", fmt.Errorf("name of process %d: %w", pid, unix.ESRCH)
	}
	return name, nil
}

// exiting is PF_EXITING: the process has begun to end, and closes its sockets before it
// is a zombie. It is in the seventh field from the state on (proc_pid_stat(5)).
const (
	exiting    = 0x4
	flagsField = 6
)

// alive returns the name in a /proc/PID/stat, "PID (name) state …", and whether
// its process is neither a zombie nor dead, nor about to be. The name may itself contain
// parentheses.
func alive(stat []byte) (name string, ok bool) {
	from, to := bytes.IndexByte(stat, '('), bytes.LastIndex(stat, []byte(") "))
	if from < 0 || to <= from {
		return "", false
	}
	fields := bytes.Fields(stat[to+2:])
	if len(fields) <= flagsField {
		return "", false
	}
	flags, err := strconv.ParseUint(string(fields[flagsField]), 10, 32)
	state := fields[0][0]
	return string(stat[from+1 : to]), err == nil && flags&exiting == 0 && state != 'Z' && state != 'X'
}
