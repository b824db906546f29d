// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

const (
	// maxOutput bounds what is kept of a program's output, in bytes.
	maxOutput = 1 << 10
	// outputDelay is how long the output of a program is waited for after its end: a
	// process that has left its group may hold on to it.
	outputDelay = 100 * time.Millisecond
)

// Runner runs programs, each in a process group of its own.
type Runner struct {
	// Via is a command that makes an ordinary program of the one that follows it
	// ([Ordinary]). Empty: it is started directly, and inherits real-time scheduling.
	Via []string
}

// Run starts argv[0] in the directory / with this environment only, without input,
// as this user and these groups (nil: as this process), and waits for its end. It
// returns the first KiB of what the program has printed, to stdout or stderr; what
// comes after that is read, and dropped. The error is nil if the exit status was 0.
//
// At its end, or that of ctx, the program's process group is killed. A process that
// has left the group goes on.
func (r Runner) Run(ctx context.Context, argv, env []string, as *syscall.Credential) (output []byte, err error) {
	line := append(slices.Clone(r.Via), argv...)
	var kept head
	cmd := &exec.Cmd{
		Path: line[0], Args: line, Env: append([]string{}, env...), Dir: "/", Stdout: &kept, Stderr: &kept, WaitDelay: outputDelay,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Credential: as},
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	unwatched := awaitEnd(ctx, cmd.Process.Pid)
	// As long as nobody has waited for the program, its number is the group's and
	// can't have become another's.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if err = cmd.Wait(); errors.Is(err, exec.ErrWaitDelay) {
		err = nil // its exit status was 0
	}
	if unwatched != nil {
		err = unwatched
	}
	return kept.text, err
}

// awaitEnd returns when a child has ended, without waiting for it in the kernel's
// sense, or at the end of ctx. The error is that it could not be watched.
func awaitEnd(ctx context.Context, pid int) error {
	ended, stop, err := Processes{}.Watch(pid)
	if err != nil {
		return err
	}
	defer stop()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return nil
}

// head keeps the beginning of what is written to it.
type head struct{ text []byte }

func (h *head) Write(b []byte) (int, error) {
	h.text = append(h.text, b[:min(len(b), maxOutput-len(h.text))]...)
	return len(b), nil
}
