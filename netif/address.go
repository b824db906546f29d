// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"

	"vipd/netif/filter"
)

// keeper owns the addresses: its goroutine alone writes them, their routes and their
// virtual links.
type keeper struct {
	rtnl    *rtnl
	handle  *netlink.Handle // for routes
	virtual *virtualLinks
	silence func(key string, addresses []netip.Addr) // no addresses: they are answered
	filter  *filter.Filter
	nameOf  func(link int) string
	report  func(Holding)
	found   func(Found)
	log     *slog.Logger
	wake    chan struct{}

	mu      sync.Mutex // guards what follows
	tagging bool       // the kernel keeps IFA_PROTO
	slots   map[string]*slot
	finds   []find          // not answered yet
	keep    bool            // at the end everything stays
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
	key      string
	want     Want
	held     []holding    // nil: nothing
	routes   []Route      // what is there of ours
	networks []Route      // the same, of addresses that drain
	added    []netip.Addr // and not told yet; the goroutine's own
	alive    time.Time    // the last Set or Renew: the sign of life that the lease stands for
	claimed  time.Time    // the last Renew
	lapsed   bool         // at some Renew the sign before was older than the lease
	queued   bool
	asked    bool // a Set waits for its answer
	suspect  bool // somebody touched an address that is held
	downed   bool // somebody set its virtual link down, or deleted it
	due      bool // a Renew waits
	silent   bool // what silence was told
	drains   bool // what the filter was told
	known    bool // what a run before us may have left of its networks has been looked for

	looks looks // at what somebody touched
}

// holding is one address that is there as ours.
type holding struct {
	Address               // at its place, with its prefix
	wanted  Address       // what was asked for, at its place
	lease   time.Duration // asked for
	renewed time.Time     // just before the kernel was told
}

func (a Address) place() place { return place{a.Link, a.Prefix.Addr()} }

func newKeeper(rtnl *rtnl, virtual *virtualLinks, nameOf func(int) string, c Config) *keeper {
	return &keeper{
		rtnl:    rtnl,
		handle:  virtual.handle,
		virtual: virtual,
		nameOf: func(link int) string {
			if l, ok := virtual.at(link); ok {
				return fmt.Sprintf("interface %s (index %d)", l.Name, link)
			}
			return nameOf(link)
		},
		report:  c.Events.Holding,
		found:   c.Events.Found,
		log:     c.Log,
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
	w.Addresses, w.Routes = slices.Clone(w.Addresses), slices.Clone(w.Routes)
	s.want, s.asked, s.alive, s.lapsed = w, true, time.Now(), false
	k.enqueue(s)
}

// notice is told of an address that somebody, perhaps we, set or deleted.
func (k *keeper) notice(a address, there bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.owners[place{a.link, a.local}]
	if s == nil || there && (a.tagged() || !k.tagging) {
		return
	}
	k.suspect(s)
}

// suspectAll: notifications were lost, any address may have gone.
func (k *keeper) suspectAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.slots {
		if s.held != nil {
			k.suspect(s)
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

// noticeLink is told of a link that changed: a virtual one may have gone, or have been
// set down by somebody.
func (k *keeper) noticeLink(index int, up, there bool) {
	switch l, ok := k.virtual.at(index); {
	case !ok || there && up:
		return
	case !there:
		k.virtual.forget(l.Name)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.slots {
		if slices.ContainsFunc(s.held, func(h holding) bool { return h.Link == index }) {
			s.downed = true
			k.suspect(s)
		}
	}
}

// suspectRoutes: somebody, perhaps we, deleted a route of ours.
func (k *keeper) suspectRoutes() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.slots {
		if s.held != nil && len(s.want.Routes) > 0 {
			k.suspect(s)
		}
	}
}

// holds lists at most limit addresses that key holds and still wants, from the given
// position on.
func (k *keeper) holds(key string, from, limit int) (held []announced) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.slots[key]
	if s == nil || !s.want.Present || s.want.Silent || s.want.Draining || from >= len(s.held) {
		return nil
	}
	for _, h := range s.held[from:min(from+limit, len(s.held))] {
		a := announced{ip: h.Prefix.Addr(), link: h.Link}
		if l, ok := k.virtual.at(h.Link); ok {
			a.link, a.virtual, a.hardware = l.parent, l.Name, l.hardware
		}
		held = append(held, a)
	}
	return held
}

// linkName is the name of a link, as labels have it by default.
func (k *keeper) linkName(index int) string {
	if l, ok := k.virtual.at(index); ok {
		return l.Name
	}
	return k.virtual.stations.get(index).name
}

// keysOn lists the keys that hold addresses on a link.
func (k *keeper) keysOn(link int) (keys []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, s := range k.slots {
		if slices.ContainsFunc(s.held, func(h holding) bool { return h.Link == link }) {
			keys = append(keys, key)
		}
	}
	return keys
}

// run works until ctx ends, then on the deletions that were asked for until then.
func (k *keeper) run(ctx context.Context) {
	defer k.handle.Close()
	defer k.rtnl.close()
	for {
		select {
		case <-ctx.Done():
			k.finish()
			return
		case <-k.wake:
			k.search(k.takeFinds())
			tasks, renewals := k.take()
			k.reconcile(tasks)
			k.refresh(renewals)
			if err := k.virtual.removeSuperfluous(); err != nil {
				k.log.Error("remove the virtual links", "error", err)
			}
		}
	}
}

// finish makes the deletions that were asked for, also of what drains, and removes the virtual links; or it
// leaves everything as it was asked for.
func (k *keeper) finish() {
	if k.keeps() {
		tasks, _ := k.take()
		k.reconcile(tasks)
		k.handOff()
		return
	}
	k.endDrains()
	tasks, _ := k.take()
	k.reconcile(slices.DeleteFunc(tasks, func(t *task) bool { return t.want.Present }))
	if err := k.virtual.removeAll(); err != nil {
		k.log.Error("remove the virtual links", "error", err)
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
		s.downed = s.downed && s.looks.waiting
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
func (k *keeper) answer(h Holding, s *slot) {
	k.mu.Lock()
	superseded := s.asked
	k.mu.Unlock()
	if !superseded {
		s.added = nil
		k.report(h)
	}
}
