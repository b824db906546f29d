// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// openSockets are the receive sockets that are open.
type openSockets struct {
	mu  sync.Mutex // guards what follows
	all map[socketOf]syscall.RawConn
}

type socketOf struct {
	link  int
	level int // the family's
}

// open adds a socket; closed takes it away.
func (s *openSockets) open(link, level int, raw syscall.RawConn) (closed func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[socketOf{link, level}] = raw
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.all, socketOf{link, level})
	}
}

func (s *openSockets) get(link, level int) syscall.RawConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[socketOf{link, level}]
}

// Unread tells whether packets of a family on a link have arrived that [Events].Packet
// has not been told of: those who should have read them did not get to run.
func (h *Host) Unread(link int, ipv4 bool) bool {
	level := unix.IPPROTO_IPV6
	if ipv4 {
		level = unix.IPPROTO_IP
	}
	raw := h.watcher.sockets.get(link, level)
	if raw == nil {
		return false
	}
	unread := false
	_ = raw.Control(func(fd uintptr) { // fails when it has been closed
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, 0)
		unread = err == nil && n > 0 && poll[0].Revents&unix.POLLIN != 0
	})
	return unread
}
