// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

const (
	// fewDeletions within deletionTime are somebody's mistake. More are somebody's habit.
	fewDeletions = 2
	deletionTime = time.Minute
)

// deletions are those of a family's addresses by others. The network has put them back.
type deletions struct {
	count    uint64
	last     [fewDeletions + 1]time.Time // in turn
	told     time.Time                   // that there are many
	managers []string                    // who may be the culprit, when it was told
}

func (x *deletions) add(now time.Time) {
	x.last[x.count%uint64(len(x.last))] = now
	x.count++
}

// many tells whether there were more than a few of late.
func (x *deletions) many(now time.Time) bool {
	first := x.last[x.count%uint64(len(x.last))]
	return !first.IsZero() && now.Sub(first) < deletionTime
}

// excuse forgets when they were: there is another reason for them.
func (x *deletions) excuse() { clear(x.last[:]) }

// culprit says who it may be, and what stops it.
func (x *deletions) culprit() string {
	if len(x.managers) == 0 {
		return "no network manager is known to manage the interface: look for a script or an agent, `ip -timestamp monitor address` shows when it happens"
	}
	return strings.Join(x.managers, "; ")
}

// putBack hears that addresses which somebody else has deleted are there again. When that
// happens again and again it finds out who it may be.
func (d *Daemon) putBack(f *family, addresses []netip.Addr) {
	f.deletions.add(d.now)
	if ok, suppressed := d.limit.allow(d.now, addresses[0], "deleted-by-others"); ok {
		d.log.Warn("addresses that somebody else deleted are put back", f.attrs("addresses", addresses, "suppressed", suppressed)...)
	}
	told := &f.deletions.told
	if f.deletions.many(d.now) && (told.IsZero() || d.now.Sub(*told) >= deletionTime) {
		*told = d.now
		d.network.FindManagers(f.key, f.linkOf(addresses[0]))
	}
}

// managersFound hears who manages the interface of addresses that are deleted again and
// again.
func (d *Daemon) managersFound(m Managers) {
	f := d.family(m.Key)
	if f == nil {
		return
	}
	f.deletions.managers = m.Managers
	d.log.Error("somebody deletes the addresses again and again", f.attrs("deletions", f.deletions.count, "culprit", f.deletions.culprit())...)
}

// linkOf names the interface that an address is on.
func (f *family) linkOf(ip netip.Addr) string {
	ifname := f.router.config.Interface
	for _, a := range f.config.Held {
		if a.Prefix.Addr() == ip {
			ifname = a.Interface
		}
	}
	if ifname == f.router.config.Interface && f.want.VirtualLink != "" {
		return f.want.VirtualLink
	}
	return ifname
}

// deletedByOthers is what the status says; empty: nothing to speak of.
func (f *family) deletedByOthers(now time.Time) string {
	if !f.deletions.many(now) {
		return ""
	}
	return fmt.Sprintf("somebody deletes the addresses again and again, and they are put back: %s", f.deletions.culprit())
}
