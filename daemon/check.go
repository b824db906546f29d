// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"vipd/config"
	"vipd/health"
	"vipd/vrrp"
)

// check is one configured check: what it said last, and what it comes to.
type check struct {
	config *config.Check
	tally  health.Tally
	since  time.Time // of the verdict
	last   health.Result
	warned string         // the last warning in the log
	before health.Verdict // of another probe, before a reload: holds until there is a result
}

func (c *check) verdict() health.Verdict {
	if verdict := c.tally.Verdict(); verdict != health.Unknown {
		return verdict
	}
	return c.before
}

// state says more than the verdict: why it is one.
func (c *check) state() string {
	switch {
	case c.tally.Flapping():
		return "flapping"
	case c.last.Excused:
		return "grace"
	}
	return c.verdict().String()
}

// detail is what the last probe said, and of a check that passes its probes and fails
// all the same, why.
func (c *check) detail() string {
	if !c.tally.Flapping() || !c.last.OK {
		return c.last.Detail
	}
	damping := c.config.Damping
	return fmt.Sprintf("failed %d times within %v: passes after %v without a failure", damping.Failures, damping.Within, damping.Hold)
}

func newCheck(c *config.Check, now time.Time) *check {
	return &check{config: c, tally: health.NewTally(c.Rise, c.Fall, c.Damping), since: now}
}

// check finds a check by name; the configuration has been checked for it.
func (d *Daemon) check(name string) *check {
	for _, c := range d.checks {
		if c.config.Name == name {
			return c
		}
	}
	return nil
}

// checksOf finds the checks of a router.
func (d *Daemon) checksOf(c *config.Router) []*check {
	var all []*check
	for _, name := range c.Checks {
		all = append(all, d.check(name))
	}
	return all
}

// checked takes one result.
func (d *Daemon) checked(result health.Result) {
	c := d.check(result.Check)
	if c == nil {
		return
	}
	c.last = result
	if result.Warning && result.Detail != c.warned {
		d.logWarning(c)
	}
	if result.Unmade {
		d.logUnmade(c)
	}
	if result.Excused {
		d.logExcused(c)
	}
	if !c.tally.Add(result, d.now) {
		return
	}
	c.since = d.now
	d.log.Info("check", "check", result.Check, "verdict", c.verdict().String(), "state", c.state(), "detail", result.Detail)
	for _, r := range d.routers {
		d.judge(r)
	}
}

// logWarning logs at a bounded rate what will go wrong.
func (d *Daemon) logWarning(c *check) {
	if ok, suppressed := d.limit.allow(d.now, netip.Addr{}, "warning "+c.config.Name); ok {
		c.warned = c.last.Detail
		d.log.Warn("check", "check", c.config.Name, "verdict", c.verdict().String(), "warning", c.warned, "suppressed", suppressed)
	}
}

// logUnmade logs at a bounded rate that a check can't be made.
func (d *Daemon) logUnmade(c *check) {
	if ok, suppressed := d.limit.allow(d.now, netip.Addr{}, "check "+c.config.Name); ok {
		d.log.Error("a check can't be made, its verdict stays", "check", c.config.Name, "verdict", c.verdict().String(),
			"error", c.last.Detail, "suppressed", suppressed)
	}
}

// logExcused logs at a bounded rate that a service is gone and that it has time.
func (d *Daemon) logExcused(c *check) {
	if ok, suppressed := d.limit.allow(d.now, netip.Addr{}, "grace "+c.config.Name); ok {
		d.log.Warn("a service is gone, and has its grace to come back", "check", c.config.Name, "verdict", c.verdict().String(),
			"grace", c.config.Grace, "detail", c.last.Detail, "suppressed", suppressed)
	}
}

// judge recomputes from all verdicts what a router may be, and tells the core.
func (d *Daemon) judge(r *router) {
	verdicts := make([]verdict, len(r.checks))
	for i, c := range r.checks {
		verdicts[i] = verdict{c.config.Name, c.verdict(), c.config.Penalty}
	}
	verdicts = append(verdicts, d.tracked(r.config)...)
	s := assess(r.config.Priority, verdicts, !r.graceEnds.IsZero())
	because := strings.Join(s.because, ", ")
	if s.priority != r.priority || because != r.because {
		d.log.Info("priority", "router", r.config.Name, "from", r.priority, "to", s.priority, "failing", because)
	}
	r.priority, r.because = s.priority, because
	if !s.unknown {
		r.graceEnds = time.Time{}
	}
	d.block(r, vrrp.CheckFailed, s.fault)
	for _, f := range r.families {
		d.step(f, vrrp.Priority{Effective: s.priority})
	}
	r.starting = r.starting && !r.graceEnds.IsZero()
	d.block(r, vrrp.AwaitingChecks, r.starting)
}

// endGrace stops waiting for first verdicts, after start_grace or addedGrace. What is
// unknown then, fails: a check that can't answer is no reason to trust.
func (d *Daemon) endGrace(r *router) {
	r.graceEnds = time.Time{}
	d.log.Warn("no verdict of a check in time: it counts as failed", "router", r.config.Name)
	d.judge(r)
}
