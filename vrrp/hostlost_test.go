// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

// The Active's host does not answer: Skew_Time is enough, whatever else is waited
// for.
func TestHostLost(t *testing.T) {
	for name, change := range map[string]func(*Params){
		"":            func(*Params) {},
		"no preempt":  noPreempt,
		"start delay": func(p *Params) { p.StartDelay = time.Minute },
		"rfc":         pureRFC,
	} {
		t.Run(name, func(t *testing.T) {
			g := backup(t, 200, change)
			g.quiet(1200 * time.Millisecond)
			g.want(HostLost{higher})
			g.quiet(skew100 / 2)
			g.want(HostLost{higher}) // said twice, it does not take longer
			g.until(skew100-skew100/2, Transition{Backup, Active, ActiveHostLost}, Send{100}, Own{true})
		})
	}
}

// It makes the timer shorter, never longer.
func TestHostLostAtTheEnd(t *testing.T) {
	g := backup(t, 200)
	g.quiet(down100 - time.Millisecond)
	g.want(HostLost{higher})
	g.until(time.Millisecond, Transition{Backup, Active, ActiveHostLost}, Send{100}, Own{true})
}

// Any advert says that it was wrong, also one that is discarded.
func TestHostLostIsTakenBack(t *testing.T) {
	g := backup(t, 200)
	g.quiet(second)
	g.want(HostLost{higher})
	g.want(heard(200, higher))
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})

	g = newRig(t)
	g.step(Start{})
	g.quiet(second)
	g.want(heard(50, higher))
	g.want(HostLost{higher})
	g.want(heard(50, higher))
	g.until(down100-second, Transition{Backup, Active, ActiveLower}, Send{100}, Own{true})
}

// A host that nobody follows may be lost.
func TestHostLostOfAnother(t *testing.T) {
	for _, source := range []netip.Addr{lower, {}} {
		g := backup(t, 200)
		g.quiet(second)
		g.want(HostLost{source})
		g.until(down100-second, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
	}
	g := newRig(t)
	g.step(Start{})
	g.want(HostLost{}) // nobody is followed, and nobody is lost
	g.until(down100, Transition{Backup, Active, ActiveDown}, Send{100}, Own{true})
}

// Our own priority falls meanwhile: the host is still lost.
func TestHostLostAndOurPriorityFalls(t *testing.T) {
	g := newRig(t)
	g.step(Start{})
	g.quiet(second)
	g.want(heard(50, higher))
	g.want(HostLost{higher})
	g.want(Priority{40})
	g.until(SkewTime(40, second), Transition{Backup, Active, ActiveHostLost}, Send{40}, Own{true})
}

// A group loses the host when every family has.
func TestGroupHostLost(t *testing.T) {
	b := newBand(t)
	b.step(0, Start{})
	b.want(0, heard(200, higher), "")
	b.want(1, heard6(200, higher6), "")
	b.pass(second)
	b.want(0, HostLost{higher}, "")
	b.pass(second)
	b.want(1, HostLost{higher6}, "")
	b.until(skew100, "0:backup→active(active-host-lost) 0:send(100) 0:own 1:backup→active(active-host-lost) 1:send(100) 1:own")
}
