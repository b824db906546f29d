// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"slices"
	"time"
)

// receive is the second half of RFC 9568 §7.1, and the way into §6.4. A rejected
// advert is counted and changes nothing.
func (r *Router) receive(now time.Time, in *Received, fx []Effect) []Effect {
	if reject := r.refuse(now, in); reject != Accepted {
		r.counters.Rejected[reject]++
		return append(fx, refusals[reject])
	}
	a := &in.Advert
	r.counters.AdvertsReceived++
	if a.Report {
		return r.reported(now, a.Priority == 0, fx)
	}
	r.heard = now
	if a.Priority == 0 {
		r.counters.PriorityZeroReceived++
		r.goodbyes.add(lastHeard{in.Source, now, min(a.Interval, r.interval)})
	}
	if a.Version == 3 {
		r.version3 = lastHeard{in.Source, now, a.Interval}
	}
	r.learnForms(a, in.Source)
	r.turnBack(now, a, in.Source)
	if !r.release.IsZero() {
		fx = r.receiveReleasing(now, a, in.Source, fx)
	}
	switch r.state {
	case Backup:
		fx = r.compare(a, fx)
		r.receiveBackup(now, a, in.Source)
	case Active:
		fx = r.compare(a, fx)
		fx = r.receiveActive(now, a, in.Source, fx)
	}
	return fx // §6.4.1: adverts are ignored in Initialize
}

// refuse is the checks of §7.1 that need the router. RFC 3768 §7.1 adds those of
// authentication and interval, for VRRPv2 alone.
func (r *Router) refuse(now time.Time, in *Received) Reject {
	p, a := &r.params, &in.Advert
	switch {
	case a.Report && !r.expects(in):
		return RejectType
	case in.Source.Is4() != p.ipv4() || !a.Report && !r.isOurs(in.Destination):
		return RejectDestination
	case len(p.Peers) > 0 && !slices.Contains(p.Peers, in.Source):
		return RejectStranger
	case !p.Version.speaks(a.Version):
		return RejectVersion
	case a.Version == 2:
		if reject := r.refuseVersion2(now, in); reject != Accepted {
			return reject
		}
	}
	switch {
	case len(a.Addresses) == 0:
		return RejectCountZero
	case a.Interval == 0:
		return RejectIntervalZero
	case p.Strict && !r.linkLocalFirst(a):
		return RejectLinkLocal
	case a.Priority > 0 && !a.Report && r.goodbyes.overtake(in.Source, now):
		return RejectOvertaken
	}
	return Accepted
}

// isOurs reports whether an advert was sent to where ours are: a raw socket hears
// unicast, too.
func (r *Router) isOurs(destination netip.Addr) bool {
	if len(r.params.Peers) == 0 {
		return destination == r.params.group()
	}
	return !destination.IsMulticast()
}

// lastHeard is the last one whose advert was of a kind.
type lastHeard struct {
	source   netip.Addr
	at       time.Time
	interval time.Duration // advertised
}

// goodbyes are the last routers that gave up. There are as many as give up within
// an interval, where nobody forges any. What a forger says of the interval does not
// silence an Active for longer than the one we know.
type goodbyes [4]goodbye

// goodbye is one router's priority 0.
type goodbye struct {
	lastHeard
	overtaken int // adverts that came after it
}

// maxOvertaken is how many adverts a priority 0 overtakes at most: the last one, which
// may have been sent twice. More of them are new: of a router that is back, and that
// we hear late, all at once.
const maxOvertaken = 2

// add remembers one, in the place of its own last one or of the oldest.
func (g *goodbyes) add(l lastHeard) {
	at := 0
	for i := range g {
		if g[i].source == l.source {
			at = i
			break
		}
		if g[i].at.Before(g[at].at) {
			at = i
		}
	}
	g[at] = goodbye{lastHeard: l}
}

// overtake reports whether an advert was sent before its sender's priority 0 and
// arrives after it. Nobody who gave up is Active again within an interval: by then
// a Backup has not even timed out.
func (g *goodbyes) overtake(source netip.Addr, now time.Time) bool {
	for i := range g {
		if g[i].source == source && now.Sub(g[i].at) < g[i].interval {
			g[i].overtaken++
			return g[i].overtaken <= maxOvertaken
		}
	}
	return false
}

// refuseVersion2 is RFC 3768 §7.1. In a migration the interval may differ: VRRPv2
// can't say a sub-second one; and VRRPv2 from a router whose VRRPv3 is heard, is
// ignored (RFC 9568 §8.4.3).
func (r *Router) refuseVersion2(now time.Time, in *Received) Reject {
	p, a := &r.params, &in.Advert
	switch {
	case p.Version == VersionBoth && r.version3.source == in.Source &&
		now.Sub(r.version3.at) < missedAdverts*max(r.version3.interval, time.Second): // its VRRPv2 is no faster
		return RejectV2BesideV3
	case a.Auth.Type != p.Auth.Type:
		return RejectAuthType
	case a.Auth.Type == AuthPassword && a.Auth.Data != p.Auth.Data:
		return RejectPassword
	case p.Version == Version2 && a.Interval != 0 && a.Interval != p.Interval:
		return RejectInterval
	}
	return Accepted
}

// linkLocalFirst reports whether the first address of an IPv6 advert is what it
// has to be: link-local (§5.2.9, erratum 8300).
func (r *Router) linkLocalFirst(a *Advert) bool {
	return r.params.ipv4() || a.Addresses[0].IsLinkLocalUnicast()
}

// compare notices what should be the same on all routers of a VRID, but need not
// be (§7.1): dropping such adverts would make two Actives.
func (r *Router) compare(a *Advert, fx []Effect) []Effect {
	if a.Version == 3 && a.Interval != r.params.Interval {
		fx = r.notice(IntervalDiffers, fx)
	}
	if !r.sameAddresses(a.Addresses) {
		fx = r.notice(AddressesDiffer, fx)
	}
	if !r.linkLocalFirst(a) {
		fx = r.notice(NotLinkLocal, fx)
	}
	return fx
}

// sameAddresses compares lists as sets: their order says nothing (§5.2.9). That the
// address is missing which only vipd derives, is told by NotLinkLocal.
func (r *Router) sameAddresses(addresses []netip.Addr) bool {
	want := len(r.params.Addresses)
	if r.params.DerivedLinkLocal && !r.linkLocalAmong(addresses) {
		want--
	}
	if len(addresses) != want {
		return false
	}
	for _, address := range addresses {
		if !r.advertised[address] {
			return false
		}
	}
	return true
}

func (r *Router) linkLocalAmong(addresses []netip.Addr) bool {
	return slices.Contains(addresses, r.params.Addresses[0])
}

func (r *Router) notice(kind NoticeKind, fx []Effect) []Effect {
	r.counters.Noticed[kind]++
	return append(fx, notices[kind])
}
