// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"slices"
	"time"

	"vipd/config"
	"vipd/vrrp"
)

// router is one configured router: its families, which move together, and with those of
// its group.
type router struct {
	config   *config.Router
	key      string // its name when it was made, or similar: of the network's keys
	group    *group
	families []*family
	links    map[string]Link // its own interface, and those of its addresses and routes
	checks   []*check

	starting bool // it may not run before its checks' first verdicts

	// penalties is what its checks and tracked interfaces together take off a priority.
	penalties int
	graceEnds time.Time // zero: the checks are not waited for
	priority  uint8     // what the core was told
	because   string    // why it is not the configured one
}

// newRouter makes a router, without a core.
func (d *Daemon) newRouter(c *config.Router) *router {
	r := &router{config: c, key: d.freeKey(c.Name), priority: c.Priority, links: map[string]Link{}}
	for i := range c.Families {
		r.addFamily(i)
	}
	r.checks, r.penalties = d.checksOf(c), penaltySum(d.config.Penalties(c))
	return r
}

// holdBack says what holds a new router back.
func (d *Daemon) holdBack(r *router) {
	d.block(r, vrrp.InterfaceMissing, true)
	if r.awaitsVerdicts() {
		d.block(r, vrrp.AwaitingChecks, true)
		r.starting, r.graceEnds = true, d.now.Add(r.config.StartGrace)
		d.judge(r) // after a reload the verdicts may be there
	}
	d.block(r, vrrp.Maintenance, d.maintenance != nil)
}

// freeKey is a name that no router's key has: another router may have been renamed.
func (d *Daemon) freeKey(name string) string {
	key := name
	for n := 2; slices.ContainsFunc(d.routers, func(r *router) bool { return r.key == key }); n++ {
		key = fmt.Sprintf("%s#%d", name, n)
	}
	return key
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
