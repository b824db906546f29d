// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"slices"
	"time"
)

// reconfigure takes over a changed configuration of the same virtual router. State,
// counters and what was heard of others stay, and nothing is sent for it: the next
// advert says what is new. Timers follow from the new values as they follow from the
// old ones: what has run of them has run. A changed priority is told by Priority.
func (r *Router) reconfigure(now time.Time, p Params) {
	if r.state == Active {
		r.interval = p.Interval
		if next := now.Add(p.Interval); next.Before(r.advert) {
			r.advert = next // a shorter interval: the Backups may know it before its first advert
		}
	} else if !r.followed.source.IsValid() { // else it is the Active's
		r.interval = p.Interval
	}
	if !r.notBefore.IsZero() {
		r.notBefore = r.notBefore.Add(p.StartDelay - r.params.StartDelay)
	}
	if !r.preemptAt.IsZero() {
		r.preemptAt = r.preemptAt.Add(p.PreemptDelay - r.params.PreemptDelay)
	}
	if r.drains() {
		r.draining.ends = r.draining.ends.Add(p.Drain - r.params.Drain)
	}
	r.reconfigurePassing(now, p.Drain)
	before := r.params
	r.params, r.advertised = p, addressSet(p.Addresses)
	if !slices.Equal(before.Announce, p.Announce) || before.Refresh != p.Refresh {
		r.announce.replan(p, now)
	}
	if !p.Probe {
		r.down.lost = time.Time{}
	}
	r.outgoing = r.keepForms(before.Checksum)
	if r.state == Backup {
		r.judgeFollowed(now)
	}
}

// reconfigurePassing follows a changed Drain: the router that is passed to has the same.
// What is passed on to a successor is not for that long.
func (r *Router) reconfigurePassing(now time.Time, drain time.Duration) {
	switch {
	case drain == 0:
		r.passing.limit = now
		if r.passes() {
			r.passing.ends = now
		}
	case r.state == Active || r.passing.to != r.successor:
		r.passing.limit = r.passing.limit.Add(drain - r.params.Drain)
	}
}

// keepForms lists the destinations anew. Those that stay keep what was learned of them:
// the checksum under the same policy, and that there shall be no derived address as long
// as there is one.
func (r *Router) keepForms(before ChecksumPolicy) []outgoing {
	all := newOutgoing(&r.params)
	for i := range all {
		to := &all[i]
		for _, known := range r.outgoing {
			if known.destination != to.destination {
				continue
			}
			if before == r.params.Checksum {
				to.plain = known.plain
			}
			to.bare = known.bare && r.params.DerivedLinkLocal
		}
	}
	return all
}

// addressSet is for compare.
func addressSet(addresses []netip.Addr) map[netip.Addr]bool {
	set := make(map[netip.Addr]bool, len(addresses))
	for _, address := range addresses {
		set[address] = true
	}
	return set
}
