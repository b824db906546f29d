// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"slices"
	"time"

	"vipd/config"
)

// Network is what the loop asks of the host's network. Every call returns at
// once; what came of it is posted as an event.
type Network interface {
	// Send sends adverts, all of them even if some fail. failed, which may be nil,
	// is called with the index and error of each that did not leave.
	Send(batch []Datagram, failed func(i int, err error))
	// Try tells whether a datagram could be sent, without any host hearing of it. nil
	// may also mean that nobody can tell.
	Try(d Datagram) error
	// Unread tells whether packets of a family on a link have arrived that were not
	// posted yet: the readers of the sockets are late.
	Unread(link int, ipv4 bool) bool
	// Set makes the addresses of a key as wanted, and keeps them so.
	Set(key string, w Want)
	// Renew renews the lease of a key's addresses.
	Renew(key string)
	// Pass passes on to another node what arrives for a key's addresses and belongs to no
	// connection of this host, for some seconds, or until it is told otherwise. It is done
	// before a Set that follows it.
	Pass(key string, to Passing)
	// Count counts the connections to a key's addresses.
	Count(key string)
	// CountPassed counts what is passed on for all keys.
	CountPassed()
	// Find looks whether a run before has left all that w wants, and since when.
	Find(key string, w Want)
	// Probe asks whether another host answers for an address of a key.
	Probe(key string, at Address)
	// Ask asks a host whether it is there. An error says that it was not asked, or that
	// its answer would not be heard.
	Ask(q Question) error
	// Announce sends one gratuitous ARP or unsolicited NA for each address of a key
	// that is held, or for some of them only.
	Announce(key string, only ...netip.Addr)
	// FindManagers looks who else manages the addresses of an interface.
	FindManagers(key, ifname string)
	// Follow follows the interfaces and addresses of these routers, and of no others.
	// Of an interface that is new, its Link is posted, also when it does not exist.
	Follow(routers []*config.Router)
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

// StateFile keeps something over a restart of the daemon, and of the host.
type StateFile interface {
	// Load returns what was saved; nil when nothing was.
	Load() ([]byte, error)
	// Save replaces what was saved; when it returns nil the disk has it.
	Save([]byte) error
	// Remove forgets what was saved, if anything was.
	Remove() error
}

// Datagram is one advert to send.
type Datagram struct {
	Link                int // interface index
	Source, Destination netip.Addr
	Hardware            string // the frame's source address; empty: the interface's
	Payload             []byte
}

// Want is what a key's addresses and routes shall be.
type Want struct {
	Addresses   []Address
	Routes      []Route
	VirtualLink string // the addresses of its parent go onto it; empty: there is none
	Present     bool
	Leaving     bool          // present only until another router has them: not to go on with after a crash
	Silent      bool          // present, but ARP and ND for them are not answered
	Draining    bool          // present for established connections alone, where nobody finds them
	Lease       time.Duration // whole seconds; 0: none
}

// Passing is who gets what belongs to no connection of this host.
type Passing struct {
	Link   int        // on which it is a neighbour
	Target netip.Addr // another node's own address; zero: nobody
}

// PassingState is what became of a Pass.
type PassingState struct {
	Key string
	Err error // why nothing is passed on
}

// Passed is what was passed on for all keys.
type Passed struct {
	IPv4, IPv6 PassCounts
	Err        error // why it could not be counted
}

// PassCounts counts packets to virtual addresses of a family, of all routers, since something
// was passed on.
type PassCounts struct {
	Passed     uint64 `json:"passed"`      // to the target
	Own        uint64 `json:"own"`         // of connections of this host
	Limited    uint64 `json:"limited"`     // dropped: they were too many
	FromTarget uint64 `json:"from_target"` // not passed back to where they came from
}

// Connections is how many TCP connections to a key's addresses there are.
type Connections struct {
	Key    string
	Number int
	Err    error // why they could not be counted
}

// Address is one virtual address at its place.
type Address struct {
	Link   int // interface index; 0: the interface is missing
	Prefix netip.Prefix
	Label  string
	Scope  uint8
}

// Route is one route, as `ip route` has it.
type Route struct {
	Type               uint8
	Destination        netip.Prefix
	Gateway, Source    netip.Addr
	Link               int // interface index; 0: the kernel chooses
	Table, Metric, MTU uint32
	Scope              uint8
	OnLink             bool
}

// Link is the state of a network interface, whole.
type Link struct {
	Name     string
	Index    int // 0: the interface does not exist
	MTU      int
	Up       bool   // set up, and with a carrier
	Hardware string // its Ethernet address
	Master   string // the bridge, bond or the like whose port it is; empty: none

	ListeningIPv4, ListeningIPv6 bool           // adverts can be received
	Prefixes                     []netip.Prefix // its own addresses, the primary one first
	Problem                      string         // why packets don't arrive, for people
}

// listening tells whether adverts of a family can be received.
func (l *Link) listening(ipv4 bool) bool { return ipv4 && l.ListeningIPv4 || !ipv4 && l.ListeningIPv6 }

// source is what adverts come from: the primary IPv4 address (RFC 9568 §5.1.1.1), or
// the lowest link-local IPv6 one (§5.1.2.1); zero if there is none.
func (l *Link) source(ipv4 bool) (source netip.Addr) {
	for _, p := range l.Prefixes {
		ip := p.Addr()
		switch {
		case ipv4 && ip.Is4():
			return ip
		case !ipv4 && ip.IsLinkLocalUnicast() && ip.Is6() && (!source.IsValid() || ip.Less(source)):
			source = ip
		}
	}
	return source
}

// has tells whether an address is the interface's own.
func (l *Link) has(ip netip.Addr) bool {
	return slices.ContainsFunc(l.Prefixes, func(p netip.Prefix) bool { return p.Addr() == ip })
}

// Packet is a received packet of protocol 112.
type Packet struct {
	Link                int // interface index
	Source, Destination netip.Addr
	TTL                 uint8
	Lost                uint32 // packets before it, for which the socket had no room
	Payload             []byte // taken over only until the call returns
}

// Found is what a run before has left of a key's addresses.
type Found struct {
	Key string
	Age time.Duration // since their lease was renewed
	// HandedOff: the run before has ended on purpose, for this one.
	HandedOff bool
	PassedTo  netip.Addr // whom it passes segments on to still; zero: nobody
	Err       error      // why there is nothing to go on with; nil: all is there
}

// Managers are the programs that manage the addresses of an interface.
type Managers struct {
	Key      string   // of addresses on it
	Managers []string // for each a sentence: which it is, and what makes it leave them alone
}

// Holding is what is true of a key's addresses.
type Holding struct {
	Key     string
	Held    bool
	Added   []netip.Addr // Held: those that were not there before
	PutBack bool         // somebody else had deleted them
	Expired bool         // the kernel removed them because nobody renewed their lease
	Err     error
}
