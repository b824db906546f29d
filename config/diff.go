// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
)

// Cost is the most that a step of a reload can lead to.
type Cost string

const (
	// CostNothing: nobody outside of this node need notice.
	CostNothing Cost = "nothing"
	// CostAnnounce: the new addresses are announced.
	CostAnnounce Cost = "announce"
	// CostElection: another node may become Active, without a lost packet.
	CostElection Cost = "election"
	// CostRestart: it is another router on the wire, or in another group: the old one
	// hands its addresses over, and the new one starts as a Backup.
	CostRestart Cost = "restart of the router"
)

// Plan is what a reload does.
type Plan struct {
	Steps   []Step
	Kept    []Kept  // groups that go on, in the order of the new configuration
	Removed []Group // groups that stop
	Added   []Group // groups that start; a restarted one is in both
}

// Kept is a group that goes on, with the state, timers and addresses of its routers:
// those of the old one are, in the same order, those of the new one.
type Kept struct{ Old, New Group }

// Step is one difference. Its JSON is part of the API.
type Step struct {
	Router string `json:"router,omitempty"` // empty: the daemon itself
	What   string `json:"what"`             // a key of the file
	From   string `json:"from,omitempty"`   // empty: it is added
	To     string `json:"to,omitempty"`     // empty: it is removed
	Cost   Cost   `json:"cost"`
}

// String is one line for people.
func (s Step) String() string {
	who := s.Router
	if who == "" {
		who = "vipd"
	}
	switch {
	case s.From == "":
		return fmt.Sprintf("%s: %s %s is added: %s", who, s.What, s.To, s.Cost)
	case s.To == "":
		return fmt.Sprintf("%s: %s %s is removed: %s", who, s.What, s.From, s.Cost)
	}
	return fmt.Sprintf("%s: %s %s becomes %s: %s", who, s.What, s.From, s.To, s.Cost)
}

// Diff plans the way from one configuration to another. A router is known by what it
// is on the wire, its interface, VRID and families, and not by its name, and a group by
// its routers. The error names what only a restart of the daemon can change.
func Diff(old, new *Config) (Plan, error) {
	if err := needsRestart(old, new); err != nil {
		return Plan{}, err
	}
	p := Plan{Steps: daemonSteps(old, new)}
	h := heritageOf(old, new)
	for _, g := range new.Groups() {
		p.group(g, &h)
	}
	p.end(old, &h)
	return p, nil
}

// needsRestart refuses what a running daemon can't change.
func needsRestart(old, new *Config) error {
	var errs []error
	if old.API != new.API {
		errs = append(errs, fmt.Errorf("`api` becomes %s: that needs a restart of vipd", new.API))
	}
	if old.Log.JSON != new.Log.JSON {
		errs = append(errs, errors.New("`log: format` changes: that needs a restart of vipd"))
	}
	return errors.Join(errs...)
}

// wire is what a router is known by on the wire.
func (r *Router) wire() string {
	return fmt.Sprintf("%s vrid %d %s", r.Interface, r.VRID, r.families())
}

func (r *Router) families() string {
	var names []string
	for i := range r.Families {
		names = append(names, r.Families[i].name())
	}
	return strings.Join(names, "+")
}

// overlaps reports whether two routers have a virtual router of the RFC in common.
func (r *Router) overlaps(other *Router) bool {
	if r.Interface != other.Interface || r.VRID != other.VRID {
		return false
	}
	return slices.ContainsFunc(r.Families, func(f Family) bool {
		return slices.ContainsFunc(other.Families, func(g Family) bool { return f.IPv4() == g.IPv4() })
	})
}

// Conflicts reports whether two routers can't run at once: they have a virtual router
// or an address in common.
func (r *Router) Conflicts(other *Router) bool {
	return r.overlaps(other) || slices.ContainsFunc(r.Prefixes(), func(p netip.Prefix) bool {
		return slices.ContainsFunc(other.Prefixes(), func(q netip.Prefix) bool { return p.Addr() == q.Addr() })
	})
}

// daemonSteps lists what differs beside the routers.
func daemonSteps(old, new *Config) []Step {
	var steps []Step
	if old.Node != new.Node {
		steps = append(steps, Step{What: "node", From: old.Node, To: new.Node, Cost: CostNothing})
	}
	if old.Log.Level != new.Log.Level {
		from, to := strings.ToLower(old.Log.Level.String()), strings.ToLower(new.Log.Level.String())
		steps = append(steps, Step{What: "log level", From: from, To: to, Cost: CostNothing})
	}
	return append(steps, checkSteps(old, new)...)
}

// checkSteps lists how the checks differ. What they cost is said where a router's list
// of them differs.
func checkSteps(old, new *Config) []Step {
	var steps []Step
	for i := range new.Checks {
		check := &new.Checks[i]
		switch before := old.Check(check.Name); {
		case before == nil:
			steps = append(steps, Step{What: "check", To: check.Name, Cost: CostNothing})
		case !check.SameProbe(before):
			steps = append(steps, Step{What: "check", From: check.Name, To: "another probe", Cost: CostElection})
		case check.Penalty != before.Penalty:
			steps = append(steps, Step{What: "penalty of check " + check.Name, From: before.Penalty.String(), To: check.Penalty.String(), Cost: CostElection})
		}
	}
	for i := range old.Checks {
		if name := old.Checks[i].Name; new.Check(name) == nil {
			steps = append(steps, Step{What: "check", From: name, Cost: CostNothing})
		}
	}
	return steps
}

// SameProbe reports whether two checks ask the same in the same way, so that what one
// has found holds for the other.
func (c *Check) SameProbe(other *Check) bool {
	return c.Name == other.Name && c.Interval == other.Interval && c.Timeout == other.Timeout && c.Grace == other.Grace &&
		c.Rise == other.Rise && c.Fall == other.Fall && c.Damping == other.Damping && reflect.DeepEqual(c.Kind, other.Kind)
}
