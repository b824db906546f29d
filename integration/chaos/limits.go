// SPDX-License-Identifier: Apache-2.0

package main

import "time"

// timers are what the configuration says about the election; the limits follow.
type timers struct {
	interval   time.Duration // advert_interval
	priorities [nodes]uint8  // falling, Skew_Times more than 20 ms apart
	noise      time.Duration // what a busy machine adds to each limit
}

// The priorities are far apart: with three nodes the Skew_Times must be.
var defaults = timers{
	interval:   time.Second,
	priorities: [nodes]uint8{254, 234, 214},
	noise:      20 * time.Millisecond,
}

const (
	// lowered is a priority below all others.
	lowered = 190
	// handOver is how long both nodes may answer in a planned move, and reaction
	// what notices a failure, adds the addresses and announces them.
	handOver = 80 * time.Millisecond
	reaction = 100 * time.Millisecond
	// repair is how long an address may be gone that somebody else has deleted.
	repair = 10 * time.Millisecond
	// delivery is what an advert takes to be heard, and to be followed.
	delivery = 50 * time.Millisecond
	// leaseSlack is how late the kernel may be with the end of a lease.
	leaseSlack = 1500 * time.Millisecond
)

// skew is the longest Skew_Time, RFC 9568 §6.1.
func (t timers) skew() time.Duration {
	return t.interval * time.Duration(256-int(t.priorities[nodes-1])) / 256
}

// silence is the longest Active_Down_Interval, RFC 9568 §6.1.
func (t timers) silence() time.Duration { return 3*t.interval + t.skew() }

// lease is how long the kernel keeps the addresses of a vipd that is dead or hangs.
func (t timers) lease() time.Duration {
	return (4*t.interval + time.Second - 1).Truncate(time.Second)
}

// restart is within what time vipd must run again to go on as if nothing had
// happened: three intervals less 250 ms after its last advert, which may be an
// interval old, and half a second for the start.
func (t timers) restart() time.Duration {
	return min(time.Second, 2*t.interval-750*time.Millisecond)
}

// limit is how long something may last at the most.
type limit struct {
	served  time.Duration // no HTTP request is answered
	reached time.Duration // no UDP probe is answered, or nobody answers to ARP or ND
	two     time.Duration // two nodes answer to ARP or ND
	elected time.Duration // two nodes send adverts as the Active
}

// limit is that of an act, without the noise. That a Backup asks the Active's host makes
// it shorter as a rule: one that it has not asked yet is given the RFC's patience.
func (t timers) limit(a act) limit {
	election := t.silence() + reaction
	abandoned := t.lease() + leaseSlack - 3*t.interval // the old addresses outlast the takeover
	apart := a.lasts + t.interval + delivery           // until the next advert is heard
	switch a.kind {
	case killed, handedOff, badFile, moreVIPs:
		return limit{}
	case crashed, frozen:
		return limit{two: abandoned, elected: handOver}
	case stopped, maintained, resigned, deprecated:
		return limit{two: handOver, elected: handOver}
	case webKilled:
		return limit{served: t.skew() + reaction, two: handOver, elected: handOver}
	case pulled, linkDown:
		return limit{served: election, reached: election, two: handOver, elected: handOver}
	case refused: // it must notice, and be no worse than a dead one
		return limit{served: election, reached: election, two: abandoned, elected: handOver}
	case cut:
		return limit{served: election, reached: election, two: t.interval + delivery, elected: t.interval + delivery}
	case split, deaf, mute, lossy:
		return limit{two: apart, elected: apart}
	case deleted:
		return limit{served: repair, reached: repair}
	}
	panic("no limit for " + string(a.kind)) // a mistake in this file
}

// limitOf is that of an episode, with the noise. Two acts may last as long as both,
// and an election more: the one may hit whom the other has chosen.
func (t timers) limitOf(e episode) limit {
	var sum limit
	if len(e) > 1 {
		election := t.silence() + reaction
		sum = limit{election, election, election, election}
	}
	for _, a := range e {
		l := t.limit(a)
		sum = limit{sum.served + l.served, sum.reached + l.reached, sum.two + l.two, sum.elected + l.elected}
	}
	return limit{sum.served + t.noise, sum.reached + t.noise, sum.two + t.noise, sum.elected + t.noise}
}
