// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"net/netip"
	"time"
)

// AgeSignOfLife makes the last Set or Renew of key older.
func (h *Host) AgeSignOfLife(key string, by time.Duration) {
	h.keeper.mu.Lock()
	defer h.keeper.mu.Unlock()
	s := h.keeper.slots[key]
	s.alive = s.alive.Add(-by)
}

// OnSilence makes f the one that is told of silence.
func (h *Host) OnSilence(f func(key string, addresses []netip.Addr)) {
	h.keeper.mu.Lock()
	defer h.keeper.mu.Unlock()
	h.keeper.silence = f
}

// EndAsking lets the time pass in which nobody asks on a link, and tells whether its sockets
// are closed.
func (h *Host) EndAsking(link int) (closed bool) {
	closed = true
	for _, a := range h.stations.get(link).askers {
		a.mu.Lock()
		if a.conn != nil {
			closed = false
			_ = a.conn.SetReadDeadline(time.Now())
		}
		a.mu.Unlock()
	}
	return closed
}
