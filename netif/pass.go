// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vipd/netif/filter"
	"vipd/netif/sockets"
)

// passWait bounds how long addresses wait for what is to be passed on before: without it
// connections are reset. The last Active still serves, but no lease is renewed meanwhile.
const passWait = 300 * time.Millisecond

// PassTime is how long a [Host.Pass] counts: the kernel forgets it by itself.
const PassTime = filter.PassTime

// Passing says whom segments are passed on to.
type Passing struct {
	Link   int        // index of the interface that the target is a neighbour on
	Target netip.Addr // another node's own address; zero: nobody
}

// PassingState says what is true of the passing of one key, when that changes.
type PassingState struct {
	Key    string
	Target netip.Addr // who is passed on to; zero: nobody, because Err, not wanted, or PassTime is over
	// Err is why not. It wraps [filter.ErrEarlyDemux], [filter.ErrNoNeighbor], or a
	// system call's errno (ENOENT: the kernel lacks an nftables expression).
	Err error
}

// PassCounters count packets to addresses whose segments are passed on.
type PassCounters = filter.PassCounters

// Connections answers a [Host.Count].
type Connections struct {
	Key string
	// N is how many TCP connections there are to the addresses of the key: neither
	// listening nor in TIME_WAIT.
	N   int
	Err error // then N means nothing
}

// Passed answers a [Host.CountPassed]: what was passed on for all keys since that began;
// zero while nothing is.
type Passed struct {
	IPv4, IPv6 PassCounters
	Err        error // then nothing else means anything
}

// Pass has TCP segments to the addresses of key that belong to no connection of this
// host passed on to another node, for [PassTime] from now; the latest word wins. It
// returns at once. Addresses of another family than the target's, and link-local ones,
// are left out.
//
// Before a [Host.Set] of the same key that follows adds an address, segments to it are
// passed on: the keeper waits for that, at most 0.3 seconds. What becomes of it
// is told by [Events].Passing, and no failure holds addresses back.
func (h *Host) Pass(key string, p Passing) {
	h.passer.mu.Lock()
	defer h.passer.mu.Unlock()
	h.passer.last[key] = lastPassing{p, time.Now().Add(PassTime)}
	h.filter.Pass(key, filter.Passing{Addresses: h.keeper.wanted(key), Target: p.Target, Link: p.Link})
}

// Count counts the connections of the addresses of key, wherever they are, and answers
// by [Events].Connections. It returns at once. While a count of the key goes on, another
// one does nothing.
func (h *Host) Count(key string) {
	h.passer.mu.Lock()
	defer h.passer.mu.Unlock()
	if h.passer.counting[key] {
		return
	}
	h.passer.counting[key] = true
	go h.count(key, slices.DeleteFunc(h.keeper.wanted(key), netip.Addr.IsLinkLocalUnicast)) // those drain nowhere
}

// passer knows what the keys were last told.
type passer struct {
	connections func(Connections)
	passed      func(Passed)

	mu       sync.Mutex // guards what follows
	last     map[string]lastPassing
	counting map[string]bool

	countingPassed bool
}

// lastPassing is one key's latest word, and until when it counts.
type lastPassing struct {
	Passing
	until time.Time
}

func newPasser(e Events) *passer {
	return &passer{connections: e.Connections, passed: e.Passed, last: make(map[string]lastPassing), counting: make(map[string]bool)}
}

// follow has the addresses of a Set passed on, if those of its key are.
func (h *Host) follow(key string, w Want) {
	h.passer.mu.Lock()
	defer h.passer.mu.Unlock()
	switch last, ok := h.passer.last[key]; {
	case !ok:
	case last.Target.IsValid() && time.Now().Before(last.until):
		h.filter.Pass(key, filter.Passing{Addresses: w.addresses(), Target: last.Target, Link: last.Link})
	default:
		delete(h.passer.last, key)
	}
}

// count is the goroutine of one Count.
func (h *Host) count(key string, addresses []netip.Addr) {
	c := Connections{Key: key}
	c.N, c.Err = sockets.Count(addresses)
	h.passer.mu.Lock()
	delete(h.passer.counting, key)
	h.passer.mu.Unlock()
	h.passer.connections(c)
}

// CountPassed counts what is passed on, and answers by [Events].Passed. It returns at
// once. While a count goes on, another one does nothing.
func (h *Host) CountPassed() {
	h.passer.mu.Lock()
	defer h.passer.mu.Unlock()
	if h.passer.countingPassed {
		return
	}
	h.passer.countingPassed = true
	go h.countPassed()
}

func (h *Host) countPassed() {
	var p Passed
	p.IPv4, p.IPv6, p.Err = h.filter.Counters()
	h.passer.mu.Lock()
	h.passer.countingPassed = false
	h.passer.mu.Unlock()
	h.passer.passed(p)
}

// addresses are those that are wanted, wherever.
func (w *Want) addresses() []netip.Addr {
	all := make([]netip.Addr, len(w.Addresses))
	for i, a := range w.Addresses {
		all[i] = a.Prefix.Addr()
	}
	return all
}

// wanted are the addresses of a key's last Set.
func (k *keeper) wanted(key string) []netip.Addr {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.slots[key]; s != nil {
		return s.want.addresses()
	}
	return nil
}

// awaitPassing waits until the segments to what tasks will add are passed on, if that
// was asked for.
func (k *keeper) awaitPassing(tasks []*task) {
	ctx, cancel := context.WithTimeout(context.Background(), passWait)
	defer cancel()
	for _, t := range tasks {
		if t.asked && len(t.adds) > 0 {
			k.filter.AwaitPassing(ctx, t.slot.key)
		}
	}
}
