// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"time"

	"vipd/config"
	"vipd/vrrp"
)

// family is a virtual router of RFC 9568: the part of one address family in a
// configured router.
type family struct {
	config *config.Family
	router *router
	member int    // its place in the group
	name   string // ipv4, ipv6
	key    string // of its addresses
	// hardware is the source of its adverts' frames (RFC 9568 §7.2), once the addresses
	// are there; empty: the interface's. Unicast adverts need a neighbour's address, which
	// the kernel finds.
	hardware string

	core    *vrrp.Router // stepped by the group alone
	blocked map[vrrp.Reason]bool
	link    Link         // that its adverts go out on
	source  netip.Addr   // of its adverts
	watch   *hostWatch   // of the Active's host that it follows; nil: it follows none
	want    Want         // its addresses and routes, where its interfaces are now
	set     Want         // what the network was told last
	asked   bool         // the core waits for what became of the addresses
	added   []netip.Addr // to the addresses that were there already, by addedAt
	addedAt time.Time

	found      *finding       // what a crash left behind; nil: not known
	early      *Packet        // the last advert that came before the start
	leftActive bool           // and is not told to remove its addresses
	swept      bool           // what a crash left behind is removed
	outside    []netip.Prefix // addresses outside of their interface's networks
	problem    string         // why the addresses fail, for people
	deletions  deletions      // of addresses, by others

	sending     int       // adverts of this turn that did not fail
	heard       bool      // one of the last turn with any left
	mute        bool      // none of them did
	keptBack    bool      // the addresses are wanted, and are set when an advert has left
	lastLeft    time.Time // an advert, or since when one may
	muteEnds    time.Time // it is taken out because nobody hears it; zero: it is not
	mutePause   time.Duration
	unsent      uint64 // adverts that could not be sent
	sendProblem string // why the last of them could not

	connections connections // while it drains
	passing     passing

	outranking outranking // the last that was warned of
}

func (r *router) addFamily(i int) {
	c := &r.config.Families[i]
	f := &family{config: c, router: r, name: "ipv6"}
	if c.IPv4() {
		f.name = "ipv4"
	}
	f.key = r.key + "/" + f.name
	if r.config.VirtualMAC && len(c.Peers) == 0 {
		f.hardware = f.virtualMAC()
	}
	r.families = append(r.families, f)
}

// place works out what is wanted where, from the interfaces as they are now.
func (f *family) place() {
	links := f.router.links
	f.want = Want{Lease: f.router.config.Lease}
	if f.router.config.VirtualMAC {
		f.want.VirtualLink = f.config.VirtualLink()
	}
	for _, a := range f.config.Held {
		f.want.Addresses = append(f.want.Addresses, Address{
			Link: links[a.Interface].Index, Prefix: a.Prefix, Label: a.Label, Scope: a.Scope,
		})
	}
	for _, r := range f.config.Routes {
		f.want.Routes = append(f.want.Routes, Route{
			Type: r.Type, Destination: r.Destination, Gateway: r.Gateway, Source: r.Source,
			Link: links[r.Interface].Index, Table: r.Table, Metric: r.Metric, MTU: r.MTU, Scope: r.Scope, OnLink: r.OnLink,
		})
	}
}

// virtualMAC is what the addresses answer with; empty: the interface's own address.
func (f *family) virtualMAC() string {
	if !f.router.config.VirtualMAC {
		return ""
	}
	return f.config.VirtualMAC()
}

// sourceOn is the address that adverts come from, if the interface has it.
func (f *family) sourceOn(l *Link) netip.Addr {
	switch configured := f.config.Source; {
	case !configured.IsValid():
		return l.source(f.config.IPv4())
	case l.has(configured):
		return configured
	}
	return netip.Addr{}
}

// datagram is a packet of the family's to a destination. It comes from the virtual MAC
// when the addresses are there, and not before: switches send the virtual MAC's traffic
// to where it was seen last (ADR 9). A report is for one host, and moves nothing.
func (f *family) datagram(destination netip.Addr, packet []byte) Datagram {
	d := Datagram{Link: f.link.Index, Source: f.source, Destination: destination, Payload: packet}
	if f.set.Present && !f.asked && destination.IsMulticast() {
		d.Hardware = f.hardware
	}
	return d
}
