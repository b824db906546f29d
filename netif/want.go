// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"errors"
	"net/netip"
	"time"

	"vipd/netif/macvlan"
	"vipd/netif/route"
)

var (
	// ErrExpired: the lease ran out before it was renewed, and the kernel removed the
	// address. It is not put back.
	ErrExpired = errors.New("the lease ran out before it was renewed")
	// ErrForeign: the address is on the interface already, set by somebody else. It is
	// never touched.
	ErrForeign = errors.New("the address is there already and not ours")
)

type (
	// VirtualLink is an interface with a virtual MAC: it is down unless addresses are
	// on it.
	VirtualLink = macvlan.Link
	// Route is a route that comes and goes with addresses.
	Route = route.Route
)

// Address is one wanted address at its place.
type Address struct {
	Link   int          // index of the interface
	Prefix netip.Prefix // inside a network of the interface it goes on as /32 or /128
	Label  string       // IFA_LABEL, IPv4 only; empty: the interface's name
	Scope  uint8        // RT_SCOPE_*; over IPv6 the kernel takes the address's own
}

// Want is the wanted state of the addresses and routes of one key.
type Want struct {
	Addresses []Address
	// Routes are added after the addresses, and removed before them.
	Routes []Route
	// VirtualLink names the one of [Config.VirtualLinks] that the addresses of its
	// parent go onto; empty: none.
	VirtualLink string
	// Present: all of them are there as ours. Else none of them is, on whatever link
	// and with whatever prefix length: what a run before us has left is removed. Of one
	// that goes from the loopback interface, the connections are reset.
	Present bool
	// Silent: they are present, but ARP and ND for them are not answered.
	Silent bool
	// Leaving: they are present only until another router has them. A later run never
	// goes on with them.
	Leaving bool
	// Draining: they are present for established connections only: on the loopback
	// interface as /32 or /128, with the tag of Leaving, and silent for good, but link-local
	// ones, which are not there at all. Routes stay, with one to the network of each address
	// that is in none of its interface's.
	Draining bool
	Lease    time.Duration // the kernel's lifetime, rounded up to a second; 0: for ever
}

// Holding says what is true of the addresses of one key: after each Set, and when it
// changed without one.
//
//   - Held: all are there. It is repeated when one was deleted and has been put back.
//   - not Held, no Err: none is there, as wanted.
//   - not Held, Err: they are wanted, but one could not be set or kept; none is kept,
//     and there is no further attempt until the next Set. Or they are not wanted, and
//     one could not be deleted. Err names the address, route or interface; it may wrap
//     [ErrForeign], [ErrExpired], [filter.ErrNoARP], an error of packages macvlan or route, or a system
//     call's errno.
type Holding struct {
	Key   string
	Held  bool
	Added []netip.Addr // Held: those that were not there before; the others were left alone
	// PutBack: nobody asked for it. Somebody else deleted those that were added, or set
	// their virtual link down.
	PutBack bool
	Err     error
}
