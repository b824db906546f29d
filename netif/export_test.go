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
