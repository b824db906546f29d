// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"net/netip"
	"time"

	"vipd/vrrp"
)

// engine is what a node runs: a vrrp.Router alone, a vrrp.Group of both families,
// or another program that speaks the pure RFC.
type engine interface {
	Step(now time.Time, member int, in vrrp.Input, fx []vrrp.MemberEffect) []vrrp.MemberEffect
	Deadline() time.Time
}

// member is one virtual router of an engine.
type member interface {
	Status() vrrp.Status
	Encode(priority uint8, b []byte, emit func(destination netip.Addr, packet []byte)) []byte
}

// solo is a router that is in no group.
type solo struct {
	*vrrp.Router
	scratch []vrrp.Effect
}

func (s *solo) Step(now time.Time, _ int, in vrrp.Input, fx []vrrp.MemberEffect) []vrrp.MemberEffect {
	s.scratch = s.Router.Step(now, in, s.scratch[:0])
	for _, effect := range s.scratch {
		fx = append(fx, vrrp.MemberEffect{Effect: effect})
	}
	return fx
}

// newEngine makes what a node of that configuration runs, for these families.
func newEngine(s *spec, families []family) (engine, []member) {
	if s.rfc {
		r := newRFCRouter(s.member(families[0]))
		return r, []member{r}
	}
	var routers []*vrrp.Router
	var members []member
	for _, f := range families {
		r := vrrp.NewRouter(s.member(f))
		routers, members = append(routers, r), append(members, r)
	}
	if len(routers) == 1 {
		return &solo{Router: routers[0]}, members
	}
	return vrrp.NewGroup(routers...), members
}

// family is one address family of the LAN.
type family struct {
	group     netip.Addr
	addresses []netip.Addr // of the virtual router
	node      func(n byte) netip.Addr
}

var (
	ipv4 = family{
		group:     vrrp.GroupIPv4,
		addresses: []netip.Addr{netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.101")},
		node:      func(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) },
	}
	ipv6 = family{
		group:     vrrp.GroupIPv6,
		addresses: []netip.Addr{netip.MustParseAddr("fe80::100"), netip.MustParseAddr("2001:db8::100")},
		node:      func(n byte) netip.Addr { return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: n}) },
	}
)

const vrid = 51

// spec is a node's configuration.
type spec struct {
	priority     uint8
	interval     time.Duration
	preempt      bool
	preemptDelay time.Duration
	startDelay   time.Duration
	handover     vrrp.Handover
	probe        bool // the Active's host is asked
	every        time.Duration
	drain        time.Duration
	penalties    []penalty // of the checks
	rfc          bool      // another program, which knows RFC 9568 and no more
}

// member is the configuration of one of the node's virtual routers.
func (s *spec) member(f family) vrrp.Params {
	return vrrp.Params{
		VRID: vrid, Priority: s.priority, Interval: s.interval, Addresses: f.addresses,
		Preempt: s.preempt, PreemptDelay: s.preemptDelay, StartDelay: s.startDelay, Handover: s.handover, Probe: s.probe,
		Drain:    s.drain,
		Announce: []time.Duration{0, 60 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second},
	}
}
