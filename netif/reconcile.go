// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// task is the work on one slot: a Set to carry out, or addresses to look after.
type task struct {
	slot    *slot
	want    Want
	held    []holding
	asked   bool // by a Set, so it is answered in any case
	due     bool // renew what is there, too
	expired bool // what has vanished stays away
	adds    []change
	removes []change
	err     error
}

// task is called with the keeper's mu held.
func (s *slot) task(now time.Time) *task {
	return &task{
		slot:    s,
		want:    s.want,
		held:    s.held,
		asked:   s.asked,
		due:     s.due,
		expired: !s.asked && (s.lapsed || s.ranOut(now)),
	}
}

// reconcile makes true what is wanted: it adds before it deletes.
func (k *keeper) reconcile(tasks []*task) {
	if len(tasks) == 0 {
		return
	}
	there, err := k.look()
	for _, t := range tasks {
		if t.err = err; err == nil {
			t.plan(there)
		}
	}
	now := time.Now()
	k.carryOut(tasks, func(t *task) *[]change { return &t.adds })
	for _, t := range tasks {
		k.concludeAdds(t, there, now)
	}
	k.carryOut(tasks, func(t *task) *[]change { return &t.removes })
	for _, t := range tasks {
		k.concludeRemoves(t)
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

// plan decides what to add and what to delete.
func (t *task) plan(there *survey) {
	if !t.want.Present {
		t.planRemoval(there)
		return
	}
	if t.err = t.refuse(there); t.err != nil {
		return
	}
	for _, p := range t.want.Prefixes {
		c := t.planAdd(there, p)
		if c.verb == add && t.expired {
			t.adds, t.err = nil, fmt.Errorf("%v on %s: %w", c.prefix, there.nameOf(c.link), ErrExpired)
			return
		}
		if c.verb == add || t.asked || t.due {
			t.adds = append(t.adds, c)
		}
	}
	for _, p := range t.abandoned() {
		t.remove(there.ours(p))
	}
}

// refuse returns an error that names the first wanted address that can't be ours:
// somebody else has set it, or it is no IPv4 address.
func (t *task) refuse(there *survey) error {
	for _, p := range t.want.Prefixes {
		if !p.IsValid() || !p.Addr().Is4() {
			return fmt.Errorf("%v is no IPv4 address with a prefix length", p)
		}
		for _, a := range there.at[place{t.want.Link, p.Addr()}] {
			if !there.isOurs(a) {
				return fmt.Errorf("%v on %s: %w", a.prefix(), there.nameOf(a.link), ErrForeign)
			}
		}
	}
	return nil
}

// planAdd plans one wanted address. What a run before us has left under another
// prefix length goes.
func (t *task) planAdd(there *survey, p netip.Prefix) change {
	c := change{verb: add, link: t.want.Link, prefix: t.target(there, p), lease: t.want.Lease}
	for _, a := range there.at[place{t.want.Link, p.Addr()}] {
		if a.prefix() == c.prefix {
			c.verb = refresh
		} else {
			t.remove([]address{a})
		}
	}
	return c
}

// target is the prefix that p goes on with: /32 inside a network that the interface
// has from elsewhere, so that it never becomes primary there, nor goes with it. An
// address that is only looked after keeps its prefix.
func (t *task) target(there *survey, p netip.Prefix) netip.Prefix {
	if !t.asked {
		for _, h := range t.held {
			if h.place() == (place{t.want.Link, p.Addr()}) {
				return h.prefix
			}
		}
	}
	if slices.ContainsFunc(there.networks[t.want.Link], func(n netip.Prefix) bool { return n.Contains(p.Addr()) }) {
		return netip.PrefixFrom(p.Addr(), 32)
	}
	return p
}

// planRemoval plans to delete all that is ours, wanted or once held.
func (t *task) planRemoval(there *survey) {
	t.removes = nil
	if there == nil { // nothing was seen: then what we know of
		for _, h := range t.held {
			t.removes = append(t.removes, change{verb: remove, link: h.link, prefix: h.prefix})
		}
		return
	}
	for _, p := range t.want.Prefixes {
		t.remove(there.ours(place{t.want.Link, p.Addr()}))
	}
	for _, p := range t.abandoned() {
		t.remove(there.ours(p))
	}
}

// abandoned lists what is held and not among the wanted.
func (t *task) abandoned() (places []place) {
	wanted := make(map[place]bool, len(t.want.Prefixes))
	for _, p := range t.want.Prefixes {
		wanted[place{t.want.Link, p.Addr()}] = true
	}
	for _, h := range t.held {
		if !wanted[h.place()] {
			places = append(places, h.place())
		}
	}
	return places
}

func (t *task) remove(addresses []address) {
	for _, a := range addresses {
		t.removes = append(t.removes, change{verb: remove, link: a.link, prefix: a.prefix()})
	}
}

// concludeAdds publishes what is held. When not all could be added, none is kept.
func (k *keeper) concludeAdds(t *task, there *survey, now time.Time) {
	if t.err == nil {
		t.err = k.failure(t.adds)
	}
	switch {
	case t.err != nil:
		t.planRemoval(there)
		t.undo()
		k.publish(t.slot, nil)
	case !t.want.Present:
		k.publish(t.slot, nil)
	case len(t.adds) > 0 || t.asked:
		putBack := slices.ContainsFunc(t.adds, func(c change) bool { return c.verb == add })
		k.publish(t.slot, t.nowHeld(now))
		if t.asked || putBack {
			k.answer(t.slot, true, nil)
		}
	}
}

// undo plans to delete what has just been added.
func (t *task) undo() {
	for _, c := range t.adds {
		if c.verb == add && c.err == nil {
			t.removes = append(t.removes, change{verb: remove, link: c.link, prefix: c.prefix})
		}
	}
}

// nowHeld is what is held after the adds, in the order wanted: those, and what was
// left as it is.
func (t *task) nowHeld(now time.Time) []holding {
	at := make(map[place]holding, len(t.want.Prefixes))
	for _, h := range t.held {
		at[h.place()] = h
	}
	for _, c := range t.adds {
		h := holding{c.link, c.prefix, now}
		at[h.place()] = h
	}
	held := make([]holding, 0, len(t.want.Prefixes))
	for _, p := range t.want.Prefixes {
		held = append(held, at[place{t.want.Link, p.Addr()}])
	}
	return held
}

// concludeRemoves answers the tasks that hold nothing now.
func (k *keeper) concludeRemoves(t *task) {
	failed := k.failure(t.removes)
	if t.err == nil && t.want.Present { // answered already: what is wanted is there
		if failed != nil {
			k.log.Warn("an address that is no longer wanted stays", "key", t.slot.key, "error", failed)
		}
		return
	}
	k.answer(t.slot, false, errors.Join(t.err, failed))
}

// failure sums up the changes that failed, naming the first one. What was to be
// deleted and has gone already, with its interface or without, is no failure.
func (k *keeper) failure(changes []change) error {
	var first error
	more := -1
	for _, c := range changes {
		gone := errors.Is(c.err, unix.EADDRNOTAVAIL) || errors.Is(c.err, unix.ENODEV)
		if c.err == nil || c.verb == remove && gone {
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
	case c.verb == remove:
		return fmt.Errorf("delete %v from %s: %w", c.prefix, where, c.err)
	default:
		return fmt.Errorf("add %v to %s: %w", c.prefix, where, c.err)
	}
}
