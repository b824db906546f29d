// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"vipd/config"
	"vipd/health"
	"vipd/vrrp"
)

// reloadRequest is a new configuration: to be taken over, or only to be compared.
type reloadRequest struct {
	config *config.Config
	carry  bool  // it out
	failed error // there is none
	answer chan<- reloadResult
}

// reloadResult is what came of a request.
type reloadResult struct {
	plan config.Plan
	err  error
}

// reloadPatience is how long a reload waits for the network to tell of its interfaces.
const reloadPatience = 2 * time.Second

var (
	// errUntold: the network has not told of an interface.
	errUntold = errors.New("nothing is known of one of its interfaces yet")
	// errSuperseded: a later reload came before the interfaces of this one were known.
	errSuperseded = errors.New("another reload came before this one was carried out")
)

// Reload takes over a new configuration, which has been checked, and returns what has
// been done. What did not change keeps its state, timers and addresses. An error leaves
// everything as it was: the configuration needs a restart, or a router that runs would
// have to wait for an interface that does not exist.
func (d *Daemon) Reload(ctx context.Context, c *config.Config) (config.Plan, error) {
	return d.askReload(ctx, reloadRequest{config: c, carry: true})
}

// Plan returns what Reload would do.
func (d *Daemon) Plan(ctx context.Context, c *config.Config) (config.Plan, error) {
	return d.askReload(ctx, reloadRequest{config: c})
}

// ReloadFailed notes that there is no new configuration to take over, and why.
func (d *Daemon) ReloadFailed(ctx context.Context, why error) {
	_, _ = d.askReload(ctx, reloadRequest{failed: why})
}

func (d *Daemon) askReload(ctx context.Context, q reloadRequest) (config.Plan, error) {
	answer := make(chan reloadResult, 1)
	q.answer = answer
	select {
	case d.events <- event{reload: &q}:
	case <-d.done:
		return config.Plan{}, ErrNotRunning
	case <-ctx.Done():
		return config.Plan{}, ctx.Err()
	}
	select { // whatever became of ctx: it must be known whether it was carried out
	case o := <-answer:
		return o.plan, o.err
	case <-d.done:
		return config.Plan{}, ErrNotRunning
	}
}

// reloadAsked answers a request, or makes it wait for what the network tells of its
// interfaces.
func (d *Daemon) reloadAsked(q *reloadRequest) {
	if q.failed != nil {
		d.conclude(q, config.Plan{}, q.failed)
		return
	}
	plan, err := config.Diff(d.config, q.config)
	if err == nil && d.stopping {
		err = ErrNotRunning
	}
	if err != nil || !q.carry {
		d.conclude(q, plan, err)
		return
	}
	if d.waiting != nil {
		d.conclude(d.waiting, config.Plan{}, errSuperseded)
	}
	d.waiting, d.waitingEnds = q, d.now.Add(reloadPatience)
	d.follow(q.config)
	d.tryReload(q)
}

// conclude answers a request.
func (d *Daemon) conclude(q *reloadRequest, plan config.Plan, err error) {
	if q.carry || q.failed != nil {
		d.noteReload(len(plan.Steps), err)
	}
	q.answer <- reloadResult{plan, err}
}

// noteReload notes for the status how a reload went.
func (d *Daemon) noteReload(changes int, err error) {
	last := &d.lastReload
	last.At, last.OK, last.Error, last.Changes = d.wall(d.now), err == nil, "", changes
	if err == nil {
		last.Succeeded++
		return
	}
	last.Failed++
	last.Error = err.Error()
	d.log.Error("reload failed: everything stays as it was", "error", err)
}

// follow makes the network follow what runs, and what else a configuration has.
func (d *Daemon) follow(c *config.Config) {
	var all []*config.Router
	for _, r := range d.routers {
		all = append(all, r.config)
	}
	for i := range c.Routers {
		all = append(all, &c.Routers[i])
	}
	d.forgetLinks(all)
	d.network.Follow(all)
}

// tryReload carries a reload out once it is known what its interfaces are like: a
// router that runs does not stop to wait for them.
func (d *Daemon) tryReload(q *reloadRequest) {
	plan, err := config.Diff(d.config, q.config)
	if err == nil {
		var known bool
		if known, err = d.interfacesAreThere(plan.Kept); err == nil && !known {
			return
		}
	}
	if err != nil {
		d.giveUpReload(err)
		return
	}
	d.waiting, d.waitingEnds = nil, time.Time{}
	d.reload(q.config, plan)
	d.log.Info("reloaded", "changes", len(plan.Steps))
	d.conclude(q, plan, nil)
}

// giveUpReload ends the reload that waits.
func (d *Daemon) giveUpReload(why error) {
	q := d.waiting
	d.waiting, d.waitingEnds = nil, time.Time{}
	d.conclude(q, config.Plan{}, why)
	d.follow(d.config)
}

// interfacesAreThere refuses to make a router that runs wait for an interface. It is
// not known while the network has not told of all.
func (d *Daemon) interfacesAreThere(kept []config.Kept) (known bool, err error) {
	known = true
	for _, k := range kept {
		for i, router := range k.New.Routers {
			there, err := d.newInterfacesAreThere(k.Old.Routers[i], router)
			if err != nil {
				return false, err
			}
			known = known && there
		}
	}
	return known, nil
}

// newInterfacesAreThere is interfacesAreThere for one router.
func (d *Daemon) newInterfacesAreThere(old, new *config.Router) (known bool, err error) {
	known = true
	before := old.Interfaces()
	for _, name := range new.Interfaces() {
		l, told := d.links[name]
		known = known && told
		switch {
		case !told || slices.Contains(before, name):
		case l.Index == 0:
			return false, fmt.Errorf("router %s: there is no interface %s", new.Name, name)
		case !l.Up:
			return false, fmt.Errorf("router %s: interface %s is down", new.Name, name)
		}
	}
	return known && d.knowsTracked(new), nil
}

// reload does what was planned: what stays first, then what goes, then what comes.
func (d *Daemon) reload(c *config.Config, plan config.Plan) {
	d.config = c
	d.replaceChecks(c)
	for _, s := range plan.Steps {
		d.log.Info("reload", "router", s.Router, "what", s.What, "from", s.From, "to", s.To, "cost", string(s.Cost))
	}
	for _, k := range plan.Kept {
		if at := d.pendingAt(k.Old); at >= 0 {
			d.pending[at] = k.New
		} else if g := d.running(k.Old); g != nil {
			for i, r := range g.routers {
				d.reconfigure(r, k.New.Routers[i])
			}
		}
	}
	for _, old := range plan.Removed {
		d.remove(old)
	}
	d.pending = append(d.pending, plan.Added...)
	d.startPending()
	d.follow(d.config)
}

// running finds the group that runs by a configuration; nil: it has not started yet.
func (d *Daemon) running(c config.Group) *group {
	for _, g := range d.groups {
		if g.routers[0].config == c.Routers[0] && !g.leaving {
			return g
		}
	}
	return nil
}

// pendingAt finds a group among those that have not started yet; -1: it is none of them.
func (d *Daemon) pendingAt(c config.Group) int {
	return slices.IndexFunc(d.pending, func(p config.Group) bool { return p.Routers[0] == c.Routers[0] })
}

// replaceChecks makes the checks those of a configuration. What was found by the same
// probe stays, and what another one found holds until the new one's first result.
func (d *Daemon) replaceChecks(c *config.Config) {
	before := d.checks
	d.checks = nil
	for i := range c.Checks {
		now := &c.Checks[i]
		at := slices.IndexFunc(before, func(b *check) bool { return b.config.Name == now.Name })
		switch {
		case at < 0:
			d.checks = append(d.checks, newCheck(now, d.now))
		case before[at].config.SameProbe(now):
			before[at].config = now
			d.checks = append(d.checks, before[at])
		default:
			fresh := newCheck(now, d.now)
			fresh.before, fresh.last = before[at].verdict(), before[at].last
			d.checks = append(d.checks, fresh)
		}
	}
}

// addedGrace is how long a check that a reload has added costs nothing before its first
// verdict: twice the time that a probe may take. Only one that can't be made takes longer.
const addedGrace = 2 * time.Minute

// reconfigure makes a router go on by a changed configuration.
func (d *Daemon) reconfigure(r *router, c *config.Router) {
	r.config = c
	before := make([]Want, len(r.families))
	for i, f := range r.families {
		before[i] = f.want
		f.config = &c.Families[i]
		d.step(f, vrrp.Reconfigure{Params: f.config.Params})
	}
	for _, f := range r.families {
		if f.watch != nil {
			d.paceQuestions(f.watch)
		}
	}
	r.checks, r.penalties = d.checksOf(c), penaltySum(d.config.Penalties(c))
	if !r.starting && slices.ContainsFunc(r.checks, func(k *check) bool { return k.verdict() == health.Unknown }) {
		r.graceEnds = d.now.Add(addedGrace)
	}
	d.relink(r)
	for i, f := range r.families {
		if o := &r.group.opening; o.asked && !reflect.DeepEqual(f.want, before[i]) {
			o.ends = d.now // the answer is about what was wanted before
		}
		d.setAgain(f)
	}
	d.judge(r)
}

// relink gives a router the interfaces of its configuration, as they are now.
func (d *Daemon) relink(r *router) {
	for name := range r.links {
		if !slices.Contains(r.config.Interfaces(), name) {
			delete(r.links, name)
		}
	}
	for _, name := range r.config.Interfaces() {
		if l, told := d.links[name]; told {
			r.links[name] = l
		}
	}
	if l, told := d.links[r.config.Interface]; told {
		d.linkOf(r, l)
	}
}

// setAgain tells the network what is wanted now, if that is something else. Whether the
// addresses are there at all stays as it is.
func (d *Daemon) setAgain(f *family) {
	w := f.want
	w.Present, w.Silent = f.set.Present, f.set.Silent
	if f.set.Leaving { // until then another router has them
		w.Leaving, w.Lease = true, f.set.Lease
	}
	if f.swept && !f.set.Draining && !reflect.DeepEqual(w, f.set) {
		d.set(f, w)
	}
}

// remove makes a group leave: it hands its addresses over as at a stop.
func (d *Daemon) remove(c config.Group) {
	if at := d.pendingAt(c); at >= 0 {
		d.pending = slices.Delete(d.pending, at, at+1)
		return
	}
	if g := d.running(c); g != nil {
		g.leaving = true
		d.leave(g)
		d.flush()
	}
}

// dropGone drops the groups that have left, and starts what waited for it.
func (d *Daemon) dropGone() {
	if slices.ContainsFunc(d.schedule.touched, (*group).gone) {
		d.routers = slices.DeleteFunc(d.routers, func(r *router) bool { return r.group.gone() })
		d.groups = slices.DeleteFunc(d.groups, (*group).gone)
		d.index = nil
		d.startPending()
		d.follow(d.config)
	}
}

// startPending starts the new groups that no leaving one is in the way of. They do not
// look for what a crash has left: what is there now may be of a router of this run.
func (d *Daemon) startPending() {
	waiting := d.pending
	d.pending = nil
	for _, c := range waiting {
		if slices.ContainsFunc(c.Routers, d.isInUse) {
			d.pending = append(d.pending, c)
			continue
		}
		g := d.addGroup(c)
		d.step(g.families[0], vrrp.Start{})
		for _, r := range g.routers {
			d.linkAll(r)
		}
	}
}

// isInUse tells whether a router that leaves still has what another one wants.
func (d *Daemon) isInUse(c *config.Router) bool {
	return slices.ContainsFunc(d.routers, func(r *router) bool { return r.group.leaving && r.config.Conflicts(c) })
}

// linkAll tells a new router what its interfaces are like.
func (d *Daemon) linkAll(r *router) {
	for _, name := range r.config.Interfaces() {
		if l, told := d.links[name]; told {
			d.linkOf(r, l)
		}
	}
}
