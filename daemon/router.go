// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"net/netip"
	"runtime/debug"
	"slices"
	"time"

	"vipd/config"
	"vipd/vrrp"
)

// router is one configured router: its families, which move together.
type router struct {
	config   *config.Router
	number   int    // in the order of making
	key      string // its name when it was made, or similar: of the network's keys
	group    *vrrp.Group
	families []*family
	links    map[string]Link // its own interface, and those of its addresses and routes
	checks   []*check

	next     time.Time // its place in the schedule; zero: it waits for nothing
	position int
	touched  bool

	leaving  bool // a reload has removed it: it goes when its addresses have gone
	starting bool // it may not run before its checks' first verdicts
	trusting bool // checks that a reload has added cost nothing before their first verdict

	// penalties is what its checks and tracked interfaces together take off an Active's
	// priority; 0: as much as there is, or nothing.
	penalties  int
	opening    opening   // until it is started
	graceEnds  time.Time // zero: the checks are not waited for
	hearsUntil time.Time // after it has overslept: what the sockets hold comes first
	// unreadUntil is how long it waits for the sockets to be read at a deadline, unreadFor.
	unreadFor, unreadUntil time.Time
	priority               uint8  // what the core was told
	because                string // why it is not the configured one
}

// newRouter makes a router, and says what holds it back. It is not started.
func (d *Daemon) newRouter(c *config.Router) *router {
	d.made++
	r := &router{config: c, number: d.made, key: d.freeKey(c.Name), priority: c.Priority, links: map[string]Link{}}
	for i := range c.Families {
		r.addFamily(i)
	}
	r.makeCore()
	r.checks, r.penalties = d.checksOf(c), penaltySum(d.config.Penalties(c))
	d.block(r, vrrp.InterfaceMissing, true)
	if r.awaitsVerdicts() {
		d.block(r, vrrp.AwaitingChecks, true)
		r.starting, r.graceEnds = true, d.now.Add(c.StartGrace)
	}
	d.block(r, vrrp.Maintenance, d.maintenance != nil)
	return r
}

// freeKey is a name that no router's key has: another router may have been renamed.
func (d *Daemon) freeKey(name string) string {
	key := name
	for n := 2; slices.ContainsFunc(d.routers, func(r *router) bool { return r.key == key }); n++ {
		key = fmt.Sprintf("%s#%d", name, n)
	}
	return key
}

// makeCore makes the group of the families. One family is a group, too.
func (r *router) makeCore() {
	members := make([]*vrrp.Router, len(r.families))
	for i, f := range r.families {
		f.core = vrrp.NewRouter(f.config.Params)
		f.blocked = map[vrrp.Reason]bool{}
		members[i] = f.core
	}
	r.group = vrrp.NewGroup(members...)
}

// step gives the core of a family an input, and carries out what the group wants.
func (d *Daemon) step(f *family, in vrrp.Input) {
	d.stepTogether(f, in)
	if len(d.out.then) > 0 {
		d.flush()
	}
}

// stepTogether is step for one of many routers. What they want done to addresses is done
// when the adverts of some of them have left together.
func (d *Daemon) stepTogether(f *family, in vrrp.Input) {
	d.stepCore(f, in)
	if len(d.out.batch) >= sendTogether {
		d.flush()
	}
}

// stepCore collects what the group wants. A core that panics has met a case that can't
// be: its router is taken out, the others go on.
func (d *Daemon) stepCore(f *family, in vrrp.Input) {
	r := f.router
	d.schedule.touch(r)
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("internal error: the router is taken out", "router", r.config.Name, "panic", p, "stack", string(debug.Stack()))
			d.takeOut(r)
		}
	}()
	d.effects = r.group.Step(d.now, f.index, in, d.effects[:0])
	for _, e := range d.effects {
		d.apply(r.families[e.Member], e.Effect)
	}
	d.markLeaving(r)
}

// takeOut puts a router into Initialize for good, and its addresses away.
func (d *Daemon) takeOut(r *router) {
	r.makeCore()
	r.opening = opening{}
	d.flush() // nothing of it is left to do
	for _, f := range r.families {
		d.watchHost(f, netip.Addr{})
		r.group.Step(d.now, f.index, vrrp.Block{Reason: vrrp.InternalError}, nil)
		d.own(f, false)
	}
}

// block tells all families of a reason that has come or gone.
func (d *Daemon) block(r *router, why vrrp.Reason, blocked bool) {
	for _, f := range r.families {
		d.setBlocked(f, why, blocked)
	}
}

// setBlocked tells the core of a reason that has come or gone.
func (d *Daemon) setBlocked(f *family, why vrrp.Reason, blocked bool) {
	if f.blocked[why] == blocked {
		return
	}
	f.blocked[why] = blocked
	if blocked {
		d.step(f, vrrp.Block{Reason: why})
	} else {
		d.step(f, vrrp.Unblock{Reason: why})
	}
}
