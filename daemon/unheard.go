// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"slices"
	"time"

	"vipd/vrrp"
)

// An Active whose adverts don't leave is about to be replaced: it must not keep its
// addresses until then, nor take them in the first place.

const (
	// trySending is how often a router that could not send sees whether it could now.
	// Where nobody can tell without sending, the pause grows.
	trySending     = time.Second
	longestSilence = 30 * time.Second
	// hearTime is how long a Backup that has overslept listens before it acts: the readers
	// need a moment to hand over what the sockets hold.
	hearTime = 50 * time.Millisecond
	// lookAgain is how soon a router that is due looks again whether the sockets are read.
	lookAgain = 500 * time.Microsecond
)

// settle sees whether adverts have left, after those that could not. Addresses that were
// kept back until then are set.
func (d *Daemon) settle(f *family) {
	left := f.sending > 0
	if left && !f.heard {
		d.network.Renew(f.key)
	}
	f.heard, f.mute, f.sending = left, !left, 0
	if !left {
		return
	}
	f.lastLeft, f.mutePause = d.now, 0
	if f.keptBack {
		d.own(f, true)
	}
}

// blockUnheard takes out the groups of which nobody has heard for as long as a Backup
// waits, with all families that are not heard: none of them can hand its addresses over.
func (d *Daemon) blockUnheard() {
	for _, g := range d.schedule.touched {
		if !slices.ContainsFunc(g.families, d.isUnheard) {
			continue
		}
		for _, f := range g.families {
			if f.mute {
				d.blockMute(f)
			}
		}
	}
}

// isUnheard: two and a half intervals are over, because the third advert that fails is
// the last that might come in time.
func (d *Daemon) isUnheard(f *family) bool {
	return f.mute && d.now.Sub(f.lastLeft) >= 5*f.config.Interval/2 && f.core.State() == vrrp.Active
}

// blockMute takes a family out because its adverts don't leave.
func (d *Daemon) blockMute(f *family) {
	f.mutePause = min(max(2*f.mutePause, trySending), longestSilence)
	f.muteEnds = d.now.Add(f.mutePause)
	d.schedule.touch(f.router.group)
	f.problem = "adverts can't be sent: " + f.sendProblem
	d.log.Error("nobody hears this router: adverts can't be sent", f.attrs("error", f.sendProblem)...)
	d.setBlocked(f, vrrp.NoSocket, true)
}

// tryToSend lets a router that could not send run again, if it could send now.
func (d *Daemon) tryToSend(f *family) {
	if !f.source.IsValid() { // it is not what is wrong now
		f.muteEnds = d.now.Add(trySending)
		return
	}
	if err := d.network.Try(f.nextAdvert()); err != nil {
		f.muteEnds = d.now.Add(trySending)
		f.problem = "adverts can't be sent: " + err.Error()
		return
	}
	f.muteEnds = time.Time{}
	d.setBlocked(f, vrrp.NoSocket, f.noSocket(f.router.links))
}

// nextAdvert is one of the packets that an Active would send.
func (f *family) nextAdvert() (next Datagram) {
	f.core.Encode(f.core.Status().Priority, nil, func(destination netip.Addr, packet []byte) {
		next = f.datagram(destination, packet)
	})
	return next
}

// noSocket tells whether a family can't speak or hear with interfaces that are like this.
// A port of a bridge or a bond hears nothing, and nobody finds an address on it.
func (f *family) noSocket(links map[string]Link) bool {
	for _, name := range f.router.config.Interfaces() {
		if links[name].Master != "" {
			return true
		}
	}
	own := links[f.router.config.Interface]
	return own.Index != 0 && (!own.listening(f.config.IPv4()) || !f.muteEnds.IsZero())
}

// isDue tells whether the core's deadline has come, and may be acted on.
func (g *group) isDue(now time.Time) bool { return due(g.core.Deadline(), now) && !g.hears(now) }

// awaitsUnread tells whether a Backup that is due waits for its sockets to be read: what
// holds it back may lie there, when this loop gets to run on a busy host and the readers
// don't. A flood makes it wait for an advert interval at most, once for each deadline.
func (d *Daemon) awaitsUnread(g *group) bool {
	if g.state() != vrrp.Backup || !slices.ContainsFunc(g.families, d.hasUnread) {
		return false
	}
	if deadline := g.core.Deadline(); !g.unreadFor.Equal(deadline) {
		g.unreadFor, g.unreadUntil = deadline, d.now.Add(min(g.interval(), hearTime))
	}
	return d.now.Before(g.unreadUntil)
}

func (d *Daemon) hasUnread(f *family) bool { return d.network.Unread(f.link.Index, f.config.IPv4()) }

// hears tells whether a Backup that has overslept still waits for what the sockets hold.
// An Active need not: one that may have been replaced is a Backup by now.
func (g *group) hears(now time.Time) bool {
	return now.Before(g.hearsUntil) && g.state() == vrrp.Backup
}
