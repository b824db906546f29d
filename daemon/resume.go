// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"slices"
	"time"

	"vipd/vrrp"
)

const (
	// openingTime is how long a group waits for its interfaces to be there and
	// listened to, before it starts as one that has nothing to go on with. At the start
	// of the daemon they take milliseconds.
	openingTime = time.Second
	// leavingSlack is how much longer than for an advert interval a releasing router's
	// addresses may stay if it dies.
	leavingSlack = time.Second
)

// opening is the time between a group's making and its start, in which the daemon looks
// for what a crash has left behind.
type opening struct {
	ends  time.Time // at the latest; zero: it has ended
	asked bool
}

func (o *opening) on() bool { return !o.ends.IsZero() }

// finding is what is left of a family's addresses.
type finding struct {
	renewed   time.Time // their lease
	handedOff bool
	passedTo  netip.Addr
	err       error // why there is nothing to go on with
}

// open gives a group time to look for what was left behind, if it might go on with it.
// Else it is started.
func (d *Daemon) open(g *group) {
	if slices.ContainsFunc(g.families, func(f *family) bool { return !f.config.Params.Resumable() }) {
		d.step(g.families[0], vrrp.Start{})
		return
	}
	g.opening = opening{ends: d.now.Add(openingTime)}
}

// begin takes a group's opening as far as it can go. It comes after the queue is read:
// what was heard until then counts.
func (d *Daemon) begin(g *group) {
	switch o := &g.opening; {
	case !o.on():
	case due(o.ends, d.now):
		d.startAfresh(g)
	case !o.asked && !g.hindered():
		o.asked = true
		for _, f := range g.families {
			d.network.Find(f.key, f.want)
		}
	case o.asked && !slices.ContainsFunc(g.families, func(f *family) bool { return f.found == nil }):
		d.goOn(g)
	}
}

// hindered tells whether anything but a missing verdict holds a group back.
func (g *group) hindered() bool {
	for _, f := range g.families {
		for why, blocked := range f.blocked {
			if blocked && why != vrrp.AwaitingChecks {
				return true
			}
		}
	}
	return false
}

// startAfresh removes what was left behind, and starts a group as the RFC has it.
func (d *Daemon) startAfresh(g *group) {
	g.opening = opening{}
	for _, f := range g.families {
		d.sweep(f)
	}
	d.step(g.families[0], vrrp.Start{})
	d.hearEarly(g)
}

// goOn resumes a group whose families have all been found. The core decides whether it
// is in time; if not, it removes what is there.
func (d *Daemon) goOn(g *group) {
	renewed, handedOff := d.now, true
	for _, f := range g.families {
		if f.found.err != nil {
			d.startAfresh(g)
			return
		}
		if f.found.renewed.Before(renewed) {
			renewed = f.found.renewed
		}
		handedOff = handedOff && f.found.handedOff
	}
	g.opening = opening{}
	for _, f := range g.families {
		f.swept = true
		if f.found.passedTo.IsValid() {
			d.step(f, vrrp.Passed{To: f.found.passedTo})
		}
	}
	d.step(g.families[0], vrrp.Resume{Age: d.now.Sub(renewed), HandedOff: handedOff})
	d.hearEarly(g)
	for _, f := range g.families {
		if f.core.Status().Phase == vrrp.Resuming {
			d.network.Probe(f.key, f.want.Addresses[0])
		}
	}
}

// leftoverFound hears what a run before has left of a family's addresses.
func (d *Daemon) leftoverFound(found Found) {
	f := d.family(found.Key)
	if f == nil || !f.router.group.opening.asked {
		return
	}
	if found.Err != nil {
		d.log.Info("nothing to resume", f.attrs("reason", found.Err)...)
	} else {
		d.log.Info("addresses of a run before are there", f.attrs("age", found.Age, "handed_off", found.HandedOff)...)
	}
	d.schedule.touch(f.router.group)
	f.found = &finding{renewed: d.now.Add(-found.Age), handedOff: found.HandedOff, passedTo: found.PassedTo, err: found.Err}
}

// contested hears that another host answers for a family's addresses.
func (d *Daemon) contested(key string) {
	if f := d.family(key); f != nil {
		d.step(f, vrrp.Contested{})
	}
}

// keepEarly keeps an advert for a router that is not started yet: whoever sent it counts
// then. Who gives up, or drains, does not.
func (f *family) keepEarly(p *Packet, a *vrrp.Advert) {
	if a.Priority == 0 || a.Report {
		return
	}
	early := *p
	early.Payload = slices.Clone(p.Payload)
	f.early = &early
}

// hearEarly hears the adverts that came too early.
func (d *Daemon) hearEarly(g *group) {
	for _, f := range g.families {
		if early := f.early; early != nil {
			f.early = nil
			d.receive(early)
		}
	}
}

// markLeaving marks the addresses that are kept only until another router has them:
// whoever starts after a crash must not go on with them.
func (d *Daemon) markLeaving(g *group) {
	for _, f := range g.families {
		if f.leftActive {
			f.leftActive = false
			d.afterSend(f, leave)
		}
	}
}

// leavingWant is what a releasing router wants.
func (f *family) leavingWant() Want {
	w := f.want
	w.Present, w.Leaving = true, true
	w.Lease = min(w.Lease, f.config.Interval+leavingSlack) // 0: for ever
	return w
}

// handingOff gives the next daemon as much time as there can be: everybody hears of this
// one once more. What drains, the next one does not go on with.
func (d *Daemon) handingOff() {
	d.handOff = true
	for _, r := range d.routers {
		for _, f := range r.families {
			switch s := f.core.Status(); {
			case s.State == vrrp.Active && s.Phase == vrrp.Settled:
				d.send(f, s.Priority)
			case s.Phase == vrrp.Draining:
				d.report(f, vrrp.Report{To: s.Successor, Last: true})
			}
		}
	}
}

// HandOff ends the loop without giving anything up: the next daemon resumes. The
// network must be told to keep everything before.
func (d *Daemon) HandOff() { d.post(event{handOff: true}) }
