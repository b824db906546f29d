// SPDX-License-Identifier: Apache-2.0

package vrrp

// State is a virtual router's state, named as in RFC 9568 §6.4.
type State uint8

// The states stand in the RFC's order.
const (
	Initialize State = iota
	Backup
	Active
)

func (s State) String() string {
	switch s {
	case Initialize:
		return "initialize"
	case Backup:
		return "backup"
	case Active:
		return "active"
	}
	return "invalid"
}

// Phase tells apart what one state can mean.
type Phase uint8

const (
	// Settled is a state as the RFC knows it.
	Settled Phase = iota
	// Releasing is Initialize or Backup with the addresses still kept: the new
	// Active has not announced them yet (make before break).
	Releasing
	// Draining is Initialize or Backup with the addresses kept for established
	// connections alone.
	Draining
	// Resuming is Active before its first advert: the addresses are still there
	// from before a crash, and somebody else may have taken over meanwhile.
	Resuming
)

func (p Phase) String() string {
	switch p {
	case Settled:
		return ""
	case Releasing:
		return "releasing"
	case Draining:
		return "draining"
	case Resuming:
		return "resuming"
	}
	return "invalid"
}
