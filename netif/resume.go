// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// ErrNothingLeft: a run before us has not left all addresses of a key, in a state to go
// on with.
var ErrNothingLeft = errors.New("there is nothing to go on with")

// Found answers a [Host.Find].
type Found struct {
	Key string
	// Age is how long ago the lease of the first address was renewed, to a hundredth of
	// a second. The first one is renewed with each sign of life; the others need not be.
	Age time.Duration
	// HandedOff: the run before has ended after [Host.Keep], just after a Renew.
	HandedOff bool
	// PassedTo is whom segments to the addresses are passed on to by [Host.Pass] of the
	// run before, whatever Err is; zero: to nobody, or its time is over. One that is
	// link-local is so on the link of the first address.
	PassedTo netip.Addr
	// Err is why there is nothing to go on with; then Age means nothing. It wraps
	// [ErrNothingLeft], unless the kernel could not be asked.
	Err error
}

// handOffTime is how new a Renew is that a hand-off is dated by.
const handOffTime = 100 * time.Millisecond

// find is a question that waits.
type find struct {
	key  string
	want Want
}

// Find looks whether a run before us has left everything that w wants, and how old it
// is: the addresses are at their places with the prefix that Set would give them, all
// tagged as ours and none as leaving, and the virtual link is up. It is answered by
// [Events].Found and returns at once. It changes no address: whoever wants to go on with
// what is there calls Set, which keeps it as it is, and whoever does not calls Set, too.
func (h *Host) Find(key string, w Want) { h.keeper.ask(find{key, w}) }

// Keep makes the end of Run leave everything as it is, for a next run to go on with:
// addresses, routes, virtual links, and the packet filter.
func (h *Host) Keep() {
	h.filter.Keep()
	h.keeper.mu.Lock()
	defer h.keeper.mu.Unlock()
	h.keeper.keep = true
}

func (k *keeper) keeps() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keep
}

// handOff dates and marks the first address of each key that has just been claimed: the
// lease is not renewed as often as that, and the next run shall see it.
func (k *keeper) handOff() {
	var changes []change
	k.mu.Lock()
	for _, s := range k.slots {
		if now := time.Now(); s.held != nil && !s.want.Leaving && !s.lapsed && !s.overdue(now) && now.Sub(s.claimed) < handOffTime {
			c := s.held[0].change(refresh, s.want.Lease)
			c.tag = handedTag
			changes = append(changes, c)
		}
	}
	k.mu.Unlock()
	k.rtnl.apply(changes)
	if err := k.failure(changes); err != nil {
		k.log.Warn("the next run may not go on with an address", "error", err)
	}
}

func (k *keeper) ask(f find) {
	f.want.Addresses = slices.Clone(f.want.Addresses)
	k.mu.Lock()
	k.finds = append(k.finds, f)
	k.mu.Unlock()
	wakeUp(k.wake)
}

func (k *keeper) takeFinds() []find {
	k.mu.Lock()
	defer k.mu.Unlock()
	finds := k.finds
	k.finds = nil
	return finds
}

// search answers questions: one look for all of them.
func (k *keeper) search(finds []find) {
	if len(finds) == 0 {
		return
	}
	tasks := make([]*task, len(finds))
	for i, f := range finds {
		tasks[i] = &task{want: f.want, asked: true}
		k.locate(tasks[i])
	}
	there, err := k.look(concern(tasks))
	now, clockErr := ticksNow()
	for i, f := range finds {
		failed := errors.Join(tasks[i].err, err, clockErr)
		var first address
		if failed == nil {
			first, failed = k.whole(tasks[i], there)
		}
		k.found(Found{
			Key:       f.key,
			Age:       ticksSince(first.stamp, now),
			HandedOff: first.tag == handedTag,
			PassedTo:  k.filter.PassedTo(f.want.addresses()),
			Err:       failed,
		})
	}
}

// whole makes sure that all that is wanted is there, and returns the first address.
func (k *keeper) whole(t *task, there *survey) (first address, err error) {
	if !k.tagging {
		return first, fmt.Errorf("%w: this kernel keeps no tags", ErrNothingLeft)
	}
	for i, wanted := range t.wanted {
		wanted.Prefix = t.target(there, wanted)
		at := there.at[wanted.place()]
		if len(at) != 1 || at[0].prefix() != wanted.Prefix || at[0].tag != addressTag && at[0].tag != handedTag {
			return first, fmt.Errorf("%w: %v on %s: %s", ErrNothingLeft, wanted.Prefix, k.nameOf(wanted.Link), shortfall(at))
		}
		if i == 0 {
			first = at[0]
		}
	}
	if len(t.wanted) == 0 {
		return first, fmt.Errorf("%w: no address is wanted", ErrNothingLeft)
	}
	return first, k.upright(t.virtual)
}

// shortfall says what is wrong with what is at a place.
func shortfall(at []address) string {
	switch {
	case len(at) == 0:
		return "it is not there"
	case slices.ContainsFunc(at, func(a address) bool { return a.tag == leavingTag }):
		return "it was being released"
	case slices.ContainsFunc(at, func(a address) bool { return !a.tagged() }):
		return "it is not ours"
	}
	return "its prefix length is another"
}

// upright makes sure that a virtual link, if there is one, is up: on one that is down
// nobody reaches an address.
func (k *keeper) upright(v virtualLink) error {
	if v.index == 0 {
		return nil
	}
	link, err := k.handle.LinkByIndex(v.index)
	if err != nil {
		return fmt.Errorf("find virtual link %s: %w", v.Name, err)
	}
	if link.Attrs().Flags&net.FlagUp == 0 {
		return fmt.Errorf("%w: virtual link %s is down", ErrNothingLeft, v.Name)
	}
	return nil
}
