// SPDX-License-Identifier: Apache-2.0

package health

import (
	"bytes"
	"context"
	"time"
)

// masterPause is the time between two attempts to reach a master that is loading
// itself anew. It takes some milliseconds.
const masterPause = 2 * time.Millisecond

// haproxyMaster is the master behind a master's socket. At a reload it executes
// itself anew, and its socket refuses meanwhile: so, other than with a stats
// socket, a refusal means nothing as long as the master lives.
type haproxyMaster struct {
	pid    int // 0: unknown, or the socket is none of a master's
	worker int // its worker when the pid was found out
}

// workerInfo asks a master's socket: the master doesn't know `show info`, but
// passes it on to its current worker, "@1".
func (h *haproxy) workerInfo(ctx context.Context) ([]byte, error) {
	info, err := h.show(ctx, "@1 show info\n")
	if err != nil {
		return nil, err
	}
	if worker := parsePID(field(info, "Pid")); worker != h.master.worker {
		procs, err := h.ask(ctx, "show proc\n")
		if err != nil {
			return nil, err
		}
		h.master = haproxyMaster{pid: masterPID(procs), worker: worker}
	}
	return info, nil
}

// masterPID finds the master in the answer to `show proc`, whose lines begin with
// number and type of a process.
func masterPID(procs []byte) int {
	for line := range bytes.Lines(procs) {
		if fields := bytes.Fields(line); len(fields) > 1 && string(fields[1]) == "master" {
			return parsePID(string(fields[0]))
		}
	}
	return 0
}

func (h *haproxy) masterLives() bool {
	if h.master.pid == 0 {
		return false
	}
	comm, err := h.processes.Name(h.master.pid)
	return err == nil && h.named(comm)
}
