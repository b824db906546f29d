// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// plan decides what to add and what to delete.
func (t *task) plan(there *survey) {
	if !t.want.Present {
		t.planRemoval(there)
		t.planLeftNetworks(there)
		return
	}
	if t.err = t.refuse(there); t.err != nil {
		return
	}
	for i, a := range t.wanted {
		if t.asked && t.stays(there, i) {
			continue
		}
		c := t.planAdd(there, a, t.want.leaseOf(i))
		if c.verb == add && t.expired {
			t.adds, t.err = nil, fmt.Errorf("%v on %s: %w", c.prefix, there.nameOf(c.link), ErrExpired)
			return
		}
		if c.verb == add || t.asked || t.due {
			t.adds = append(t.adds, c)
		}
	}
	if t.virtual.index > 0 {
		t.adds = append([]change{{verb: raise, link: t.virtual.index}}, t.adds...)
	}
	t.planStrays(there)
	t.planDrain(there)
}

// refuse returns an error that names the first wanted address that can't be ours:
// somebody else has set it, its interface is missing, or it is no address.
func (t *task) refuse(there *survey) error {
	for _, wanted := range t.wanted {
		if !wanted.Prefix.IsValid() || wanted.Prefix.Addr().Is4In6() {
			return fmt.Errorf("%v is no address with a prefix length", wanted.Prefix)
		}
		if wanted.Link <= 0 {
			return fmt.Errorf("%v: its interface is missing", wanted.Prefix)
		}
		for _, a := range there.at[wanted.place()] {
			if !there.isOurs(a) {
				return fmt.Errorf("%v on %s: %w", a.prefix(), there.nameOf(a.link), ErrForeign)
			}
		}
	}
	return nil
}

// stays tells whether a Set leaves the i-th address alone: it is there as wanted, with
// the tag that it shall have, and it is too early to renew it.
func (t *task) stays(there *survey, i int) bool {
	wanted := t.wanted[i]
	at := there.at[wanted.place()]
	known := slices.IndexFunc(t.held, func(h holding) bool { return h.wanted == wanted })
	if known < 0 || len(at) != 1 {
		return false
	}
	h, a := t.held[known], at[0]
	return h.lease == t.want.leaseOf(i) && !t.want.isStale(i, h.renewed) &&
		a.prefix() == h.Prefix && a.looksLike(wanted) && (a.tag == t.want.tag() || !a.tagged())
}

// tag is what marks the addresses.
func (w *Want) tag() uint8 {
	if w.Leaving || w.Draining {
		return leavingTag
	}
	return addressTag
}

// planAdd plans one wanted address. What a run before us has left under another
// prefix length goes afterwards. What the kernel would not have beside it goes just
// before, in the same batch: the same prefix with another label or scope, and over
// IPv6 any other prefix length.
func (t *task) planAdd(there *survey, wanted Address, lease time.Duration) change {
	wanted.Prefix = t.target(there, wanted)
	c := wanted.change(add, lease)
	c.tag = t.want.tag()
	for _, a := range there.at[wanted.place()] {
		switch {
		case a.prefix() == c.prefix && a.looksLike(wanted):
			c.verb = refresh
		case a.prefix() == c.prefix || a.local.Is6():
			t.adds = append(t.adds, change{verb: remove, link: a.link, prefix: a.prefix()})
		default:
			t.remove([]address{a})
		}
	}
	return c
}

// looksLike compares label and scope. An IPv6 address has no label, and its own scope.
func (a address) looksLike(wanted Address) bool {
	return a.local.Is6() || a.scope == wanted.Scope && (a.label == wanted.Label || wanted.Label == "" && a.plain)
}

// isAround tells whether a stray is where this key may have left it. A link-local
// address is another one on each interface: it is so on the wanted one and the virtual
// link alone.
func (t *task) isAround(stray address, wanted Address) bool {
	if !stray.local.IsLinkLocalUnicast() || stray.link == wanted.Link {
		return true
	}
	return t.virtual.index > 0 && (stray.link == t.virtual.index || stray.link == t.virtual.parent)
}

// change is a change of an address.
func (a Address) change(v verb, lease time.Duration) change {
	return change{verb: v, link: a.Link, prefix: a.Prefix, label: a.Label, scope: a.Scope, lease: lease, tag: addressTag}
}

// target is the prefix that an address goes on with: a host's, inside a network that
// the interface has from elsewhere, so that it never becomes primary there, nor goes
// with it. An address that is only looked after keeps its prefix.
func (t *task) target(there *survey, wanted Address) netip.Prefix {
	if !t.asked {
		for _, h := range t.held {
			if h.place() == wanted.place() {
				return h.Prefix
			}
		}
	}
	ip := wanted.Prefix.Addr()
	networks := there.networks[wanted.Link]
	if wanted.Link == t.virtual.index {
		networks = there.networks[t.virtual.parent] // a route by the virtual link would compete with its parent's
	}
	if slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(ip) }) {
		return netip.PrefixFrom(ip, ip.BitLen())
	}
	return wanted.Prefix
}

// planRemoval plans to delete all that is ours, wanted or once held. The virtual link
// goes down with its last address: its parting reports would pull the switch back.
func (t *task) planRemoval(there *survey) {
	t.removes = nil
	if there == nil { // nothing was seen: then what we know of
		for _, h := range t.held {
			t.removes = append(t.removes, h.change(remove, 0))
		}
	} else {
		for _, a := range t.wanted {
			t.remove(there.ours(a.place()))
		}
		t.planStrays(there)
	}
	if t.virtual.index > 0 {
		t.removes = append(t.removes, change{verb: lower, link: t.virtual.index})
	}
}

// planStrays plans to delete what is ours and where it should not be: what was held
// and is not wanted any more, and wanted addresses that a run before us has left on
// another link.
func (t *task) planStrays(there *survey) {
	wanted := make(map[place]bool, len(t.wanted))
	for _, a := range t.wanted {
		wanted[a.place()] = true
	}
	for _, h := range t.held {
		if !wanted[h.place()] && !there.isAnothers(h.place(), t.slot) {
			t.remove(there.ours(h.place()))
		}
	}
	if t.left > 0 {
		t.removes = append(t.removes, change{verb: lower, link: t.left})
	}
	if !t.asked {
		return
	}
	for _, a := range t.wanted {
		for _, stray := range there.of[a.Prefix.Addr()] {
			p := place{stray.link, stray.local}
			if !wanted[p] && !there.isHeld(p) && there.isOurs(stray) && t.isAround(stray, a) {
				t.remove([]address{stray})
			}
		}
	}
}

func (t *task) remove(addresses []address) {
	for _, a := range addresses {
		t.removes = append(t.removes, change{verb: remove, link: a.link, prefix: a.prefix()})
	}
}
