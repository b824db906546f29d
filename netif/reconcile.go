// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"vipd/netif/route"
)

// task is the work on one slot: a Set to carry out, or addresses to look after.
type task struct {
	slot    *slot
	want    Want
	held    []holding
	wanted  []Address // at their places: a virtual link instead of its parent
	virtual virtualLink
	left    int  // the virtual link that its addresses leave, if another one
	asked   bool // by a Set, so it is answered in any case
	due     bool // renew what is there, too
	downed  bool // the virtual link was
	late    bool // the kernel may have ended a lease
	expired bool // what has vanished stays away
	adds    []change
	removes []change
	err     error

	routeErr error // of those that are not wanted

	networks []Route                   // to addresses that drain
	shared   []Route                   // those of other slots, to networks that this one leaves
	own      map[netip.Addr]netip.Addr // of this host, by those that drain
}

// task is called with the keeper's mu held.
func (s *slot) task(now time.Time) *task {
	return &task{
		slot:    s,
		want:    s.want,
		held:    s.held,
		asked:   s.asked,
		due:     s.due,
		downed:  s.downed,
		late:    s.want.Lease > 0 && s.overdue(now),
		expired: !s.asked && (s.lapsed || s.ranOut(now)),
	}
}

// reconcile makes true what is wanted: it adds before it deletes.
func (k *keeper) reconcile(tasks []*task) {
	if len(tasks) == 0 {
		return
	}
	for _, t := range tasks {
		k.locate(t)
	}
	there, err := k.look(concern(tasks))
	for _, t := range tasks {
		if t.err = errors.Join(t.err, err); t.err == nil {
			t.plan(there)
		}
	}
	spare(tasks)
	k.resetOn(tasks) // a RST may need the routes
	k.withdrawRoutes(tasks)
	k.awaitPassing(tasks)
	now := time.Now()
	k.carryOut(tasks, func(t *task) *[]change { return &t.adds })
	k.awaitLocal(tasks)
	for _, t := range tasks {
		k.concludeAdds(t, there, now)
	}
	k.resetOn(slices.DeleteFunc(slices.Clone(tasks), func(t *task) bool { return !t.want.Present })) // those that failed
	k.withdrawNetworks(tasks)
	k.awaitMoved(tasks)
	k.carryOut(tasks, func(t *task) *[]change { return &t.removes })
	for _, t := range tasks {
		k.restoreNetworks(t)
		k.speak(t, true) // what has gone is silent to its end
		k.concludeRemoves(t)
	}
}

// locate works out where a task's addresses go. Its virtual link is made if need be,
// and stays down until there are addresses on it.
func (k *keeper) locate(t *task) {
	t.wanted = slices.Clone(t.want.Addresses)
	for _, h := range t.held {
		if l, ok := k.virtual.at(h.Link); ok && (l.Name != t.want.VirtualLink || t.want.drains()) {
			t.left = l.index
		}
	}
	if t.want.drains() {
		t.toLoopback()
		if slices.ContainsFunc(t.wanted, func(a Address) bool { return a.Prefix.Addr().Is4() }) {
			t.err = k.filter.CanDrain()
		}
		return
	}
	if t.want.VirtualLink == "" {
		return
	}
	if !t.asked { // somebody touched it: it may have gone unheard
		k.virtual.forget(t.want.VirtualLink)
	}
	t.virtual, t.err = k.virtual.ensure(t.want.VirtualLink)
	if !t.want.Present && errors.Is(t.err, errNoParent) { // its virtual link has gone with it
		t.err = nil
	}
	for i := range t.wanted {
		if t.virtual.index > 0 && t.wanted[i].Link == t.virtual.parent {
			t.wanted[i].Link = t.virtual.index
		}
	}
}

// spare keeps what one task would delete and another one has added: an address may
// move from key to key, and its virtual link stays up then.
func spare(tasks []*task) {
	type target struct {
		link   int
		prefix netip.Prefix
	}
	added, raised := make(map[target]bool), make(map[int]bool)
	for _, t := range tasks {
		raised[t.virtual.index] = raised[t.virtual.index] || t.want.Present
		for _, c := range t.adds {
			added[target{c.link, c.prefix}] = true
		}
	}
	for _, t := range tasks {
		t.removes = slices.DeleteFunc(t.removes, func(c change) bool {
			return c.verb == remove && added[target{c.link, c.prefix}] || c.verb == lower && raised[c.link]
		})
	}
}

// carryOut makes one kind of the tasks' changes, in common batches.
func (k *keeper) carryOut(tasks []*task, kind func(*task) *[]change) {
	var batch []change
	for _, t := range tasks {
		batch = append(batch, *kind(t)...)
	}
	k.rtnl.apply(batch)
	for _, t := range tasks {
		batch = batch[copy(*kind(t), batch):]
	}
}

// concludeAdds publishes what is held. When not all could be added, none is kept.
func (k *keeper) concludeAdds(t *task, there *survey, now time.Time) {
	if t.err == nil {
		t.err = k.failure(t.adds)
	}
	if t.err == nil && t.want.Present {
		t.err = k.addRoutes(t)
	}
	switch {
	case t.err != nil:
		t.planRemoval(there)
		t.undo()
		k.publish(t.slot, nil)
	case !t.want.Present:
		k.publish(t.slot, nil)
	case len(t.adds) > 0 || t.asked:
		t.slot.added = append(t.slot.added, t.added()...)
		k.publish(t.slot, t.nowHeld(now))
		k.speak(t, false)
		if t.asked || len(t.slot.added) > 0 {
			k.answer(Holding{Key: t.slot.key, Held: true, Added: t.slot.added, PutBack: !t.asked && !t.late}, t.slot)
		}
	}
}

// added lists the addresses that were not there before, or not to be reached: those on
// a virtual link that was down.
func (t *task) added() (all []netip.Addr) {
	if t.downed {
		for _, a := range t.wanted {
			all = append(all, a.Prefix.Addr())
		}
		return all
	}
	for _, c := range t.adds {
		if c.verb == add {
			all = append(all, c.prefix.Addr())
		}
	}
	return all
}

// addRoutes adds the routes, which may need the addresses.
func (k *keeper) addRoutes(t *task) error {
	routes := slices.Concat(t.want.Routes, t.networks)
	if len(routes) == 0 {
		return nil
	}
	t.slot.routes = t.want.Routes
	for _, r := range t.networks {
		if !slices.Contains(t.slot.networks, r) {
			t.slot.networks = append(t.slot.networks, r)
		}
	}
	if err := route.Add(k.handle, routes); err != nil {
		return errors.Join(err, route.Remove(k.handle, routes))
	}
	return nil
}

// withdrawRoutes removes the routes of tasks that are to hold nothing, before their
// addresses go, and those that are no longer wanted.
func (k *keeper) withdrawRoutes(tasks []*task) {
	for _, t := range tasks {
		leaving := t.slot.routes
		if t.want.Present {
			leaving = slices.DeleteFunc(slices.Clone(leaving), func(r Route) bool { return slices.Contains(t.want.Routes, r) })
		} else {
			leaving = append(slices.Clone(leaving), t.want.Routes...)
		}
		if err := route.Remove(k.handle, leaving); err != nil {
			t.routeErr = err
		}
		if !t.want.Present {
			t.slot.routes = nil
		}
	}
}

// speak tells for which addresses ARP and ND are not answered, when that changes. A Set
// that came during the task does not count yet. What begins to drain is silent until the
// packet filter speaks for it.
func (k *keeper) speak(t *task, gone bool) {
	s := t.slot
	k.mu.Lock()
	there := t.want.Present && s.held != nil
	drained, silenced := s.drains, s.silent
	drains := there && t.want.Draining
	silent := there && t.want.Silent && (!drains || !gone && (silenced || !drained))
	s.drains, s.silent = drains, silent
	var addresses []netip.Addr
	for _, h := range s.held {
		if silent {
			addresses = append(addresses, h.Prefix.Addr())
		}
	}
	k.mu.Unlock()
	if drains && t.asked {
		k.filter.Drain(s.key, t.own)
	}
	if silent != silenced {
		k.silence(s.key, addresses)
	}
	if drained && !drains {
		k.filter.Drain(s.key, nil)
	}
}

// undo plans to delete what has just been added.
func (t *task) undo() {
	for _, c := range t.adds {
		if c.verb == add && c.err == nil {
			t.removes = append([]change{{verb: remove, link: c.link, prefix: c.prefix}}, t.removes...)
		}
	}
}

// nowHeld is what is held after the adds, in the order wanted: those, and what was
// left as it is.
func (t *task) nowHeld(now time.Time) []holding {
	at := make(map[place]holding, len(t.wanted))
	for _, h := range t.held {
		at[h.place()] = h
	}
	for _, c := range t.adds {
		if c.verb == add || c.verb == refresh {
			at[c.place()] = holding{Address: Address{c.link, c.prefix, c.label, c.scope}, renewed: now}
		}
	}
	held := make([]holding, 0, len(t.wanted))
	for i, a := range t.wanted {
		h := at[a.place()]
		h.wanted, h.lease = a, t.want.leaseOf(i)
		held = append(held, h)
	}
	return held
}

// concludeRemoves answers the tasks that hold nothing now.
func (k *keeper) concludeRemoves(t *task) {
	failed := errors.Join(t.routeErr, k.failure(t.removes))
	if t.err == nil && t.want.Present { // answered already: what is wanted is there
		if failed != nil {
			k.log.Warn("an address that is no longer wanted stays", "key", t.slot.key, "error", failed)
		}
		return
	}
	k.answer(Holding{Key: t.slot.key, Err: errors.Join(t.err, failed)}, t.slot)
}

// failure sums up the changes that failed, naming the first one. What was to be
// deleted and has gone already, with its interface or without, is no failure.
func (k *keeper) failure(changes []change) error {
	var first error
	more := -1
	for _, c := range changes {
		gone := errors.Is(c.err, unix.EADDRNOTAVAIL) || errors.Is(c.err, unix.ENODEV)
		if c.err == nil || (c.verb == remove || c.verb == lower) && gone {
			continue
		}
		if more++; first == nil {
			first = k.describe(c)
		}
	}
	if more > 0 {
		return fmt.Errorf("%w (and %d more)", first, more)
	}
	return first
}

func (k *keeper) describe(c change) error {
	where := k.nameOf(c.link)
	switch {
	case errors.Is(c.err, unix.EEXIST): // it came after we looked
		return fmt.Errorf("%v on %s: %w", c.prefix, where, ErrForeign)
	case errors.Is(c.err, unix.ENODEV):
		return fmt.Errorf("%s is gone: %w", where, c.err)
	case c.verb == raise, c.verb == lower:
		return fmt.Errorf("set %s up or down: %w", where, c.err)
	case c.verb == remove:
		return fmt.Errorf("delete %v from %s: %w", c.prefix, where, c.err)
	default:
		return fmt.Errorf("add %v to %s: %w", c.prefix, where, c.err)
	}
}
