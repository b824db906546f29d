// SPDX-License-Identifier: Apache-2.0

package main

import "time"

// readable is what limits are rounded down to.
const readable = 10 * time.Millisecond

// election is what the configuration says about the election, and what is added to
// its timers. The limits of the play follow from it.
type election struct {
	interval      time.Duration // advert_interval
	better, other uint8         // the priorities of lb1 and lb2

	// noise is what the measurement adds on a busy machine: the time between two
	// requests, and late wake-ups.
	noise time.Duration
	// reaction is the time to notice a failure, send an advert, add the address and
	// announce it, with the noise.
	reaction time.Duration
}

// defaults are the timers and priorities that vipd's own examples use.
var defaults = election{
	interval: time.Second,
	better:   254,
	other:    253,
	noise:    20 * time.Millisecond,
	reaction: 50 * time.Millisecond,
}

// skew is how long lb2 waits before it takes over from a router that resigned or
// became worse: Skew_Time, RFC 9568 §6.1.
func (e election) skew() time.Duration {
	return e.interval * time.Duration(256-int(e.other)) / 256
}

// asking is how long lb2 takes to learn that lb1's host is gone, once an advert is
// overdue: a margin of 40 ms, and ten questions.
const asking = 240 * time.Millisecond

// lost is how long lb2 waits for adverts of a host that is gone.
func (e election) lost() time.Duration { return e.interval + asking + e.skew() }

// limit is how long a client may wait, and why.
type limit struct {
	time    time.Duration
	because string
}

// failed limits a move away from a service that died: vipd tells the other node.
func (e election) failed() limit {
	return limit{(e.skew() + e.reaction).Truncate(readable), "Skew_Time"}
}

// gone limits a move away from a node that can't tell.
func (e election) gone() limit {
	return limit{(e.lost() + e.reaction).Truncate(readable), "asking the host"}
}

// planned limits a move in which the old node answers until the new one does.
func (e election) planned() limit { return limit{e.noise, "make before break"} }
