// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"net/netip"
	"slices"
	"time"
)

// slack is how much earlier than we count the kernel may end a lease.
const slack = 100 * time.Millisecond

// renewals is what the news of a time say.
type renewals struct {
	batches []time.Duration // how long those took in which most addresses were renewed, from the first to the last one; ascending
	least   time.Duration   // that was left of any lease
	ended   int             // leases that have
	givenUp int             // addresses that vipd has removed before: it went to Backup
	renewed int             // how many were
}

// judge reads the news, which are in their order, until now in ticks.
func judge(all []news, now uint32) renewals {
	r := renewals{least: math.MaxInt64}
	last := map[netip.Addr]news{}
	began := map[netip.Addr]bool{} // renewed in this batch
	var batches []batch
	var open batch
	for _, n := range all {
		before, known := last[n.ip]
		if !n.there {
			if known && n.at.Sub(before.at) < before.lifetime-slack {
				r.givenUp++
			} else {
				r.ended++
			}
			delete(last, n.ip)
			continue
		}
		if known && before.stamp == n.stamp {
			continue // told twice: an IPv6 address is deprecated anew, too
		}
		if known {
			r.least = min(r.least, left(before, n.stamp))
		}
		if began[n.ip] {
			batches = append(batches, open)
			open = batch{}
			clear(began)
		}
		open.add(n)
		began[n.ip], last[n.ip] = true, n
		r.renewed++
	}
	for _, n := range last {
		r.least = min(r.least, left(n, now))
	}
	r.batches = large(batches)
	return r
}

// batch is renewals that were made at once: no address is in it twice.
type batch struct {
	size     int
	from, to time.Time
}

func (b *batch) add(n news) {
	if b.size == 0 {
		b.from = n.at
	}
	b.size, b.to = b.size+1, n.at
}

// large are the durations, ascending, of the batches that are not less than half as
// large as another: of many addresses, only the first one is renewed each time.
func large(all []batch) (took []time.Duration) {
	largest := 0
	for _, b := range all {
		largest = max(largest, b.size)
	}
	for _, b := range all {
		if 2*b.size >= largest {
			took = append(took, b.to.Sub(b.from))
		}
	}
	slices.Sort(took)
	return took
}

// left is what is left of a lease at a tick.
func left(n news, stamp uint32) time.Duration {
	return n.lifetime - time.Duration(int32(stamp-n.stamp))*tick
}

// widest is the longest time between two that follow one another.
func widest(times []time.Time) (gap time.Duration) {
	for i := 1; i < len(times); i++ {
		gap = max(gap, times[i].Sub(times[i-1]))
	}
	return gap
}
