// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"net/netip"
	"time"

	"vipd/vrrp"
)

// rfcRouter is a router of RFC 9568 §6.4 that has nothing to do with package vrrp
// but its packets: the peer that vipd must get along with. It says priority 0
// once, removes its addresses at once, never resumes, and takes no advert for
// anything that the RFC does not call it.
type rfcRouter struct {
	params   vrrp.Params
	source   netip.Addr
	state    vrrp.State
	started  bool
	blocked  map[vrrp.Reason]bool
	priority uint8
	interval time.Duration // Active_Adver_Interval
	timer    time.Time     // Adver_Timer or Active_Down_Timer
}

// skewTime and activeDownInterval are §6.1's. They are written once more here, so
// that what is looked at does not measure itself.
func skewTime(priority uint8, interval time.Duration) time.Duration {
	return time.Duration(256-int(priority)) * interval / 256
}

func activeDownInterval(priority uint8, interval time.Duration) time.Duration {
	return 3*interval + skewTime(priority, interval)
}

func newRFCRouter(p vrrp.Params) *rfcRouter {
	return &rfcRouter{params: p, priority: p.Priority, blocked: map[vrrp.Reason]bool{}}
}

func (r *rfcRouter) Deadline() time.Time { return r.timer }

func (r *rfcRouter) Status() vrrp.Status {
	s := vrrp.Status{State: r.state, Owns: r.state == vrrp.Active, Priority: r.priority}
	for why := range r.blocked {
		s.Blocked = append(s.Blocked, why)
	}
	return s
}

func (r *rfcRouter) Encode(priority uint8, b []byte, emit func(netip.Addr, []byte)) []byte {
	destination := vrrp.GroupIPv4
	if !r.source.Is4() {
		destination = vrrp.GroupIPv6
	}
	a := vrrp.Advert{
		Version: 3, VRID: r.params.VRID, Priority: priority, Interval: r.params.Interval, Addresses: r.params.Addresses,
	}
	b = a.AppendTo(b, r.source, destination)
	emit(destination, b)
	return b
}

func (r *rfcRouter) Step(now time.Time, _ int, in vrrp.Input, fx []vrrp.MemberEffect) []vrrp.MemberEffect {
	switch in := in.(type) {
	case vrrp.Source:
		r.source = in.Address
	case vrrp.Priority:
		r.priority = in.Effective
	case vrrp.Start, vrrp.Resume:
		r.started = true
		return r.startUp(now, fx)
	case vrrp.Stop:
		r.started = false
		return r.shutDown(vrrp.Stopped, fx)
	case vrrp.Block:
		r.blocked[in.Reason] = true
		return r.shutDown(in.Reason, fx)
	case vrrp.Unblock:
		delete(r.blocked, in.Reason)
		return r.startUp(now, fx)
	case vrrp.Received:
		return r.receive(now, &in.Advert, in.Source, fx)
	case vrrp.Tick:
		return r.tick(now, fx)
	}
	return fx
}

func (r *rfcRouter) startUp(now time.Time, fx []vrrp.MemberEffect) []vrrp.MemberEffect {
	if !r.started || len(r.blocked) > 0 || r.state != vrrp.Initialize {
		return fx
	}
	r.interval = r.params.Interval
	return r.toBackup(now, vrrp.Started, fx)
}

func (r *rfcRouter) shutDown(why vrrp.Reason, fx []vrrp.MemberEffect) []vrrp.MemberEffect {
	switch r.state {
	case vrrp.Initialize:
		return fx
	case vrrp.Active:
		fx = effects(fx, vrrp.Send{Priority: 0}, vrrp.Own{Wanted: false})
	}
	r.timer = time.Time{}
	return r.become(vrrp.Initialize, why, fx)
}

func (r *rfcRouter) tick(now time.Time, fx []vrrp.MemberEffect) []vrrp.MemberEffect {
	if r.timer.IsZero() || now.Before(r.timer) {
		return fx
	}
	if r.state == vrrp.Active {
		return r.advertise(now, fx)
	}
	fx = r.become(vrrp.Active, vrrp.ActiveDown, fx)
	return effects(r.advertise(now, fx), vrrp.Own{Wanted: true}, vrrp.Announce{})
}

func (r *rfcRouter) receive(now time.Time, a *vrrp.Advert, source netip.Addr, fx []vrrp.MemberEffect) []vrrp.MemberEffect {
	if a.Version != 3 || a.Report || len(a.Addresses) == 0 || a.Interval == 0 {
		return fx
	}
	if r.state == vrrp.Active {
		return r.receiveActive(now, a, source, fx)
	}
	if r.state == vrrp.Backup {
		r.receiveBackup(now, a)
	}
	return fx
}

// receiveBackup is §6.4.2.
func (r *rfcRouter) receiveBackup(now time.Time, a *vrrp.Advert) {
	switch {
	case a.Priority == 0:
		r.timer = now.Add(skewTime(r.priority, r.interval))
	case !r.params.Preempt || a.Priority >= r.priority:
		r.interval = a.Interval
		r.timer = now.Add(activeDownInterval(r.priority, r.interval))
	}
}

// receiveActive is §6.4.3.
func (r *rfcRouter) receiveActive(now time.Time, a *vrrp.Advert, source netip.Addr, fx []vrrp.MemberEffect) []vrrp.MemberEffect {
	switch {
	case a.Priority == 0:
		return r.advertise(now, fx)
	case a.Priority > r.priority || a.Priority == r.priority && source.Compare(r.source) > 0:
		r.interval = a.Interval
		fx = effects(fx, vrrp.Own{Wanted: false})
		return r.toBackup(now, vrrp.HigherPriority, fx)
	}
	return effects(fx, vrrp.Send{Priority: r.priority})
}

func (r *rfcRouter) toBackup(now time.Time, why vrrp.Reason, fx []vrrp.MemberEffect) []vrrp.MemberEffect {
	r.timer = now.Add(activeDownInterval(r.priority, r.interval))
	return r.become(vrrp.Backup, why, fx)
}

func (r *rfcRouter) advertise(now time.Time, fx []vrrp.MemberEffect) []vrrp.MemberEffect {
	r.timer = now.Add(r.params.Interval)
	return effects(fx, vrrp.Send{Priority: r.priority})
}

func (r *rfcRouter) become(to vrrp.State, why vrrp.Reason, fx []vrrp.MemberEffect) []vrrp.MemberEffect {
	fx = effects(fx, vrrp.Transition{From: r.state, To: to, Reason: why})
	r.state = to
	return fx
}

func effects(fx []vrrp.MemberEffect, more ...vrrp.Effect) []vrrp.MemberEffect {
	for _, effect := range more {
		fx = append(fx, vrrp.MemberEffect{Effect: effect})
	}
	return fx
}
