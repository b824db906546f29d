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

// HAProxy is the check of an HAProxy: it must answer `show info` on its socket and
// not be stopping. The process that answers is watched, if it is one of this PID
// namespace; else its socket alone decides.
type HAProxy struct {
	// Socket is the path of a stats socket (`stats socket PATH`, any level) or of
	// the master's (`haproxy -S PATH`; its current worker answers). Required.
	Socket string
	// Listener is what must answer, too: a [TCP], [TLS] or [HTTP]. It is asked while
	// the socket is. Default: nothing.
	Listener Kind
	// MinServers is how many servers of a backend must be usable, backups among
	// them, by the backend's name. Default: any number, and none.
	MinServers map[string]int
}

func (h HAProxy) prober(c *Check) Prober {
	out := &haproxy{HAProxy: h, processes: c.Processes}
	if h.Listener != nil {
		out.listener = &listener{h.Listener.prober(c)}
	}
	return out
}

// haproxy is an HAProxy as the last probe found it.
type haproxy struct {
	HAProxy
	processes Processes
	listener  *listener // nil: none
	pid       int       // who answered; 0: nobody
	last      int       // who answered last, in any probe
	prefix    string    // of commands to the one who answered: "@1 " behind a master
	master    haproxyMaster
}

func (h *haproxy) process() int { return h.pid }

// named: the name of a package is often more than the program's (haproxy-2.8);
// HAProxy Enterprise's is hapee-lb.
func (h *haproxy) named(comm string) bool {
	return strings.Contains(comm, "haproxy") || strings.HasPrefix(comm, "hapee")
}

// lives reports whether a process is an HAProxy that lives.
func (h *haproxy) lives(pid int) bool {
	if pid == 0 {
		return false
	}
	comm, err := h.processes.Name(pid)
	return err == nil && h.named(comm)
}

// Probe asks the socket and the listener side by side. What the socket says comes
// first: it may be sure.
func (h *haproxy) Probe(ctx context.Context) error {
	if h.listener == nil {
		return h.askSocket(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- h.listener.Probe(ctx) }()
	if err := h.askSocket(ctx); err != nil {
		cancel()
		<-answer
		return err
	}
	return <-answer
}

// askSocket asks for all that the socket has to tell.
func (h *haproxy) askSocket(ctx context.Context) error {
	if err := h.askCurrent(ctx); err != nil || len(h.MinServers) == 0 {
		return err
	}
	return h.askServers(ctx)
}

// successorPatience is how long a process that is stopping is given to be followed by
// another one. At a reload it may say that it is stopping before it has closed the
// last of its sockets, while its successor listens already.
// Between two calls of the kernel its successor's socket refuses, too, for as long as it
// takes to bind all the others.
const successorPatience = 100 * time.Millisecond

// askCurrent asks for `show info` and remembers who answers. The error is sure when
// that process is stopping and nobody follows it for successorPatience; if the probe's
// time is over before, it is one that counts.
func (h *haproxy) askCurrent(ctx context.Context) error {
	var giveUp time.Time // zero: nothing has shown that it is stopping
	for {
		h.pid = 0
		info, err := h.info(ctx)
		if err == nil {
			h.pid = parsePID(field(info, "Pid"))
			h.last = h.pid
		}
		stopping := h.stopping(info, err)
		if stopping == nil {
			return err
		}
		switch now := time.Now(); {
		case giveUp.IsZero():
			giveUp = now.Add(successorPatience)
		case now.After(giveUp):
			return sure{stopping}
		}
		if !pause(ctx) {
			return stopping
		}
	}
}

// stopping returns how an answer shows that HAProxy is stopping: it says so, or it
// lives and has closed its socket, as it does with stats sockets. nil: it shows no
// such thing.
func (h *haproxy) stopping(info []byte, err error) error {
	switch {
	case err == nil && field(info, "Stopping") == "1":
		return fmt.Errorf("HAProxy process %d is stopping", h.pid)
	case h.master.pid == 0 && errors.Is(err, syscall.ECONNREFUSED) && h.lives(h.last):
		return fmt.Errorf("HAProxy process %d is stopping: %w", h.last, err)
	}
	return nil
}
