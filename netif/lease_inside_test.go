// SPDX-License-Identifier: Apache-2.0

package netif

// MessagesSent is how many messages the keeper has sent to the kernel: one for each
// change, and one for each look at what is there. It is to be called when the keeper has
// nothing to do.
func (h *Host) MessagesSent() int {
	h.keeper.mu.Lock() // what the keeper did before it let go of it is seen
	defer h.keeper.mu.Unlock()
	return int(h.keeper.rtnl.seq)
}
