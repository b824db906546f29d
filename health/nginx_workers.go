// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

const (
	// workerLooks is how often a probe looks for workers before it says that there are
	// none: a master starts another one for each that dies, within milliseconds, and a
	// list of children may miss one while others end.
	workerLooks = 3
	workerPause = 5 * time.Millisecond
)

// errNoWorker is a master without any worker: those that it starts die, or it can
// start none.
var errNoWorker = errors.New("has no worker")

// workers demands that a master has a worker that isn't shutting down, or that there
// may be one. A master of 0 is hidden.
func (n *nginx) workers(ctx context.Context, master int) error {
	if master == 0 {
		return nil
	}
	err := n.look(master)
	for range workerLooks - 1 {
		if _, stopping := errors.AsType[sure](err); !stopping && !errors.Is(err, errNoWorker) {
			break
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(workerPause):
		}
		err = n.look(master)
	}
	return err
}

// look goes through a master's children once.
func (n *nginx) look(master int) error {
	if does, err := n.role(master); does != roleMaster {
		return err // `master_process off`: it is its own worker
	}
	children, err := n.processes.Children(master)
	if err != nil {
		return err
	}
	leaving := false
	for _, child := range children {
		switch does, err := n.role(child); {
		case err != nil:
			return err
		case does == roleLeaving:
			leaving = true
		case does != roleNone:
			return nil
		}
	}
	if leaving {
		return sure{fmt.Errorf("nginx master %d is stopping: its workers are shutting down", master)}
	}
	return fmt.Errorf("nginx master %d %w", master, errNoWorker)
}

// role is what a process of an nginx does.
type role int

const (
	roleNone    role = iota // ended, or of another kind: a cache manager
	roleMaster              // or a child that has yet to say what it is
	roleWorker              // or unknown, as the process is hidden
	roleLeaving             // a worker that is shutting down: it serves clients, no new ones
)

// role asks a process for its title, such as "nginx: worker process". The error is
// this side's shortage.
func (n *nginx) role(pid int) (role, error) {
	title, err := n.processes.Title(pid)
	switch {
	case isShortage(err):
		return roleNone, err
	case errors.Is(err, syscall.EACCES):
		return roleWorker, nil
	}
	_, does, _ := strings.Cut(title, ": ")
	switch {
	case strings.HasPrefix(does, "master process"):
		return roleMaster, nil
	case strings.HasPrefix(does, "worker process is shutting down"):
		return roleLeaving, nil
	case strings.HasPrefix(does, "worker process"):
		return roleWorker, nil
	}
	return roleNone, nil
}
