// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"net/netip"
	"slices"
	"time"
)

// answerGap is the longest time between two answers of a node that goes on
// answering an [Asker]: a few of its questions, as either may be late.
const answerGap = 6 * askPeriod

// crossing is how close the adverts of two nodes are that neither has seen the
// other's when it sent its own.
const crossing = 50 * time.Millisecond

// Claim is a time in which a node acted as the owner of a virtual address.
type Claim struct {
	Node     string
	From, To time.Time
}

// Claims judges from the adverts of one virtual router who was its Active, and when.
// The packets are what was captured on each node's interface; those that it sent
// count. A claim begins with an advert whose priority is not 0. It goes on while no
// more than Active_Down_Interval lies between two of them, or an interval and a half
// when another node sent a better one in between, and ends
//   - with the node's advert of priority 0,
//   - with its last advert, or a better one of another node that came within an
//     interval after that, to which it has yielded,
//   - else, as nobody has told it to end, an interval after its last advert, when
//     the next one was due.
//
// The claims are in the order of their begin.
func Claims(captured map[string][]Packet, vrid uint8, ipv4 bool) []Claim {
	sent := make(map[string][]Packet)
	for node, packets := range captured {
		for _, p := range packets {
			if p.Sent && p.Kind == Advert && p.VRID == vrid && p.Source.Is4() == ipv4 {
				sent[node] = append(sent[node], p)
			}
		}
	}
	var claims []Claim
	for node := range sent {
		for _, run := range claimRuns(node, sent) {
			claims = append(claims, Claim{node, run[0].Time, claimEnd(node, run, sent)})
		}
	}
	return inOrder(claims)
}

// claimRuns splits a node's adverts into those of one claim each. The last one of a
// run has the priority 0 if the claim ended by it.
func claimRuns(node string, sent map[string][]Packet) (runs [][]Packet) {
	begun := false
	for _, p := range sent[node] {
		switch last := len(runs) - 1; {
		case begun && goesOn(node, runs[last][len(runs[last])-1], p, sent):
			runs[last] = append(runs[last], p)
			begun = p.Priority > 0
		case p.Priority > 0:
			runs = append(runs, []Packet{p})
			begun = true
		}
	}
	return runs
}

// goesOn tells whether a claim goes on from one advert of its node to the next.
func goesOn(node string, last, next Packet, sent map[string][]Packet) bool {
	pause := next.Time.Sub(last.Time)
	return pause <= activeDown(next) && (pause <= 3*last.Interval/2 || !yielded(node, last, next.Time, sent))
}

// yielded tells whether another node sent a better advert after a node's last one.
func yielded(node string, last Packet, until time.Time, sent map[string][]Packet) bool {
	for other, adverts := range sent {
		if other != node && slices.ContainsFunc(adverts, func(p Packet) bool {
			return better(p, last) && p.Time.After(last.Time) && p.Time.Before(until)
		}) {
			return true
		}
	}
	return false
}

// activeDown is Active_Down_Interval of a router that sends such an advert
// (RFC 9568 §6.1; in VRRPv2, RFC 3768 §6.1, a skew of up to a second).
func activeDown(p Packet) time.Duration {
	skewed := p.Interval
	if p.Version == 2 {
		skewed = time.Second
	}
	return 3*p.Interval + skewed*time.Duration(256-int(p.Priority))/256
}

func claimEnd(node string, run []Packet, sent map[string][]Packet) time.Time {
	last := run[len(run)-1]
	if last.Priority == 0 {
		return last.Time
	}
	end := last.Time.Add(last.Interval)
	for other, adverts := range sent {
		for _, p := range adverts {
			if other != node && better(p, last) && p.Time.After(run[0].Time.Add(-crossing)) && p.Time.Before(end) && last.Time.Sub(p.Time) < last.Interval {
				end = later(p.Time, last.Time)
			}
		}
	}
	return end
}

// better tells whether the Active that sends an advert yields to the other
// (RFC 9568 §6.4.3).
func better(other, own Packet) bool {
	return other.Priority > own.Priority || other.Priority == own.Priority && other.Source.Compare(own.Source) > 0
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Answers judges from the answers to an [Asker] who told hosts that it has the
// address, and when. The packets are as for [Claims].
func Answers(captured map[string][]Packet, address netip.Addr) []Claim {
	var claims []Claim
	for node, packets := range captured {
		claimed := false
		for _, p := range packets {
			if !p.Sent || !p.Answers(address) {
				continue
			}
			if last := len(claims) - 1; claimed && p.Time.Sub(claims[last].To) <= answerGap {
				claims[last].To = p.Time
				continue
			}
			claims, claimed = append(claims, Claim{node, p.Time, p.Time}), true
		}
	}
	return inOrder(claims)
}

func inOrder(claims []Claim) []Claim {
	slices.SortFunc(claims, func(a, b Claim) int { return a.From.Compare(b.From) })
	return claims
}

// TwoOwners is the longest time in which two or more nodes claimed at once.
func TwoOwners(claims []Claim) (longest time.Duration) {
	for _, span := range Shared(claims) {
		longest = max(longest, span.Length())
	}
	return longest
}

// Span is a time.
type Span struct{ From, To time.Time }

// Length is how long it is.
func (s Span) Length() time.Duration { return s.To.Sub(s.From) }

// Shared are the times in which two or more nodes claimed at once, in their order.
func Shared(claims []Claim) (spans []Span) {
	var moments []time.Time
	for _, c := range claims {
		moments = append(moments, c.From, c.To)
	}
	slices.SortFunc(moments, time.Time.Compare)
	var since time.Time // zero: at most one claims
	for _, now := range moments {
		switch both := claimants(claims, now) > 1; {
		case both && since.IsZero():
			since = now
		case !both && !since.IsZero():
			spans = append(spans, Span{since, now})
			since = time.Time{}
		}
	}
	return spans
}

// claimants counts the nodes that claim right after a moment.
func claimants(claims []Claim, now time.Time) int {
	nodes := make(map[string]bool)
	for _, c := range claims {
		if !c.From.After(now) && c.To.After(now) {
			nodes[c.Node] = true
		}
	}
	return len(nodes)
}
