// SPDX-License-Identifier: Apache-2.0

package netif

import "time"

const (
	// renewPause bounds how often a lease is renewed: each time is told to every
	// netlink listener of the host.
	renewPause = time.Second / 3
	// renewTogether is how many addresses of a key are renewed each time. Of more, the
	// first one is; IPv6 ones cost the kernel time with the square of their number.
	renewTogether = 32
	// leaseSlack is how much earlier than we count the kernel may end a lease: it
	// rounds to jiffies and batches ends that are at most 20 ms apart.
	leaseSlack = 100 * time.Millisecond
)

func (k *keeper) renew(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.slots[key]
	if s == nil || len(s.held) == 0 || s.want.Lease == 0 || s.want.Leaving && !s.want.Draining {
		return
	}
	now := time.Now()
	s.lapsed = s.lapsed || s.ranOut(now)
	s.claimed = now
	if s.lapsed || now.Sub(s.held[0].renewed) >= renewPause {
		s.alive, s.due = now, true // of a call that renews nothing the kernel knows nothing
		k.enqueue(s)
	}
}

// ranOut: no sign of life came for the time of a lease. It decides whether an address
// that vanished has expired. That only the keeper was late does not count.
func (s *slot) ranOut(now time.Time) bool {
	return s.want.Lease > 0 && now.Sub(s.alive) >= s.want.Lease-leaseSlack
}

// overdue: the kernel may have ended the lease of an address. Then it must be looked
// for before it is renewed, because renewing what has gone would add it.
func (s *slot) overdue(now time.Time) bool {
	for i, h := range s.held {
		if now.Sub(h.renewed) >= s.want.leaseOf(i)-leaseSlack {
			return true
		}
	}
	return false
}

// leaseOf is the lifetime of the i-th address. One that is renewed only when a third of
// Lease is over lives that much longer: what is left is never less than what Renew
// promises.
func (w *Want) leaseOf(i int) time.Duration {
	if i == 0 || len(w.Addresses) <= renewTogether {
		return w.Lease
	}
	return w.Lease + w.Lease/3
}

// isStale: the lease of the i-th address was renewed so long ago that it is renewed with
// the next sign of life: of many, only the first one is with each.
func (w *Want) isStale(i int, renewed time.Time) bool {
	age := time.Since(renewed)
	switch {
	case w.Lease == 0:
		return false
	case i == 0 || len(w.Addresses) <= renewTogether:
		return age >= renewPause
	}
	return age >= w.Lease/3
}

// refresh renews leases: of all addresses of a slot, or of many the first, and the
// others when a third of Lease is over. It looks again at a slot in which one can't be
// renewed.
func (k *keeper) refresh(slots []*slot) {
	now := time.Now()
	var changes []change
	var of []*slot
	var which []int
	for _, s := range slots {
		for i, h := range s.held {
			if i == 0 || len(s.held) <= renewTogether || now.Sub(h.renewed) >= s.want.Lease/3 {
				changes = append(changes, h.change(refresh, s.want.leaseOf(i)))
				of, which = append(of, s), append(which, i)
			}
		}
	}
	k.rtnl.apply(changes)
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, c := range changes {
		if c.err == nil {
			of[i].held[which[i]].renewed = now
			continue
		}
		of[i].suspect = true
		k.enqueue(of[i])
	}
}
