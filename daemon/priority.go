// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"vipd/config"
	"vipd/health"
)

const (
	lowestPriority  = 1
	highestPriority = 254
)

// verdict is the part of one check, or of one tracked interface, in a router's priority.
type verdict struct {
	name    string
	verdict health.Verdict
	penalty config.Penalty
}

// standing is what all verdicts together make of a router.
type standing struct {
	priority uint8    // 1–254
	fault    bool     // it may not run at all
	unknown  bool     // a verdict is not there yet
	because  []string // what fails
}

// assess recomputes a router's standing from its configured priority and all
// verdicts. It never adds to or takes from an earlier one, so no order of events
// can leave it wrong. While first verdicts are awaited an unknown one costs
// nothing; after that it counts as failed.
func assess(configured uint8, verdicts []verdict, waiting bool) standing {
	var s standing
	priority := int(configured)
	for _, v := range verdicts {
		unknown := v.verdict == health.Unknown
		s.unknown = s.unknown || unknown
		if v.verdict == health.Pass || unknown && waiting {
			continue
		}
		s.because = append(s.because, v.name)
		switch {
		case v.penalty.Fault:
			s.fault = true
		case v.penalty.Less > 0:
			priority -= v.penalty.Less
		default:
			priority = lowestPriority
		}
	}
	s.priority = uint8(min(max(priority, lowestPriority), highestPriority))
	return s
}
