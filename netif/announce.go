// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"

	"github.com/mdlayher/packet"
)

// burst is how many frames go out back-to-back before the next key has its turn.
const burst = 64

// station is how a followed link speaks Ethernet.
type station struct {
	name     string
	hardware net.HardwareAddr // nil: it does not speak ARP
	frames   *packet.Conn     // nil: not open
}

// stations are the followed links that exist, by index. The watcher and the ports
// write them, the others look them up.
type stations struct {
	mu      sync.Mutex // guards what follows
	byIndex map[int]station
}

func (s *stations) set(l link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byIndex[l.index] = station{l.name, l.hardware, s.byIndex[l.index].frames}
}

// attach does nothing when the link has gone meanwhile.
func (s *stations) attach(index int, frames *packet.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if station, ok := s.byIndex[index]; ok {
		station.frames = frames
		s.byIndex[index] = station
	}
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

// announcer sends gratuitous ARPs. Keys take turns of a burst each, so that the first
// frames of all keys leave before one of them goes on.
type announcer struct {
	// holds lists at most limit addresses of key that are held now, from the given
	// position on.
	holds func(key string, from, limit int) (link int, held []netip.Addr)
	send  func(link int, addresses []netip.Addr)
	wake  chan struct{}

	mu    sync.Mutex // guards what follows
	queue []*round   // at most one for each key
}

// round is the announcement of one key.
type round struct {
	key   string
	next  int  // position of the first address not yet announced
	again bool // asked for again after it had begun
}

func newAnnouncer(holds func(string, int, int) (int, []netip.Addr), stations *stations, log *slog.Logger) *announcer {
	send := func(link int, addresses []netip.Addr) {
		if err := stations.get(link).announce(addresses); err != nil {
			log.Warn("announce addresses", "interface", stations.nameOf(link), "error", err)
		}
	}
	return &announcer{holds: holds, send: send, wake: make(chan struct{}, 1)}
}

func (a *announcer) announce(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer wakeUp(a.wake)
	for _, r := range a.queue {
		if r.key == key {
			r.again = r.next > 0
			return
		}
	}
	a.queue = append(a.queue, &round{key: key})
}

func (a *announcer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		}
		for ctx.Err() == nil && a.turn() {
			runtime.Gosched()
		}
	}
}

// turn sends one burst of the first round in the queue; it is false when there is none.
func (a *announcer) turn() bool {
	key, from, ok := a.first()
	if !ok {
		return false
	}
	link, addresses := a.holds(key, from, burst)
	if len(addresses) > 0 {
		a.send(link, addresses)
	}
	a.requeue(len(addresses))
	return true
}

func (a *announcer) first() (key string, from int, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) == 0 {
		return "", 0, false
	}
	r := a.queue[0]
	from, r.next = r.next, r.next+burst
	return r.key, from, true
}

// requeue puts the first round at the end, unless it is done.
func (a *announcer) requeue(sent int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.queue[0]
	a.queue = a.queue[1:]
	switch {
	case sent == burst: // there may be more
		a.queue = append(a.queue, r)
	case r.again:
		a.queue = append(a.queue, &round{key: r.key})
	}
}

// wakeUp makes the owner of the channel, of capacity one, look again.
func wakeUp(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
