// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"fmt"
	"strings"
)

// Nginx is the check of an nginx on this host: its master process must live and
// a GET succeed. The master is watched. Killed alone (SIGKILL), it leaves workers
// that still serve; that counts as a death all the same, as nobody would replace,
// reload or stop them any more. For an nginx in another PID namespace use [HTTP].
type Nginx struct {
	// PIDFile is the path of the master's PID file (`pid PATH`). Required.
	PIDFile string
	// URL is what to get, as in [HTTP]; 200–399 is success. Required.
	URL string
}

func (n Nginx) prober(c *Check) Prober { return &nginx{Nginx: n, processes: c.Processes} }

// nginx is an nginx as the last probe found it.
type nginx struct {
	Nginx
	processes Processes
	master    int
}

func (n *nginx) process() int { return n.master }

// named: nginx and its descendants, under the names of their binaries.
func (n *nginx) named(comm string) bool {
	return strings.Contains(comm, "nginx") || comm == "openresty" || comm == "angie"
}

// Probe looks for the master, then gets the URL.
func (n *nginx) Probe(ctx context.Context) error {
	n.master = 0
	pid, err := readPIDFile(n.PIDFile)
	if err != nil {
		return err
	}
	comm, err := n.processes.Name(pid)
	if err != nil {
		return fmt.Errorf("master in %s: %w", n.PIDFile, err)
	}
	if !n.named(comm) {
		return fmt.Errorf("process %d in %s is %q, not nginx", pid, n.PIDFile, comm)
	}
	n.master = pid
	return HTTP{URL: n.URL}.Probe(ctx)
}
