// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"time"

	"vipd/vrrp"
)

const (
	// countPause is how often what is passed on is counted.
	countPause = time.Second
	// drainLease is the least lease of addresses that drain, which each report renews:
	// longer than the next Active waits for one. When it ends all connections do.
	drainLease = 4 * time.Second
)

// connections is what is known of the connections to a draining family's addresses.
type connections struct {
	left    int
	counted bool
	problem string // why they can't be counted
}

// passing is what is known of a family's segments for connections of the last Active.
type passing struct {
	to      netip.Addr // zero: nothing is passed on
	problem string     // why it is not
}

// drain keeps a family's addresses for its connections alone.
func (d *Daemon) drain(f *family) {
	s := f.core.Status()
	f.connections = connections{}
	w := f.leavingWant()
	w.Silent, w.Draining, w.Lease = true, true, f.want.Lease
	if w.Lease > 0 {
		w.Lease = max(w.Lease, drainLease)
	}
	d.set(f, w)
	d.log.Info("draining: established connections stay here", f.attrs("successor", s.Successor, "until", d.wall(s.DrainEnds))...)
}

// drainEnded tells what became of the connections. Those that are left are reset, unless
// the addresses are wanted here again.
func (d *Daemon) drainEnded(f *family, wanted bool) {
	left := any(f.connections.left)
	if !f.connections.counted {
		left = "unknown"
	}
	d.log.Info("the drain has ended", f.attrs("connections", left, "active_again", wanted)...)
	f.connections = connections{}
}

// report tells the successor that the family drains, or drains no more. The lease is
// renewed with it, and who is left is counted.
func (d *Daemon) report(f *family, r vrrp.Report) {
	o := &d.out
	o.family, o.priority = f, 0
	o.payload = f.core.EncodeReport(r, o.payload, o.emit)
	if f.set.Draining && !r.Last { // the first one comes while it still releases
		d.network.Renew(f.key)
		d.network.Count(f.key)
	}
}

// connectionsCounted hears how many are left.
func (d *Daemon) connectionsCounted(c Connections) {
	f := d.family(c.Key)
	if f == nil || !f.set.Draining {
		return
	}
	if c.Err != nil {
		f.connections.problem = c.Err.Error()
		d.logBounded(netip.Addr{}, "not-counted", "connections can't be counted", f.attrs("error", c.Err)...)
		return
	}
	f.connections = connections{left: c.Number, counted: true}
	if c.Number == 0 {
		d.step(f, vrrp.Drained{})
	}
}

// pass passes segments on, or ends it.
func (d *Daemon) pass(f *family, to netip.Addr) {
	if to != f.passing.to {
		f.passing = passing{to: to}
		if to.IsValid() {
			d.log.Info("passing segments of the other node's connections on", f.attrs("to", to)...)
		} else {
			d.log.Info("no longer passing segments on", f.attrs()...)
		}
	}
	d.network.Pass(f.key, Passing{Link: f.link.Index, Target: to})
	if d.now.Sub(d.passedAsked) >= countPause {
		d.passedAsked = d.now
		d.network.CountPassed()
	}
}

// passingChanged hears what became of it.
func (d *Daemon) passingChanged(p PassingState) {
	f := d.family(p.Key)
	if f == nil || !f.passing.to.IsValid() {
		return
	}
	if p.Err == nil {
		f.passing.problem = ""
		return
	}
	if problem := p.Err.Error(); problem != f.passing.problem {
		f.passing.problem = problem
		d.log.Warn("segments can't be passed on: connections of the other node end", f.attrs("error", p.Err)...)
	}
}

// passedCounted hears how much was passed on.
func (d *Daemon) passedCounted(p Passed) {
	if p.Err != nil {
		d.logBounded(netip.Addr{}, "not-counted", "what is passed on can't be counted", "error", p.Err)
		return
	}
	d.passed = p
}

// DrainStatus is a router that keeps its addresses for established connections.
type DrainStatus struct {
	Connections *int      `json:"connections,omitempty"` // nil: not counted yet
	Ends        time.Time `json:"ends"`                  // what is left then is reset
	Problem     string    `json:"problem,omitempty"`
}

// PassingStatus is a router that passes on what belongs to no connection of its own.
type PassingStatus struct {
	To netip.Addr `json:"to"`
	PassCounts
	Problem string `json:"problem,omitempty"`
}

func (d *Daemon) drainStatus(f *family, core *vrrp.Status) *DrainStatus {
	if core.Phase != vrrp.Draining {
		return nil
	}
	s := &DrainStatus{Ends: d.wall(core.DrainEnds), Problem: f.connections.problem}
	if f.connections.counted {
		left := f.connections.left
		s.Connections = &left
	}
	return s
}

func (d *Daemon) passingStatus(f *family, core *vrrp.Status) *PassingStatus {
	if !core.PassesTo.IsValid() {
		return nil
	}
	counts := d.passed.IPv6
	if f.config.IPv4() {
		counts = d.passed.IPv4
	}
	return &PassingStatus{To: core.PassesTo, PassCounts: counts, Problem: f.passing.problem}
}
