// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMatrix gives every input to a router in every state and phase. A cell is
// the state and phase after it, and the effects. A cell that is not named is
// "nothing at all": no effect, the same state and phase.
func TestMatrix(t *testing.T) {
	inputs := []struct {
		name string
		in   Input
	}{
		{"start", Start{}},
		{"stop", Stop{}},
		{"tick too early", Tick{}},
		{"advert 0", heard(0, higher)},
		{"advert lower", heard(99, higher)},
		{"advert equal, lower address", heard(100, lower)},
		{"advert equal, own address", heard(100, own)},
		{"advert equal, higher address", heard(100, higher)},
		{"advert higher", heard(101, lower)},
		{"priority same", Priority{100}},
		{"priority 1", Priority{1}},
		{"priority 254", Priority{254}},
		{"block link-down", Block{LinkDown}},
		{"block maintenance", Block{Maintenance}},
		{"unblock of nothing", Unblock{LinkDown}},
		{"source", Source{own}},
		{"held", Owned{Held}},
		{"failed", Owned{Failed}},
		{"expired", Owned{Expired}},
		{"resume", Resume{Age: second}},
		{"resume too late", Resume{Age: 2750 * time.Millisecond}},
		{"contested", Contested{}},
		{"woke", Woke{}},
		{"host lost", HostLost{higher}},
		{"host back", HostBack{higher}},
		{"added", Owned{Added}},
		{"reconfigured", Reconfigure{params(every(2*second), noPreempt)}},
		{"resign", Resign{}},
		{"reclaim", Reclaim{}},
	}
	columns := []struct {
		name string
		make func(*testing.T) *rig
		want map[string]string // by input
	}{
		{"initialize", func(t *testing.T) *rig { return newRig(t) }, map[string]string{
			"start":           "backup: initialize→backup(started)",
			"resume":          "active resuming: initialize→active(resumed) own",
			"resume too late": "backup: disown initialize→backup(started)",
		}},
		{"initialize, blocked", func(t *testing.T) *rig {
			g := newRig(t)
			g.step(Block{LinkDown})
			g.step(Start{})
			return g
		}, map[string]string{
			"unblock of nothing": "backup: initialize→backup(started)",
		}},
		{"initialize, releasing", func(t *testing.T) *rig {
			g := active(t)
			g.step(Stop{})
			return g
		}, map[string]string{
			"start":           "backup releasing: initialize→backup(started)",
			"block link-down": "initialize: disown",
			"resume":          "backup: disown initialize→backup(started)",
			"resume too late": "backup: disown initialize→backup(started)",
		}},
		{"backup", func(t *testing.T) *rig { return backup(t, 200) }, map[string]string{
			"stop":              "initialize: backup→initialize(stopped)",
			"block link-down":   "initialize: backup→initialize(link-down)",
			"block maintenance": "initialize: backup→initialize(maintenance)",
		}},
		{"backup, releasing", func(t *testing.T) *rig {
			g := active(t)
			g.step(heard(200, higher))
			return g
		}, map[string]string{
			"stop":              "initialize releasing: backup→initialize(stopped)",
			"block link-down":   "initialize: disown backup→initialize(link-down)",
			"block maintenance": "initialize releasing: backup→initialize(maintenance)",
		}},
		{"backup, resigned", func(t *testing.T) *rig {
			g := active(t)
			g.step(Resign{})
			return g
		}, map[string]string{
			"stop":              "initialize releasing: backup→initialize(stopped)",
			"block link-down":   "initialize: disown backup→initialize(link-down)",
			"block maintenance": "initialize releasing: backup→initialize(maintenance)",
		}},
		{"active", func(t *testing.T) *rig { return active(t) }, map[string]string{
			"stop":                         "initialize releasing: send(0) active→initialize(stopped)",
			"advert 0":                     "active: send(100) announce",
			"advert lower":                 "active: send(100) announce",
			"advert equal, lower address":  "active: send(100) announce",
			"advert equal, own address":    "active: notice(same-source) send(100) announce",
			"advert equal, higher address": "backup releasing: send(100) active→backup(higher-address)",
			"advert higher":                "backup releasing: send(100) active→backup(higher-priority)",
			"priority 1":                   "active: send(1)",
			"priority 254":                 "active: send(254)",
			"block link-down":              "initialize: send(0) active→initialize(link-down) disown",
			"block maintenance":            "initialize releasing: send(0) active→initialize(maintenance)",
			"held":                         "active: announce",
			"failed":                       "initialize: send(0) active→initialize(address-failed) disown",
			"expired":                      "active: own",
			"added":                        "active: announce added",
			"resign":                       "backup releasing: send(0) active→backup(resigned)",
		}},
		{"active, overslept", func(t *testing.T) *rig {
			g := active(t)
			g.now = g.now.Add(3 * second)
			return g
		}, map[string]string{
			"stop":                         "initialize releasing: send(0) active→initialize(stopped)",
			"tick too early":               "active: send(100)",
			"advert 0":                     "active: send(100) announce",
			"advert lower":                 "active: send(100) announce",
			"advert equal, lower address":  "active: send(100) announce",
			"advert equal, own address":    "active: notice(same-source) send(100) announce",
			"advert equal, higher address": "backup releasing: send(100) active→backup(higher-address)",
			"advert higher":                "backup releasing: send(100) active→backup(higher-priority)",
			"priority 1":                   "active: send(1)",
			"priority 254":                 "active: send(254)",
			"block link-down":              "initialize: send(0) active→initialize(link-down) disown",
			"block maintenance":            "initialize releasing: send(0) active→initialize(maintenance)",
			"held":                         "active: announce",
			"failed":                       "initialize: send(0) active→initialize(address-failed) disown",
			"expired":                      "backup: active→backup(lease-expired) disown",
			"added":                        "active: announce added",
			"woke":                         "backup: active→backup(overslept) disown",
			"resign":                       "backup releasing: send(0) active→backup(resigned)",
		}},
		{"active, resuming", func(t *testing.T) *rig {
			g := newRig(t)
			g.step(Resume{Age: second})
			return g
		}, map[string]string{
			"stop":                         "initialize releasing: send(0) active→initialize(stopped)",
			"advert lower":                 "backup: active→backup(resumed-too-late) disown",
			"advert equal, lower address":  "backup: active→backup(resumed-too-late) disown",
			"advert equal, own address":    "backup: active→backup(resumed-too-late) disown",
			"advert equal, higher address": "backup: active→backup(resumed-too-late) disown",
			"advert higher":                "backup: active→backup(resumed-too-late) disown",
			"block link-down":              "initialize: send(0) active→initialize(link-down) disown",
			"block maintenance":            "initialize releasing: send(0) active→initialize(maintenance)",
			"failed":                       "initialize: send(0) active→initialize(address-failed) disown",
			"expired":                      "active resuming: own",
			"contested":                    "backup: active→backup(resumed-too-late) disown",
			"resign":                       "backup releasing: send(0) active→backup(resigned)",
		}},
	}
	for _, column := range columns {
		for _, input := range inputs {
			t.Run(column.name+"/"+input.name, func(t *testing.T) {
				g := column.make(t)
				before := cell(g.router.Status(), nil)
				fx := g.router.Step(g.now, input.in, nil)
				got := cell(g.router.Status(), fx)
				want, ok := column.want[input.name]
				if !ok {
					want = before
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// cell writes a router's state and effects as one line.
func cell(s Status, fx []Effect) string {
	line := s.State.String()
	if s.Phase != Settled {
		line += " " + s.Phase.String()
	}
	line += ":"
	for _, e := range fx {
		line += " " + effectWord(e)
	}
	return line
}

func effectWord(e Effect) string {
	switch e := e.(type) {
	case Transition:
		return fmt.Sprintf("%v→%v(%v)", e.From, e.To, e.Reason)
	case Send:
		return fmt.Sprintf("send(%d)", e.Priority)
	case Own:
		if e.Wanted {
			return "own"
		}
		return "disown"
	case Silence:
		return "silence"
	case Announce:
		if e.Added {
			return "announce added"
		}
		return "announce"
	case Follow:
		if !e.Source.IsValid() {
			return "follow()"
		}
		return fmt.Sprintf("follow(%v)", e.Source)
	case Doubt:
		return "doubt"
	case Notice:
		return fmt.Sprintf("notice(%v)", e.Kind)
	}
	return "?"
}
