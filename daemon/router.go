// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"runtime/debug"
	"time"

	"vipd/config"
	"vipd/vrrp"
)

// router is one configured router: the core, and what it was told.
type router struct {
	config *config.Router
	core   *vrrp.Router
	link   Link
	checks []*check

	blocked   map[vrrp.Reason]bool // what the core was told
	graceEnds time.Time            // zero: the checks are not waited for
	priority  uint8                // what the core was told
	because   string               // why it is not the configured one
	problem   string               // why the addresses or the interface fail, for people
	swept     bool                 // what a crash left behind is removed
	outside   []netip.Prefix       // addresses outside of the interface's networks
	lastSend  error                // of this turn's advert
	unsent    uint64               // adverts that could not be sent
}

// newRouter makes a router and starts it: what holds it back is said first.
func (d *Daemon) newRouter(c *config.Router) *router {
	r := &router{
		config: c, core: vrrp.NewRouter(c.Params), priority: c.Priority,
		blocked: map[vrrp.Reason]bool{}, link: Link{Name: c.Interface},
	}
	for _, name := range c.Checks {
		r.checks = append(r.checks, d.check(name))
	}
	d.setBlocked(r, vrrp.InterfaceMissing, true)
	if len(r.checks) > 0 {
		d.setBlocked(r, vrrp.AwaitingChecks, true)
		r.graceEnds = d.now.Add(c.StartGrace)
	}
	d.step(r, vrrp.Start{})
	return r
}

// step gives the core an input and carries out what it wants. A core that panics
// has met a case that can't be: its router is taken out, the others go on.
func (d *Daemon) step(r *router, in vrrp.Input) {
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("internal error: the router is taken out", "router", r.config.Name, "panic", p, "stack", string(debug.Stack()))
			r.core = vrrp.NewRouter(r.config.Params)
			r.core.Step(d.now, vrrp.Block{Reason: vrrp.InternalError}, nil)
			d.own(r, false)
		}
	}()
	d.effects = r.core.Step(d.now, in, d.effects[:0])
	for _, effect := range d.effects {
		d.apply(r, effect)
	}
}

// setBlocked tells the core of a reason that has come or gone.
func (d *Daemon) setBlocked(r *router, why vrrp.Reason, blocked bool) {
	if r.blocked[why] == blocked {
		return
	}
	r.blocked[why] = blocked
	if blocked {
		d.step(r, vrrp.Block{Reason: why})
	} else {
		d.step(r, vrrp.Unblock{Reason: why})
	}
}
