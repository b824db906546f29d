// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

var (
	// ErrExpired: the lease ran out before it was renewed, and the kernel removed the
	// address. It is not put back.
	ErrExpired = errors.New("the lease ran out before it was renewed")
	// ErrForeign: the address is on the interface already, set by somebody else. It is
	// never touched.
	ErrForeign = errors.New("the address is there already and not ours")
)

// Want is the wanted state of the addresses of one key.
type Want struct {
	Link     int            // index of the interface
	Prefixes []netip.Prefix // IPv4; one inside a network of the interface goes on as /32
	// Present: all of them are there as ours. Else none of them is, with whatever
	// prefix length: what a run before us has left is removed.
	Present bool
	Lease   time.Duration // the kernel's lifetime, rounded up to a second; 0: for ever
}

// Holding says what is true of the addresses of one key: after each Set, and when it
// changed without one.
//
//   - Held: all are there. It is repeated when one was deleted and has been put back.
//   - not Held, no Err: none is there, as wanted.
//   - not Held, Err: they are wanted, but one could not be set or kept; none is kept,
//     and there is no further attempt until the next Set. Or they are not wanted, and
//     one could not be deleted. Err names the address; it may wrap [ErrForeign],
//     [ErrExpired] or a system call's errno.
type Holding struct {
	Key  string
	Held bool
	Err  error
}

// keeper owns the addresses: its goroutine alone writes them.
type keeper struct {
	rtnl   *rtnl
	nameOf func(link int) string
	report func(Holding)
	log    *slog.Logger
	wake   chan struct{}

	mu      sync.Mutex // guards what follows
	tagging bool       // the kernel keeps IFA_PROTO
	slots   map[string]*slot
	queue   []*slot         // those with something to do, in the order of asking
	owners  map[place]*slot // who holds an address; like held, only the goroutine writes it
}

// place is an address on a link, whatever its prefix length.
type place struct {
	link int
	ip   netip.Addr
}

// slot is what the keeper knows of one key.
type slot struct {
	key     string
	want    Want
	held    []holding // nil: nothing
	alive   time.Time // the last Set or Renew: the sign of life that the lease stands for
	lapsed  bool      // at some Renew the sign before was older than the lease
	queued  bool
	asked   bool // a Set waits for its answer
	suspect bool // somebody touched an address that is held
	due     bool // a Renew waits
}

// holding is one address that is there as ours.
type holding struct {
	link    int
	prefix  netip.Prefix
	renewed time.Time // just before the kernel was told
}

func (h holding) place() place { return place{h.link, h.prefix.Addr()} }

func newKeeper(rtnl *rtnl, nameOf func(int) string, report func(Holding), log *slog.Logger) *keeper {
	return &keeper{
		rtnl:    rtnl,
		nameOf:  nameOf,
		report:  report,
		log:     log,
		wake:    make(chan struct{}, 1),
		tagging: kernelTags(),
		slots:   make(map[string]*slot),
		owners:  make(map[place]*slot),
	}
}

func (k *keeper) set(key string, w Want) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.slots[key]
	if s == nil {
		s = &slot{key: key}
		k.slots[key] = s
	}
	w.Prefixes = slices.Clone(w.Prefixes)
	s.want, s.asked, s.alive, s.lapsed = w, true, time.Now(), false
	k.enqueue(s)
}

// notice is told of an address that somebody, perhaps we, set or deleted.
func (k *keeper) notice(a address, there bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.owners[place{a.link, a.local}]
	if s == nil || there && (a.tag == addressTag || !k.tagging) {
		return
	}
	s.suspect = true
	k.enqueue(s)
}

// suspectAll: notifications were lost, any address may have gone.
func (k *keeper) suspectAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.slots {
		if s.held != nil {
			s.suspect = true
			k.enqueue(s)
		}
	}
}

// enqueue is called with mu held.
func (k *keeper) enqueue(s *slot) {
	if !s.queued {
		s.queued = true
		k.queue = append(k.queue, s)
	}
	wakeUp(k.wake)
}

// holds lists at most limit addresses that key holds and still wants, from the given
// position on.
func (k *keeper) holds(key string, from, limit int) (link int, held []netip.Addr) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.slots[key]
	if s == nil || !s.want.Present || from >= len(s.held) {
		return 0, nil
	}
	for _, h := range s.held[from:min(from+limit, len(s.held))] {
		held = append(held, h.prefix.Addr())
	}
	return s.held[0].link, held
}

// run works until ctx ends, then on the deletions that were asked for until then.
func (k *keeper) run(ctx context.Context) {
	defer k.rtnl.close()
	for {
		select {
		case <-ctx.Done():
			tasks, _ := k.take()
			k.reconcile(slices.DeleteFunc(tasks, func(t *task) bool { return t.want.Present }))
			return
		case <-k.wake:
			tasks, renewals := k.take()
			k.reconcile(tasks)
			k.refresh(renewals)
		}
	}
}

// take empties the queue. Slots that only want their lease renewed come apart.
func (k *keeper) take() (tasks []*task, renewals []*slot) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for _, s := range k.queue {
		late := s.due && s.overdue(now)
		switch {
		case s.asked || s.held != nil && (s.suspect || s.lapsed || late):
			tasks = append(tasks, s.task(now))
		case s.held != nil && s.due:
			renewals = append(renewals, s)
		}
		s.queued, s.asked, s.suspect, s.lapsed, s.due = false, false, false, false, false
	}
	k.queue = nil
	return tasks, renewals
}

// publish makes held what the slot holds. It is called before addresses are deleted
// and after they are added: nobody announces one that is not there, and nobody takes
// our own deletion for another's.
func (k *keeper) publish(s *slot, held []holding) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range s.held {
		if k.owners[h.place()] == s {
			delete(k.owners, h.place())
		}
	}
	s.held = held
	for _, h := range held {
		k.owners[h.place()] = s
	}
}

// answer reports, unless a later Set asks for another answer.
func (k *keeper) answer(s *slot, held bool, err error) {
	k.mu.Lock()
	superseded := s.asked
	k.mu.Unlock()
	if !superseded {
		k.report(Holding{Key: s.key, Held: held, Err: err})
	}
}
