// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Neighbor is what a host's neighbour table says of an address from a moment on.
type Neighbor struct {
	Time time.Time
	MAC  net.HardwareAddr // nil: nothing
}

// NeighborWatch records how a host's neighbour table changes for one address, as
// the kernel tells it.
type NeighborWatch struct {
	address netip.Addr
	changes *journal[Neighbor]
	done    chan struct{}
	close   sync.Once
}

// WatchNeighbor watches an address of the LAN on n until Close. The first entry of
// the record is what the table has said before, if anything.
func WatchNeighbor(n *Namespace, address netip.Addr) (*NeighborWatch, error) {
	w := &NeighborWatch{address: address, changes: newJournal[Neighbor](), done: make(chan struct{})}
	updates := make(chan netlink.NeighUpdate, 64)
	err := n.Do(func() error { // the socket stays in the namespace
		return netlink.NeighSubscribeWithOptions(updates, w.done, netlink.NeighSubscribeOptions{ListExisting: true})
	})
	if err != nil {
		return nil, fmt.Errorf("watch the neighbour %s of %s: %w", address, n.name, err)
	}
	go w.run(updates)
	return w, nil
}

func (w *NeighborWatch) run(updates <-chan netlink.NeighUpdate) {
	var known net.HardwareAddr
	var failed error
	for update := range updates { // to their end, or who sends them would wait for ever
		mac, ours := w.read(update)
		if failed == nil && ours && mac.String() != known.String() {
			known, failed = mac, w.changes.add(Neighbor{time.Now(), mac})
		}
	}
	w.changes.end(cmp.Or(failed, errors.New("the kernel tells no more")))
}

// read is the MAC address that an update tells for the watched address.
func (w *NeighborWatch) read(update netlink.NeighUpdate) (mac net.HardwareAddr, ours bool) {
	address, _ := netip.AddrFromSlice(update.IP)
	if address.Unmap() != w.address {
		return nil, false
	}
	if update.Type == unix.RTM_DELNEIGH { // the address may be told all the same
		return nil, true
	}
	return update.HardwareAddr, true
}

// Changes are those recorded so far.
func (w *NeighborWatch) Changes() []Neighbor { return w.changes.all() }

// Wait waits for the first change, from the begin on, that matches. It is an error
// when ctx ends before that, or the watch.
func (w *NeighborWatch) Wait(ctx context.Context, match func(Neighbor) bool) (Neighbor, error) {
	return w.changes.wait(ctx, match)
}

// Close ends the watch. What it recorded stays.
func (w *NeighborWatch) Close() error {
	w.close.Do(func() { close(w.done) })
	return nil
}
