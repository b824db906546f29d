// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"time"

	"vipd/health"
	"vipd/vrrp"
)

// penalty is what a failing check costs.
type penalty struct {
	less  int // 0: the priority becomes the lowest
	fault bool
}

const (
	lowestPriority = 1
	rise, fall     = 2, 2
	checkInterval  = time.Second
)

// check is a check of the node's daemon: it reports a result, now and once an
// interval.
func (n *node) check(d *daemon, check int) {
	if n.daemon != d {
		return
	}
	if n.awake() {
		n.checked(d, check, health.Result{OK: n.serving[check]})
	}
	n.w.after(checkInterval, func() { n.check(d, check) })
}

// serve makes the service behind a check well or ill. died: the check sees its
// process end.
func (n *node) serve(check int, well, died bool) {
	n.serving[check] = well
	if !well && died {
		n.checked(n.daemon, check, health.Result{Sure: true})
	}
}

// checked gives the daemon a result.
func (n *node) checked(d *daemon, check int, r health.Result) {
	n.tell(func() {
		if d.tallies[check].Add(r, n.now()) {
			n.judge()
		}
	})
}

// judge recomputes from all verdicts what the node may be. An unknown one costs
// nothing.
func (n *node) judge() {
	priority, fault, unknown := int(n.spec.priority), false, false
	for i := range n.daemon.tallies {
		verdict := n.daemon.tallies[i].Verdict()
		unknown = unknown || verdict == health.Unknown
		if verdict != health.Fail {
			continue
		}
		switch p := n.spec.penalties[i]; {
		case p.fault:
			fault = true
		case p.less > 0:
			priority -= p.less
		default:
			priority = lowestPriority
		}
	}
	n.block(vrrp.CheckFailed, fault)
	for m := range n.daemon.members {
		n.step(m, vrrp.Priority{Effective: uint8(max(priority, lowestPriority))})
	}
	n.block(vrrp.AwaitingChecks, unknown && n.daemon.blocked[vrrp.AwaitingChecks])
}
