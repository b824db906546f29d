// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"syscall"
)

// Processes tells a check about the processes of this host. The error is a
// syscall.ESRCH for a process that is none, and a syscall.EACCES for one that may not
// be looked at.
type Processes interface {
	// All lists the processes, ascending, zombies among them.
	All() ([]int, error)
	// User returns the user that a process acts as (its effective user ID).
	User(pid int) (uid int, err error)
	// Name returns the name of a living process (/proc/PID/comm). A process that
	// ends, or has ended, is none, even if its parent has not waited for it yet.
	Name(pid int) (string, error)
	// Children lists the children of a process, zombies among them. While children
	// end, others may be missing.
	Children(pid int) ([]int, error)
	// Title returns the first argument of a process's command line, which some
	// programs write over. It is empty for a zombie.
	Title(pid int) (string, error)
	// Watch awaits the end of a process, whoever started it: ended is closed when
	// it has ended. stop releases the watch. A process that doesn't exist here is
	// an error.
	Watch(pid int) (ended <-chan struct{}, stop func(), err error)
}

// Runner runs the program of a Script.
type Runner interface {
	// Run starts argv[0], an absolute path, with argv and this environment only, in
	// the directory /, as this user and these groups (nil: as this process), with
	// ordinary scheduling. It returns when the program has ended, with the beginning
	// of what it printed (stdout and stderr), and nil if the program's exit status
	// was 0. The program and all that it started are killed at its end, at the
	// latest at that of ctx, unless they have left its process group.
	Run(ctx context.Context, argv, env []string, as *syscall.Credential) (output []byte, err error)
}
