// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Nginx is the check of an nginx on this host: its master process must live, with a
// worker that is not shutting down, and a GET succeed.
//
// The master is watched. Killed alone (SIGKILL), it leaves workers that still serve;
// that counts as a death all the same, as nobody would replace, reload or stop them
// any more. Workers that all are shutting down (`nginx -s quit`) are a failure that is
// sure. While one nginx takes over from another (SIGUSR2), the master that has workers
// is the one that counts.
//
// With `master_process off`, and where processes are hidden (hidepid), the GET alone
// tells about workers. For an nginx in another PID namespace use [HTTP].
type Nginx struct {
	// PIDFile is the path of the master's PID file (`pid PATH`). Required.
	PIDFile string
	// HTTP is what to get.
	HTTP HTTP
}

func (n Nginx) prober(c *Check) Prober { return &nginx{Nginx: n, processes: c.Processes} }

// nginx is an nginx as the last probe found it.
type nginx struct {
	Nginx
	processes Processes
	master    int // 0: none
}

func (n *nginx) process() int { return n.master }

// named: nginx and its descendants, under the names of their binaries.
func (n *nginx) named(comm string) bool {
	return strings.Contains(comm, "nginx") || comm == "openresty" || comm == "angie"
}

// Probe looks for the master and its workers, then gets the URL.
func (n *nginx) Probe(ctx context.Context) error {
	if err := n.find(ctx); err != nil {
		return err
	}
	return n.HTTP.Probe(ctx)
}

// find looks for a master that has workers. With SIGUSR2 a master gives its PID file
// the suffix .oldbin, and it takes that away when the other master has ended: so that
// file names who serves until the other one does, and again when the other one is
// made to quit. The last look is for the moment in which the suffix goes, when the
// first two have found no master.
func (n *nginx) find(ctx context.Context) error {
	n.master = 0
	var wrong error
	for look, file := range [...]string{n.PIDFile, n.PIDFile + ".oldbin", n.PIDFile} {
		if look == 2 && n.master != 0 {
			break
		}
		pid, err := n.masterIn(file)
		if err == nil {
			err = n.workers(ctx, pid)
		}
		if err == nil {
			n.master = pid
			return nil
		}
		if wrong == nil || n.master == 0 && pid != 0 {
			n.master, wrong = pid, err
		}
	}
	return wrong
}

// masterIn returns the living master that a PID file names, 0 for one that is hidden.
func (n *nginx) masterIn(file string) (int, error) {
	pid, err := readPIDFile(file)
	if err != nil {
		return 0, err
	}
	comm, err := n.processes.Name(pid)
	switch {
	case errors.Is(err, syscall.EACCES):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("master in %s: %w", file, err)
	case !n.named(comm):
		return 0, fmt.Errorf("process %d in %s is %q, not nginx", pid, file, comm)
	}
	return pid, nil
}
