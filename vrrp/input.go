// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// Input is what a router is told. The set is closed: Start, Stop, Received,
// Tick, Priority, Block, Unblock, Source, Owned, Drained, Passed, Resume, Contested, Woke, HostLost,
// HostBack, Resign, Reclaim, Reconfigure.
type Input interface{ input() }

type (
	// Start lets the router run: RFC 9568's Startup event. A router that is
	// blocked starts when the last reason is gone.
	Start struct{}

	// Stop ends it: the Shutdown event.
	Stop struct{}

	// Received is an advert for this router, parsed.
	Received struct {
		Advert              Advert
		Source, Destination netip.Addr
	}

	// Tick says that time has passed.
	Tick struct{}

	// Priority is the effective priority, recomputed from all verdicts; 1–254. An
	// owner's does not change.
	Priority struct{ Effective uint8 }

	// Block keeps the router in Initialize, for a reason.
	Block struct{ Reason Reason }

	// Unblock takes one reason away.
	Unblock struct{ Reason Reason }

	// Source is the primary address of the interface, which adverts are sent from.
	Source struct{ Address netip.Addr }

	// Owned answers Own: what is true of the addresses.
	Owned struct{ Result OwnResult }

	// Drained says that no connection to the addresses is left.
	Drained struct{}

	// Passed says, before Resume, what a run before this one has passed on: Pass.
	Passed struct{ To netip.Addr }

	// Resume is Start for a router whose addresses are still there from before a
	// crash.
	Resume struct {
		Age       time.Duration // since the last renewal of the lease
		HandedOff bool          // the last daemon ended on purpose, for this one
	}

	// Contested says that another host answers for one of the addresses.
	Contested struct{}

	// Woke says that the daemon slept past its deadline. It comes before the
	// adverts that were queued meanwhile.
	Woke struct{}

	// HostLost says that the host of the Active at that address answers no question any
	// more. Whoever follows another one has not lost anything.
	HostLost struct{ Source netip.Addr }

	// HostBack takes it back: the host has answered, or was heard.
	HostBack struct{ Source netip.Addr }

	// Reconfigure is a changed configuration of the same virtual router: VRID, Version,
	// family, unicast or not, and owner or not are as before. Params.Priority is that
	// of the configuration: Priority says the effective one.
	Reconfigure struct{ Params Params }

	// Resign asks an Active to give up for good: it hands over, and does not preempt
	// whoever takes over, until that one gives up or falls silent. If nobody does, it
	// is Active again. In any other state there is nothing to give up.
	Resign struct{}

	// Reclaim ends what Resign began: the router preempts as it is configured to.
	Reclaim struct{}
)

func (Start) input()     {}
func (Stop) input()      {}
func (Received) input()  {}
func (Tick) input()      {}
func (Priority) input()  {}
func (Block) input()     {}
func (Unblock) input()   {}
func (Source) input()    {}
func (Owned) input()     {}
func (Drained) input()   {}
func (Passed) input()    {}
func (Resume) input()    {}
func (Contested) input() {}
func (Woke) input()      {}
func (HostLost) input()  {}
func (HostBack) input()  {}
func (Resign) input()    {}
func (Reclaim) input()   {}

func (Reconfigure) input() {}

// OwnResult is what became of Own.
type OwnResult uint8

const (
	// Held: the addresses are there, or there again.
	Held OwnResult = iota
	// Failed: they could not be set, or not be put back.
	Failed
	// Expired: their lease ran out, and the kernel removed them.
	Expired
	// Added: some of them were set just now, the others had been there.
	Added
)

func (o OwnResult) String() string {
	switch o {
	case Held:
		return "held"
	case Failed:
		return "failed"
	case Expired:
		return "expired"
	case Added:
		return "added"
	}
	return "invalid"
}
