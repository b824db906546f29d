// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"vipd/vrrp"
)

// Status is everything that a person wants to know, at one moment. Its JSON is
// what `vipd status --json` prints.
type Status struct {
	Node    string         `json:"node"`
	Version string         `json:"version"`
	Started time.Time      `json:"started"`
	Routers []RouterStatus `json:"routers"`
	Checks  []CheckStatus  `json:"checks"`
	Reload  *ReloadStatus  `json:"last_reload,omitempty"`
	Loop    LoopStatus     `json:"loop"`

	Maintenance *Maintenance `json:"maintenance,omitempty"` // of the whole node
}

// RouterStatus is one virtual router's: each address family of a configured router is
// one.
type RouterStatus struct {
	Name      string    `json:"name"`
	Group     string    `json:"group,omitempty"`   // that it moves together with
	Family    string    `json:"family"`            // ipv4, ipv6
	Version   string    `json:"version"`           // of VRRP: 3, 2, both
	State     string    `json:"state"`             // initialize, backup, active
	Phase     string    `json:"phase,omitempty"`   // releasing, draining, resuming
	Blocked   []string  `json:"blocked,omitempty"` // why it may not run
	Since     time.Time `json:"since"`
	Reason    string    `json:"reason"` // for the state
	Interface string    `json:"interface"`
	Source    string    `json:"source,omitempty"`
	VRID      uint8     `json:"vrid"`
	Interval  string    `json:"advert_interval"`
	Probe     string    `json:"probe"` // on-doubt, off, or how often the Active's host is asked

	Peers      []netip.Addr `json:"peers,omitempty"`       // of unicast; else multicast
	VirtualMAC string       `json:"virtual_mac,omitempty"` // that the addresses answer with

	Priority           uint8 `json:"priority"` // effective; of a group, the lowest of its routers'
	ConfiguredPriority uint8 `json:"configured_priority"`
	// Failing is what lowers it: checks and tracked interfaces; or another router of the group, and what
	// fails there, or its priority.
	Failing string `json:"failing,omitempty"`

	Addresses []netip.Prefix `json:"addresses"`
	Outside   []netip.Prefix `json:"outside,omitempty"` // of the interface's networks
	Owns      bool           `json:"owns"`
	Problem   string         `json:"problem,omitempty"`
	// DeletedByOthers says that somebody deletes the addresses again and again, and who
	// it may be.
	DeletedByOthers string `json:"deleted_by_others,omitempty"`

	Active   *ActiveStatus  `json:"active,omitempty"` // whom a Backup hears
	Draining *DrainStatus   `json:"draining,omitempty"`
	Passing  *PassingStatus `json:"passing,omitempty"`

	Resigned  bool       `json:"resigned,omitempty"` // by `vipd resign`: it does not preempt
	Successor netip.Addr `json:"successor,omitzero"` // who took over when it left Active last

	Counters CounterStatus     `json:"counters"`
	Rejected map[string]uint64 `json:"rejected,omitempty"`
	Noticed  map[string]uint64 `json:"noticed,omitempty"`
}

// ActiveStatus is the Active router that a Backup hears.
type ActiveStatus struct {
	Source   netip.Addr `json:"source"`
	Priority uint8      `json:"priority"`
	Interval string     `json:"advert_interval"`
	Heard    time.Time  `json:"heard"`
	// Host is what is known of its host; nil with `probe: off`.
	Host *HostStatus `json:"host,omitempty"`
	// Outranks says why no failed check of its host can move the addresses here, if none
	// can.
	Outranks string `json:"outranks,omitempty"`
}

// CounterStatus counts since the start.
type CounterStatus struct {
	AdvertsSent          uint64 `json:"adverts_sent"`
	AdvertsReceived      uint64 `json:"adverts_received"`
	AdvertsNotSent       uint64 `json:"adverts_not_sent"`
	PriorityZeroSent     uint64 `json:"priority_zero_sent"`
	PriorityZeroReceived uint64 `json:"priority_zero_received"`
	BecameActive         uint64 `json:"became_active"`
	Announced            uint64 `json:"announced"`
	Deletions            uint64 `json:"deletions"` // by others, of addresses that were put back
}

// CheckStatus is one check's.
type CheckStatus struct {
	Name    string    `json:"name"`
	Verdict string    `json:"verdict"` // unknown, pass, fail
	State   string    `json:"state"`   // the verdict, or why it is one: flapping, grace
	Since   time.Time `json:"since"`   // of the verdict
	Detail  string    `json:"detail,omitempty"`
	Took    string    `json:"took,omitempty"`
}

// ReloadStatus is how the last reload went, and how many there were since the start.
type ReloadStatus struct {
	At        time.Time `json:"at"`
	OK        bool      `json:"ok"`
	Error     string    `json:"error,omitempty"` // why everything stayed as it was
	Changes   int       `json:"changes"`         // how many steps were done
	Succeeded uint64    `json:"succeeded"`
	Failed    uint64    `json:"failed"`
}

// LoopStatus is the daemon's own.
type LoopStatus struct {
	Dropped  uint64            `json:"dropped"` // packets, because the queue was full
	Overrun  uint64            `json:"overrun"` // packets that the kernel dropped, because a socket was full
	Late     uint64            `json:"late"`    // wake-ups later than an advert interval
	MaxLate  string            `json:"max_late"`
	Lateness LatenessStatus    `json:"lateness"`
	Rejected map[string]uint64 `json:"rejected,omitempty"` // packets that belong to no router

	// Of the process: the daemon does not know them, whoever runs it fills them in.
	Scheduling string `json:"scheduling,omitempty"` // rr 50, fifo 20, other, …
	Problem    string `json:"problem,omitempty"`    // why the daemon may be late on a busy host
}

// LatenessStatus is a histogram, as Prometheus has it, of how late the loop woke up.
type LatenessStatus struct {
	Buckets []LatenessBucket `json:"buckets"`
	Count   uint64           `json:"count"` // of all, those that are in no bucket, too
	Sum     float64          `json:"sum"`   // seconds
}

// LatenessBucket counts the wake-ups that were late by so much at most.
type LatenessBucket struct {
	LE    float64 `json:"le"` // seconds
	Count uint64  `json:"count"`
}

// ErrNotRunning: the loop has ended.
var ErrNotRunning = errors.New("the daemon is stopping")

// Status asks the loop. The answer is a copy, and nobody's else.
func (d *Daemon) Status(ctx context.Context) (Status, error) {
	answer := make(chan Status, 1)
	select {
	case d.events <- event{ask: answer}:
	case <-d.done:
		return Status{}, ErrNotRunning
	case <-ctx.Done():
		return Status{}, ctx.Err()
	}
	select {
	case s := <-answer:
		return s, nil
	case <-d.done:
		return Status{}, ErrNotRunning
	case <-ctx.Done():
		return Status{}, ctx.Err()
	}
}

// snapshot makes the Status. It runs in the loop.
func (d *Daemon) snapshot() Status {
	s := Status{
		Node: d.config.Node, Version: d.version, Started: d.wall(d.started),
		Routers: []RouterStatus{}, Checks: []CheckStatus{}, Maintenance: d.maintenance,
		Loop: LoopStatus{
			Dropped: d.dropped.Load(), Overrun: d.overrun.Load(), Late: d.lateness.count, MaxLate: d.lateness.max.String(),
			Lateness: d.lateness.status(),
			Rejected: counts(d.rejected[:], rejectWord),
		},
	}
	if !d.lastReload.At.IsZero() {
		last := d.lastReload
		s.Reload = &last
	}
	for _, r := range d.routers {
		for _, f := range r.families {
			s.Routers = append(s.Routers, d.familyStatus(f))
		}
	}
	for _, c := range d.checks {
		s.Checks = append(s.Checks, CheckStatus{
			Name: c.config.Name, Verdict: c.verdict().String(), State: c.state(), Since: d.wall(c.since),
			Detail: c.detail(), Took: c.last.Took.Round(time.Microsecond).String(),
		})
	}
	return s
}

func (d *Daemon) familyStatus(f *family) RouterStatus {
	core, r := f.core.Status(), f.router
	s := RouterStatus{
		Name: r.config.Name, Group: r.config.Group, Family: f.name, Version: f.config.Version.String(),
		State: core.State.String(), Phase: core.Phase.String(),
		Since: d.wall(latest(core.Since, d.started)), Reason: core.Reason.String(),
		Interface: r.config.Interface, VRID: f.config.VRID, Interval: f.config.Interval.String(), Probe: r.config.ProbeWord(),
		Peers: f.config.Peers, VirtualMAC: f.virtualMAC(),
		Priority: core.Priority, ConfiguredPriority: r.config.Priority, Failing: r.lowered(),
		Addresses: []netip.Prefix{}, Outside: f.outside, Owns: core.Owns, Problem: f.problem,
		Draining: d.drainStatus(f, &core), Passing: d.passingStatus(f, &core),
		Resigned: core.Resigned, Successor: core.Successor,
		Counters: CounterStatus{
			AdvertsSent: core.Counters.AdvertsSent, AdvertsReceived: core.Counters.AdvertsReceived,
			AdvertsNotSent:   f.unsent,
			PriorityZeroSent: core.Counters.PriorityZeroSent, PriorityZeroReceived: core.Counters.PriorityZeroReceived,
			BecameActive: core.Counters.BecameActive, Announced: core.Counters.Announced,
			Deletions: f.deletions.count,
		},
		DeletedByOthers: f.deletedByOthers(d.now),

		Rejected: counts(core.Counters.Rejected[:], rejectWord),
		Noticed:  counts(core.Counters.Noticed[:], func(i int) string { return vrrp.NoticeKind(i).String() }),
	}
	if f.problem == "" {
		s.Problem = f.linkProblem()
	}
	if f.source.IsValid() {
		s.Source = f.source.String()
	}
	for _, a := range f.config.Held {
		s.Addresses = append(s.Addresses, a.Prefix)
	}
	for _, why := range core.Blocked {
		s.Blocked = append(s.Blocked, why.String())
	}
	if core.Active.Source.IsValid() {
		s.Active = &ActiveStatus{
			Source: core.Active.Source, Priority: core.Active.Priority,
			Interval: core.Active.Interval.String(), Heard: d.wall(core.Active.Heard),
			Host: d.hostStatus(f.watch), Outranks: r.group.outranked(core.Active.Priority),
		}
	}
	return s
}

// linkProblem is what is wrong with the interfaces, its own first.
func (f *family) linkProblem() string {
	if f.link.Problem != "" {
		return f.link.Problem
	}
	for _, name := range f.router.config.Interfaces() {
		if l := f.router.links[name]; l.Problem != "" {
			return name + ": " + l.Problem
		}
	}
	return ""
}

// wall turns an instant of the loop's clock into wall-clock time, in whole
// milliseconds.
func (d *Daemon) wall(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return d.timer.Wall(t).Round(time.Millisecond)
}

// latest is the later of two instants: a router that never moved has been so
// since the start.
func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func rejectWord(i int) string { return vrrp.Reject(i).String() }

// counts names the counters that are not 0.
func counts(values []uint64, word func(int) string) map[string]uint64 {
	named := map[string]uint64{}
	for i, n := range values {
		if n > 0 {
			named[word(i)] = n
		}
	}
	return named
}
