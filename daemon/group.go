// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"cmp"
	"fmt"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"vipd/config"
	"vipd/vrrp"
)

// group is what moves together: the routers of a configured group, or one router. It has
// one core and one place in the schedule; each router has its configuration, its
// interfaces and its checks.
type group struct {
	number   int // in the order of making
	core     *vrrp.Group
	routers  []*router
	families []*family // of all routers, in the core's order

	next     time.Time // its place in the schedule; zero: it waits for nothing
	position int
	touched  bool

	leaving    bool      // a reload has removed it: it goes when its addresses have gone
	opening    opening   // until it is started
	hearsUntil time.Time // after it has overslept: what the sockets hold comes first
	// unreadUntil is how long it waits for the sockets to be read at a deadline, unreadFor.
	unreadFor, unreadUntil time.Time
}

// addGroup makes a group with its routers, and says what holds them back. It is not
// started.
func (d *Daemon) addGroup(c config.Group) *group {
	d.made++
	g := &group{number: d.made}
	for _, router := range c.Routers {
		r := d.newRouter(router)
		r.group = g
		g.routers = append(g.routers, r)
		for _, f := range r.families {
			f.member = len(g.families)
			g.families = append(g.families, f)
		}
		d.routers = append(d.routers, r)
	}
	d.groups, d.index = append(d.groups, g), nil
	g.makeCore()
	for _, r := range g.routers {
		d.holdBack(r)
	}
	return g
}

// makeCore makes the core of the families. One family is a group, too.
func (g *group) makeCore() {
	members := make([]*vrrp.Router, len(g.families))
	for i, f := range g.families {
		f.core = vrrp.NewRouter(f.config.Params)
		f.blocked = map[vrrp.Reason]bool{}
		members[i] = f.core
	}
	g.core = vrrp.NewGroup(members...)
}

// String is the router's name, or the group's with those of its routers.
func (g *group) String() string {
	names := make([]string, len(g.routers))
	for i, r := range g.routers {
		names[i] = r.config.Name
	}
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("group %s (%s)", g.routers[0].config.Group, strings.Join(names, ", "))
}

// interval is that of the adverts: routers in one group have the same.
func (g *group) interval() time.Duration { return g.routers[0].config.Interval }

// state is that of all members: they move together.
func (g *group) state() vrrp.State { return g.families[0].core.State() }

// owns reports whether any of the group's addresses are still wanted here.
func (g *group) owns() bool { return slices.ContainsFunc(g.routers, (*router).owns) }

// serves reports whether any of its routers is more than draining.
func (g *group) serves() bool { return slices.ContainsFunc(g.routers, (*router).serves) }

// lowest is the router whose priority is the group's: the first with the lowest.
func (g *group) lowest() *router {
	return slices.MinFunc(g.routers, func(a, b *router) int { return cmp.Compare(a.priority, b.priority) })
}

// lowered says what makes a router's priority another than the configured one: its own
// failing checks, or what another router of its group has.
func (r *router) lowered() string {
	switch lowest := r.group.lowest(); {
	case lowest.priority == r.priority:
		return r.because
	case lowest.because == "":
		return fmt.Sprintf("%s: priority %d", lowest.config.Name, lowest.priority)
	default:
		return lowest.config.Name + ": " + lowest.because
	}
}

// gone tells whether a group that a reload has removed owns nothing any more.
func (g *group) gone() bool { return g.leaving && g.core.Deadline().IsZero() }

// step gives the core of a family an input, and carries out what the group wants.
func (d *Daemon) step(f *family, in vrrp.Input) {
	d.stepTogether(f, in)
	if len(d.out.then) > 0 {
		d.flush()
	}
}

// stepTogether is step for one of many groups. What they want done to addresses is done
// when the adverts of some of them have left together.
func (d *Daemon) stepTogether(f *family, in vrrp.Input) {
	d.stepCore(f, in)
	if len(d.out.batch) >= sendTogether {
		d.flush()
	}
}

// stepCore collects what the group wants. A core that panics has met a case that can't
// be: its group is taken out, the others go on.
func (d *Daemon) stepCore(f *family, in vrrp.Input) {
	g := f.router.group
	d.schedule.touch(g)
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("internal error: the router is taken out", "router", f.router.config.Name, "panic", p, "stack", string(debug.Stack()))
			d.takeOut(g)
		}
	}()
	d.effects = g.core.Step(d.now, f.member, in, d.effects[:0])
	for _, e := range d.effects {
		d.apply(g.families[e.Member], e.Effect)
	}
	d.markLeaving(g)
}

// takeOut puts a group into Initialize for good, and its addresses away.
func (d *Daemon) takeOut(g *group) {
	g.makeCore()
	g.opening = opening{}
	d.flush() // nothing of it is left to do
	for _, f := range g.families {
		d.watchHost(f, netip.Addr{})
		g.core.Step(d.now, f.member, vrrp.Block{Reason: vrrp.InternalError}, nil)
		d.own(f, false)
	}
}
