// SPDX-License-Identifier: Apache-2.0

package vrrp

import "net/netip"

// Effect is what a router wants done. The set is closed: Transition, Send, Own,
// Silence, Drain, Report, Pass, Announce, Follow, Doubt, Refused, Notice. Effects are carried out in the order they are given.
type Effect interface{ effect() }

type (
	// Transition reports that the state has changed.
	Transition struct {
		From, To State
		Reason   Reason
	}

	// Send asks for an advert with this priority; 0 gives up.
	Send struct{ Priority uint8 }

	// Own asks for the addresses to be set (true) or removed (false), and wants
	// Owned as the answer to true.
	Own struct{ Wanted bool }

	// Silence asks to answer ARP and ND for the addresses no longer, though they are
	// kept: hosts shall find the next Active, and nobody else. The next Own ends it.
	Silence struct{}

	// Drain asks to keep the addresses for established connections alone, where neither ARP
	// nor ND answers for them, and to say when none is left (Drained). The next Own ends it:
	// what is left then is reset, unless the addresses are wanted.
	Drain struct{}

	// Report asks for a report to the next Active that the router drains, or, the last one,
	// that it drains no more (EncodeReport). Any but the last renews the lease.
	Report struct {
		To   netip.Addr
		Last bool
	}

	// Pass asks to pass on to that router what arrives for our addresses and belongs to
	// no connection of ours. It comes again and again, so that it can end by itself after a
	// crash. Zero: not any more.
	Pass struct{ To netip.Addr }

	// Announce asks for one gratuitous ARP, or unsolicited NA, for each address; or only
	// for those that Owned said were added.
	Announce struct{ Added bool }

	// Follow says that a Backup follows the Active at that address from now on, whose
	// host shall be watched (HostWatch). Zero: nobody any more. Only with Params.Probe.
	Follow struct{ Source netip.Addr }

	// Doubt says that an advert of the followed Active is overdue: its host should be
	// asked.
	Doubt struct{}

	// Refused reports that the received advert was discarded.
	Refused struct{ Reject Reject }

	// Notice reports a difference between routers that the RFC wants logged, and
	// that changes nothing.
	Notice struct{ Kind NoticeKind }
)

func (Transition) effect() {}
func (Send) effect()       {}
func (Own) effect()        {}
func (Silence) effect()    {}
func (Drain) effect()      {}
func (Report) effect()     {}
func (Pass) effect()       {}
func (Announce) effect()   {}
func (Follow) effect()     {}
func (Doubt) effect()      {}
func (Refused) effect()    {}
func (Notice) effect()     {}

// An effect that becomes an interface value is allocated. Those of the steady
// state, and those that anybody on the link can cause, are made once.
var (
	sends = func() (all [256]Effect) {
		for priority := range all {
			all[priority] = Send{Priority: uint8(priority)}
		}
		return all
	}()
	refusals = func() (all [NumRejects]Effect) {
		for reject := range all {
			all[reject] = Refused{Reject: Reject(reject)}
		}
		return all
	}()
	notices = func() (all [NumNotices]Effect) {
		for kind := range all {
			all[kind] = Notice{Kind: NoticeKind(kind)}
		}
		return all
	}()
)

// NoticeKind says what differs between two routers.
type NoticeKind uint8

const (
	// IntervalDiffers: the other router's Advertisement_Interval is not ours (§7.1).
	IntervalDiffers NoticeKind = iota
	// AddressesDiffer: its list of addresses is not ours (§7.1).
	AddressesDiffer
	// SameSource: it has our priority and our own address, so that neither yields.
	SameSource
	// NotLinkLocal: over IPv6 its first address is not link-local (§5.2.9).
	NotLinkLocal

	// NumNotices is the number of kinds.
	NumNotices
)

func (n NoticeKind) String() string {
	switch n {
	case IntervalDiffers:
		return "interval-differs"
	case AddressesDiffer:
		return "addresses-differ"
	case SameSource:
		return "same-source"
	case NotLinkLocal:
		return "no-link-local"
	}
	return "invalid"
}
