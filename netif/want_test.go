// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"vipd/netif"
)

// journal notes what was called, and what was there at that moment.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

// demand compares the lines since the last call.
func (j *journal) demand(t *testing.T, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.lines, want) {
		t.Errorf("noted %q, want %q", j.lines, want)
	}
	j.lines = nil
}

// Silence begins with the Set that asks for it, and ends when it is taken back, or
// when the addresses have gone.
func TestSilence(t *testing.T) {
	r, w, j := noteSilence(t)
	gone, silent := w, w
	gone.Present, silent.Silent = false, true
	const begins, speaks, ends = "web [192.0.2.100 2001:db8::100] of 4", "web [] of 4", "web [] of 2"

	r.hold(t, w)
	j.demand(t)
	r.hold(t, silent)
	r.hold(t, silent)
	j.demand(t, begins)
	r.hold(t, w)
	j.demand(t, speaks)
	r.hold(t, silent)
	r.set(t, gone)
	r.settle(t)
	j.demand(t, begins, ends)
	r.hold(t, silent) // at once: from the moment that it is there
	j.demand(t, begins)
	r.set(t, gone)
	j.demand(t, ends)
	gone.Silent = true // means nothing
	r.set(t, gone)
	j.demand(t)
}

// What will drain is silent until it has left its interface: nobody speaks for it there
// before the packet filter does, also when the worker was late and hears of both at once.
func TestSilentUntilItDrains(t *testing.T) {
	for name, atOnce := range map[string]bool{"one after the other": false, "both at once": true} {
		t.Run(name, func(t *testing.T) {
			r, w, j := noteSilence(t)
			silent, drains := w, draining(w)
			silent.Silent, drains.Silent = true, true
			r.hold(t, w)
			if atOnce {
				release := r.holdUp(t)
				r.Set("web", silent)
				r.Set("web", drains)
				release()
			} else {
				r.hold(t, silent)
			}
			r.move(t, drains)
			j.demand(t, "web [192.0.2.100 2001:db8::100] of 4", "web [] of 2")
			r.move(t, drains) // it does not begin again
			j.demand(t)
		})
	}
}

// noteSilence starts a host that notes who is silenced, and what it shall have.
func noteSilence(t *testing.T) (*record, netif.Want, *journal) {
	t.Helper()
	newWorld(t)
	r, j := start(t, "eth0"), &journal{}
	r.OnSilence(func(key string, addresses []netip.Addr) {
		j.note("%s %v of %d", key, addresses, len(addressesOf(t)))
	})
	return r, r.want(t, time.Minute, v4().wanted(), v6().wanted()), j
}

func addressesOf(t *testing.T) []string { return addresses(t, "eth0") }
