// SPDX-License-Identifier: Apache-2.0

package netif

import "time"

// AgeSignOfLife makes the last Set or Renew of key older.
func (h *Host) AgeSignOfLife(key string, by time.Duration) {
	h.keeper.mu.Lock()
	defer h.keeper.mu.Unlock()
	s := h.keeper.slots[key]
	s.alive = s.alive.Add(-by)
}
