// SPDX-License-Identifier: Apache-2.0

package health

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// haproxyMaster is the master behind a master's socket. At a reload it executes
// itself anew, and its socket refuses meanwhile: so, other than with a stats
// socket, a refusal means nothing as long as the master lives.
type haproxyMaster struct {
	pid    int // 0: unknown, or the socket is none of a master's
	worker int // its worker when the pid was found out
}

// loading: a master that lives and does not answer within the timeout is at a reload. One
// that has lost its worker ends, or says that it has none.
func (h *haproxy) loading(err error) bool {
	return h.lives(h.master.pid) && !errors.Is(err, errNoInfo)
}

// workerInfo asks a master's socket: the master doesn't know `show info`, but
// passes it on to its current worker, "@1".
func (h *haproxy) workerInfo(ctx context.Context) ([]byte, error) {
	info, err := h.showInfo(ctx, "@1 ")
	if err != nil {
		return nil, err
	}
	if worker := parsePID(field(info, "Pid")); worker != h.master.worker {
		procs, err := h.ask(ctx, "show proc\n", maxAnswer)
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

// reloadPause is the time between two attempts while HAProxy is being reloaded: a
// master loads itself anew, or an old process gives way. It takes some milliseconds.
const reloadPause = 2 * time.Millisecond

// pause waits for reloadPause; it reports false when ctx ends before.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(reloadPause):
		return true
	}
}
