// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"time"
)

// Network is what the loop asks of the host's network. Every call returns at
// once; what came of it is posted as an event.
type Network interface {
	// Send sends adverts, all of them even if some fail. failed, which may be nil,
	// is called with the index and error of each that did not leave.
	Send(batch []Datagram, failed func(i int, err error))
	// Set makes the addresses of a key as wanted, and keeps them so.
	Set(key string, w Want)
	// Renew renews the lease of a key's addresses.
	Renew(key string)
	// Announce sends one gratuitous ARP for each address of a key that is held.
	Announce(key string)
}

// Timer wakes the loop.
type Timer interface {
	// Now is the clock that the deadlines are by. Only differences mean something.
	Now() time.Time
	// Wall turns such an instant into wall-clock time, for people.
	Wall(time.Time) time.Time
	// Arm sets the timer; zero stops it; the past fires at once.
	Arm(time.Time)
	// C fires when the time has come.
	C() <-chan struct{}
}

// Datagram is one advert to send.
type Datagram struct {
	Link                int // interface index
	Source, Destination netip.Addr
	Payload             []byte
}

// Want is what a key's addresses shall be.
type Want struct {
	Link     int // interface index
	Prefixes []netip.Prefix
	Present  bool
	Lease    time.Duration // whole seconds; 0: none
}

// Link is the state of a network interface, whole.
type Link struct {
	Name      string
	Index     int // 0: the interface does not exist
	MTU       int
	Up        bool           // set up, and with a carrier
	Listening bool           // adverts can be received
	Prefixes  []netip.Prefix // its own IPv4 addresses, the primary one first
	Problem   string         // why not Listening, for people
}

// Source is the primary IPv4 address (RFC 9568 §5.1.1.1); zero if there is none.
func (l Link) Source() netip.Addr {
	if len(l.Prefixes) == 0 {
		return netip.Addr{}
	}
	return l.Prefixes[0].Addr()
}

// Packet is a received packet of protocol 112.
type Packet struct {
	Link                int // interface index
	Source, Destination netip.Addr
	TTL                 uint8
	Payload             []byte // taken over only until the call returns
}

// Holding is what is true of a key's addresses.
type Holding struct {
	Key     string
	Held    bool
	Expired bool // the kernel removed them because nobody renewed their lease
	Err     error
}
