// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mdlayher/packet"
)

const (
	// burst is how many frames go out back-to-back: of one key, before the next one has
	// its turn, and of all, before there is a pause.
	burst = 64
	// burstPause is the least time between two bursts: a thousand addresses are no storm
	// that overflows the receivers' queues, and are announced within 50 ms nevertheless.
	burstPause = time.Millisecond
)

// station is how a followed link speaks Ethernet.
type station struct {
	name     string
	mtu      int
	hardware net.HardwareAddr // nil: it speaks neither ARP nor ND
	frames   *packet.Conn     // nil: not open
	askers   []*asker         // of both families; none: its port is not ready
}

// stations are the followed links that exist, by index. The watcher and the ports
// write them, the others look them up.
type stations struct {
	mu      sync.Mutex // guards what follows
	byIndex map[int]station
	ours    map[string]bool // hardware addresses of this host, of all links
}

// set tells whether the link has another hardware address than before.
func (s *stations) set(l link) (moved bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.byIndex[l.index]
	s.byIndex[l.index] = station{l.name, l.mtu, l.hardware, before.frames, before.askers}
	return before.hardware != nil && !bytes.Equal(before.hardware, l.hardware)
}

// change does nothing when the link has gone meanwhile.
func (s *stations) change(index int, how func(*station)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if station, ok := s.byIndex[index]; ok {
		how(&station)
		s.byIndex[index] = station
	}
}

// setOurs says which hardware addresses are this host's.
func (s *stations) setOurs(ours map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ours = ours
}

// own tells whether a hardware address is this host's.
func (s *stations) own(hardware net.HardwareAddr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ours[string(hardware)]
}

func (s *stations) remove(index int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byIndex, index)
}

func (s *stations) get(index int) station {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byIndex[index]
}

// nameOf names a link for people, also one that has gone.
func (s *stations) nameOf(index int) string {
	if name := s.get(index).name; name != "" {
		return fmt.Sprintf("interface %s (index %d)", name, index)
	}
	return fmt.Sprintf("interface index %d", index)
}

// indexOf is the index of the link of a name; 0 when there is none.
func (s *stations) indexOf(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for index, station := range s.byIndex {
		if station.name == name {
			return index
		}
	}
	return 0
}

// announcer sends gratuitous ARPs and unsolicited NAs. Keys take turns of a burst each,
// so that the first frames of all keys leave before one of them goes on.
type announcer struct {
	// holds lists at most limit addresses of key that are held now, from the given
	// position on.
	holds func(key string, from, limit int) []announced
	send  func([]announced)
	wake  chan struct{}

	mu     sync.Mutex        // guards what follows
	queue  []*round          // at most one for each key
	rounds map[string]*round // those in the queue, by key
}

// round is the announcement of one key.
type round struct {
	key   string
	only  []netip.Addr // empty: all that the key holds
	next  int          // position of the first address not yet announced
	again *round       // asked for again after it had begun
}

// join makes the round one for other addresses, too.
func (r *round) join(only []netip.Addr) {
	if len(r.only) == 0 || len(only) == 0 {
		r.only = nil
		return
	}
	r.only = append(r.only, only...)
}

// pick leaves those that the round is for.
func (r *round) pick(held []announced) []announced {
	if len(r.only) == 0 {
		return held
	}
	return slices.DeleteFunc(held, func(a announced) bool { return !slices.Contains(r.only, a.ip) })
}

func newAnnouncer(holds func(string, int, int) []announced, stations *stations, log *slog.Logger) *announcer {
	send := func(burst []announced) {
		for _, a := range burst {
			if err := stations.get(a.link).announce(a); err != nil {
				log.Warn("announce addresses", "interface", stations.nameOf(a.link), "error", err)
				return // the others go the same way
			}
		}
	}
	return &announcer{holds: holds, send: send, wake: make(chan struct{}, 1), rounds: make(map[string]*round)}
}

// announce asks for a round of a key, or of some of its addresses only.
func (a *announcer) announce(key string, only ...netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer wakeUp(a.wake)
	switch r := a.rounds[key]; {
	case r == nil:
		a.enqueue(&round{key: key, only: slices.Clone(only)})
	case r.next == 0:
		r.join(only)
	case r.again == nil:
		r.again = &round{key: key, only: slices.Clone(only)}
	default:
		r.again.join(only)
	}
}

// enqueue is called with mu held.
func (a *announcer) enqueue(r *round) {
	a.queue = append(a.queue, r)
	a.rounds[r.key] = r
}

func (a *announcer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		}
		a.work(ctx)
	}
}

// work empties the queue, with a pause after each burst.
func (a *announcer) work(ctx context.Context) {
	pause := time.NewTicker(burstPause)
	defer pause.Stop()
	for more, left := true, burst; more; {
		var sent int
		if sent, more = a.turn(); sent < left {
			left -= sent
			continue
		}
		left = burst
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
	}
}

// turn sends at most one burst of the first round in the queue. more is false when there
// is none.
func (a *announcer) turn() (sent int, more bool) {
	r, from := a.first()
	if r == nil {
		return 0, false
	}
	held := a.holds(r.key, from, burst)
	seen := len(held)
	if held = r.pick(held); len(held) > 0 {
		a.send(held)
	}
	a.requeue(seen)
	return len(held), true
}

// first begins or goes on with the first round, if there is one. From then on nobody
// else changes whom it is for.
func (a *announcer) first() (r *round, from int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) == 0 {
		return nil, 0
	}
	r = a.queue[0]
	from, r.next = r.next, r.next+burst
	return r, from
}

// requeue puts the first round at the end, unless it is done.
func (a *announcer) requeue(seen int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.queue[0]
	a.queue = a.queue[1:]
	delete(a.rounds, r.key)
	switch {
	case seen == burst: // there may be more
		a.enqueue(r)
	case r.again != nil:
		a.enqueue(r.again)
	}
}

// wakeUp makes the owner of the channel, of capacity one, look again.
func wakeUp(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
