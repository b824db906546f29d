// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"

	"github.com/mdlayher/packet"
)

// burst is how many frames go out back-to-back before the next key has its turn.
const burst = 64

// station is how a followed link speaks Ethernet.
type station struct {
	name     string
	mtu      int
	hardware net.HardwareAddr // nil: it speaks neither ARP nor ND
	frames   *packet.Conn     // nil: not open
}

// stations are the followed links that exist, by index. The watcher and the ports
// write them, the others look them up.
type stations struct {
	mu      sync.Mutex // guards what follows
	byIndex map[int]station
}

// set tells whether the link has another hardware address than before.
func (s *stations) set(l link) (moved bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.byIndex[l.index]
	s.byIndex[l.index] = station{l.name, l.mtu, l.hardware, before.frames}
	return before.hardware != nil && !bytes.Equal(before.hardware, l.hardware)
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

	mu    sync.Mutex // guards what follows
	queue []*round   // at most one for each key
}

// round is the announcement of one key.
type round struct {
	key   string
	next  int  // position of the first address not yet announced
	again bool // asked for again after it had begun
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
	held := a.holds(key, from, burst)
	if len(held) > 0 {
		a.send(held)
	}
	a.requeue(len(held))
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
