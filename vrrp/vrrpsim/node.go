// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"net/netip"
	"time"

	"vipd/health"
	"vipd/vrrp"
)

// node is a host: its clock, its network interface, its service, and perhaps a
// daemon.
type node struct {
	w         *world
	id        int
	name      string
	spec      spec
	clock     clock
	addresses []netip.Addr  // its own, one for each virtual router
	adding    time.Duration // how long it takes to set or remove addresses
	lateness  time.Duration // how late the daemon's loop wakes, at most
	lagging   time.Duration // and how much later, by a fault

	nics     []nic
	linkUp   bool
	addFails bool   // of the last virtual router
	stuck    bool   // the address worker does not renew in time
	mute     bool   // its kernel answers no questions now
	shy      bool   // and this one's never does
	serving  []bool // what the checks see
	daemon   *daemon
	handed   bool     // the last daemon has handed off
	frozen   bool     // the process is stopped; the kernel runs on
	later    []func() // what the frozen process will do first
	next     *spec    // a reload: what the daemon starts again with
	wakes    time.Duration

	lastSent time.Duration // the last advert, in the world's time
	lastZero time.Duration // the last priority 0
	sent     window
}

func (n *node) now() time.Time { return n.clock.at(n.w.now) }

// awake reports whether the daemon, if there is one, runs.
func (n *node) awake() bool { return !n.frozen && !n.clock.paused }

// configure gives the node its configuration, before it is started.
func (n *node) configure(s spec) {
	n.spec = s
	n.w.longest = max(n.w.longest, s.interval)
	for len(n.serving) < len(s.penalties) {
		n.serving = append(n.serving, true)
	}
}

// start starts the daemon. It resumes if its addresses are still there.
func (n *node) start() {
	switch {
	case n.clock.paused:
		n.later = append(n.later, n.start)
		return
	case n.daemon != nil:
		if n.daemon.stopping && n.next == nil {
			n.next = &n.spec
		}
		return
	}
	d := &daemon{blocked: map[vrrp.Reason]bool{}, armed: n.now()}
	d.engine, d.members = newEngine(&n.spec, n.w.families)
	d.watches = make([]watch, len(d.members))
	d.statuses, d.was = make([]vrrp.Status, len(d.members)), make([]vrrp.Status, len(d.members))
	n.daemon, n.sent = d, window{}
	for m := range n.nics {
		n.nics[m].wanted, n.nics[m].drains = false, false
	}
	for m, address := range n.addresses {
		n.step(m, vrrp.Source{Address: address})
	}
	n.block(vrrp.LinkDown, !n.linkUp)
	age, resumes := n.age()
	handed := n.handed
	n.handed = false
	resumes = resumes && !n.spec.rfc
	n.startChecks()
	if resumes {
		n.step(0, vrrp.Resume{Age: age, HandedOff: handed})
		n.ask()
	} else {
		n.sweep()
		n.step(0, vrrp.Start{})
	}
	n.turn()
}

// sweep removes what an earlier daemon has left behind.
func (n *node) sweep() {
	for m := range n.nics {
		n.own(m, false)
	}
}

// startChecks starts the checks, whose first verdicts are waited for.
func (n *node) startChecks() {
	if len(n.spec.penalties) == 0 {
		return
	}
	n.block(vrrp.AwaitingChecks, true)
	for i := range n.spec.penalties {
		d := n.daemon
		d.tallies = append(d.tallies, health.NewTally(rise, fall, health.Damping{}))
		n.w.after(n.w.upTo(checkInterval), func() { n.check(d, i) })
	}
}

// block tells the daemon of a reason that has come or gone.
func (n *node) block(why vrrp.Reason, blocked bool) {
	if n.daemon == nil || n.daemon.blocked[why] == blocked {
		return
	}
	n.daemon.blocked[why] = blocked
	for m := range n.daemon.members {
		if blocked {
			n.step(m, vrrp.Block{Reason: why})
		} else {
			n.step(m, vrrp.Unblock{Reason: why})
		}
	}
	n.rearm()
}

// stop asks the daemon to end.
func (n *node) stop() {
	n.tell(func() {
		n.daemon.stopping = true
		n.step(0, vrrp.Stop{})
	})
}

// reload gives the node another configuration. A daemon takes it over as it runs, if
// it is the same router still; else another one replaces it.
func (n *node) reload(s spec) {
	switch {
	case n.daemon == nil:
		n.configure(s)
	case s.rfc || n.spec.rfc || len(s.penalties) != len(n.spec.penalties):
		n.next = &s
		n.stop()
	default:
		n.tell(func() { n.reconfigure(s) })
	}
}

// reconfigure has the daemon take over a configuration.
func (n *node) reconfigure(s spec) {
	n.configure(s)
	for m, f := range n.w.families {
		n.step(m, vrrp.Reconfigure{Params: n.spec.member(f)})
	}
	n.judge()
}

// crash is kill -9: what is not in the kernel is gone. Nothing dies on a machine
// that is paused.
func (n *node) crash() {
	if n.clock.paused {
		return
	}
	n.daemon, n.next, n.later, n.frozen = nil, nil, nil, false
	n.rearm()
}

// handOff ends the daemon after one more advert, and leaves everything in the kernel.
func (n *node) handOff() {
	if n.daemon == nil || !n.awake() {
		return
	}
	for m, r := range n.daemon.members {
		if s := r.Status(); s.State == vrrp.Active && s.Phase == vrrp.Settled {
			n.send(m, s.Priority)
		}
	}
	n.crash()
	n.handed = true
}

// freeze stops the process, or lets it go on.
func (n *node) freeze(frozen bool) {
	n.frozen = frozen && n.daemon != nil
	n.wake()
}

// pause stops the virtual machine, or lets it go on.
func (n *node) pause(paused bool) {
	if n.clock.paused != paused {
		n.clock.pause(n.w.now, paused)
		n.wake()
	}
}

// lag makes the loop wake up to that much later than usual.
func (n *node) lag(more time.Duration) {
	n.lagging = more
	n.rearm()
}

// latest is how late the loop wakes at most.
func (n *node) latest() time.Duration { return n.lateness + n.lagging }

// setLink takes the carrier away or brings it back.
func (n *node) setLink(up bool) {
	n.linkUp = up
	n.tell(func() { n.block(vrrp.LinkDown, !up) })
}

// maintain begins or ends a maintenance.
func (n *node) maintain(on bool) {
	n.tell(func() { n.block(vrrp.Maintenance, on) })
}

// wake is what happens when a node's time has come.
func (n *node) wake() {
	n.expire()
	if n.awake() {
		later := n.later
		n.later = nil
		for _, do := range later {
			do()
		}
	}
	n.turn()
	n.rearm()
}

// rearm works out when the node has something to do.
func (n *node) rearm() {
	n.wakes = never
	for _, c := range n.nics {
		if c.holds && !c.expires.IsZero() {
			n.wakes = min(n.wakes, n.clock.when(c.expires))
		}
	}
	if n.daemon != nil && n.awake() {
		n.wakes = min(n.wakes, n.clock.when(n.daemon.armed)+n.w.upTo(n.latest()))
	}
}

// ask asks by ARP or ND, as a resuming daemon does, whether somebody else answers
// for the addresses.
func (n *node) ask() {
	d := n.daemon
	for _, other := range n.w.nodes {
		for m := range n.nics {
			if other == n || !other.nics[m].answers() || other.clock.paused || !n.w.reaches(n, other, m) || !n.w.reaches(other, n, m) {
				continue
			}
			n.w.after(2*n.w.delay(), func() {
				if n.daemon == d {
					n.input(m, vrrp.Contested{})
				}
			})
		}
	}
}

// missAnswers loses all the answers of the Active's host, which may be well.
func (n *node) missAnswers() {
	if n.daemon == nil {
		return
	}
	for m, r := range n.daemon.members {
		n.input(m, vrrp.HostLost{Source: r.Status().Active.Source})
	}
}
