// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"net/netip"
	"slices"
	"time"
)

// sameQuestion is how long after one host another one may see the same question.
const sameQuestion = askPeriod / 2

// Unanswered is the longest time between two moments in which hosts asked for an
// address, and no node answered: from a question until the next answer, which may be
// one to a later question. The packets are as for [Claims], with an [Asker] at work.
func Unanswered(captured map[string][]Packet, address netip.Addr, from, to time.Time) (longest time.Duration) {
	var packets []Packet
	for _, all := range captured {
		for _, p := range all {
			if !p.Time.Before(from) && !p.Time.After(to) && (p.asks(address) || p.Sent && p.Answers(address)) {
				packets = append(packets, p)
			}
		}
	}
	slices.SortFunc(packets, func(a, b Packet) int { return a.Time.Compare(b.Time) })
	var asked time.Time // the last question
	var open time.Time  // when the first question was asked that nobody has answered; zero: none
	for _, p := range packets {
		switch {
		case !p.asks(address) && !open.IsZero():
			longest, open = max(longest, p.Time.Sub(open)), time.Time{}
		case p.asks(address) && p.Time.Sub(asked) > sameQuestion:
			if asked = p.Time; open.IsZero() {
				open = asked
			}
		}
	}
	if !open.IsZero() {
		longest = max(longest, to.Sub(open))
	}
	return longest
}

// asks tells whether the packet is a question that reached the host, for an address.
func (p Packet) asks(address netip.Addr) bool {
	return (p.Kind == ARPRequest || p.Kind == NeighborSolicitation) && !p.Sent && !p.Gratuitous() && p.Target == address
}
