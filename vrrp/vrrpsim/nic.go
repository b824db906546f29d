// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"time"

	"vipd/vrrp"
)

// nic is what a node's kernel knows of one virtual router's addresses. It
// survives the daemon.
type nic struct {
	wanted  bool // by the daemon
	holds   bool // it answers for the addresses
	leaving bool // tagged: never to be resumed
	silent  bool // it does not answer ARP and ND for them
	drains  bool // it keeps them out of sight, for connections

	sent vrrp.Effect // the last advert since the last transition

	// When these were last so, in the world's time.
	announced time.Duration
	left      time.Duration // the Active state
	letGo     time.Duration // by a living daemon

	renewed time.Time // by the node's clock
	expires time.Time // zero: there is no lease
}

// answers reports whether a host that asks by ARP or ND gets an answer.
func (c *nic) answers() bool { return c.holds && !c.silent }

// own is the address worker: it carries a wish out a little later.
func (n *node) own(m int, wanted bool) {
	n.nics[m].wanted = wanted
	d := n.daemon
	n.w.after(n.adding, func() { n.carryOut(d, m) })
}

// carryOut makes true what is wanted by now. The worker is a part of the daemon: it
// sleeps and dies with it.
func (n *node) carryOut(d *daemon, m int) {
	switch {
	case n.daemon != d:
	case !n.awake():
		n.later = append(n.later, func() { n.carryOut(d, m) })
	case !n.nics[m].wanted, n.nics[m].drains:
		n.hold(m, false)
	case n.addFails && m == len(n.nics)-1:
		n.hold(m, false)
		n.input(m, vrrp.Owned{Result: vrrp.Failed})
	default:
		n.hold(m, true)
		n.input(m, vrrp.Owned{Result: vrrp.Held})
	}
}

// hold sets or removes the addresses.
func (n *node) hold(m int, holds bool) {
	c := &n.nics[m]
	if c.holds != holds {
		c.holds = holds
		n.w.held(n, m, holds)
	}
	if !holds {
		c.expires, c.leaving = time.Time{}, false
	}
	n.lease(m)
}

// renew sets the lease anew, with each advert that leaves.
func (n *node) renew(m int) {
	if !n.stuck {
		n.lease(m)
	}
}

// lease gives addresses that are held their lifetime.
func (n *node) lease(m int) {
	c := &n.nics[m]
	if !c.holds || n.spec.rfc {
		return
	}
	c.renewed = n.now()
	c.expires = c.renewed.Add(vrrp.AutoLease(n.spec.interval, 0))
	n.rearm()
}

// expire removes addresses whose lease has run out. The kernel does it, and a
// daemon hears of it.
func (n *node) expire() {
	for m := range n.nics {
		c := &n.nics[m]
		if !c.holds || c.expires.IsZero() || n.now().Before(c.expires) {
			continue
		}
		n.hold(m, false)
		if n.daemon != nil && c.wanted {
			n.input(m, vrrp.Owned{Result: vrrp.Expired})
		}
	}
}

// holds reports whether the node answers for any of the addresses.
func (n *node) holds() bool {
	for _, c := range n.nics {
		if c.holds {
			return true
		}
	}
	return false
}

// age is how long ago the oldest of the addresses was renewed. ok is false if
// there is nothing to resume.
func (n *node) age() (age time.Duration, ok bool) {
	for _, c := range n.nics {
		if !c.holds || c.leaving {
			return 0, false
		}
		age = max(age, n.now().Sub(c.renewed))
	}
	return age, true
}
