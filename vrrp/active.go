// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

const (
	// repeatAfter is when an advert that brings news is sent once more: a new
	// Active's first, or a changed priority. One packet may be lost.
	repeatAfter = 10 * time.Millisecond
	// answersPerInterval bounds the adverts sent in answer to losing ones, which
	// anybody on the link can forge.
	answersPerInterval = 10
)

// takeOver goes to Active (§6.4.1, §6.4.2). The advert goes first, as the RFC has
// it; the announcements follow when the addresses are there.
func (r *Router) takeOver(now time.Time, why Reason, fx []Effect) []Effect {
	last := r.predecessor(why)
	fx = r.become(now, Active, why, fx)
	r.release, r.silence = time.Time{}, time.Time{} // a Backup that was still releasing keeps them
	r.interval = r.params.Interval
	fx = r.sendTwice(now, fx)
	fx = r.beginPassing(now, last, fx)
	return append(fx, Own{Wanted: true})
}

// sendTwice sends an advert that others act on, and soon after once more.
func (r *Router) sendTwice(now time.Time, fx []Effect) []Effect {
	if r.params.Interval >= 10*repeatAfter {
		r.repeat = now.Add(repeatAfter)
	}
	return r.sendAdvert(now, fx)
}

// sendAdvert sends an advert and sets the Adver_Timer.
func (r *Router) sendAdvert(now time.Time, fx []Effect) []Effect {
	r.advert = now.Add(r.params.Interval)
	return r.sendOnce(now, fx)
}

// sendOnce sends an advert beside the Adver_Timer.
func (r *Router) sendOnce(now time.Time, fx []Effect) []Effect {
	r.lastSent = now
	r.counters.AdvertsSent++
	return append(fx, sends[r.priority])
}

// tickActive acts on an Active's deadlines.
func (r *Router) tickActive(now time.Time, fx []Effect) []Effect {
	if due(r.confirm, now) {
		return r.confirmResume(now, fx)
	}
	if due(r.repeat, now) {
		r.repeat = time.Time{}
		fx = r.sendOnce(now, fx)
	}
	if due(r.advert, now) { // §6.4.3 (625)–(630)
		fx = r.sendDue(now, fx)
	}
	if due(r.announce.next, now) {
		fx = r.announceDue(now, fx)
	}
	return fx
}

// sendDue sends the advert that is due. The next one is due an interval after
// this one was, not after it was sent: lateness does not add up.
func (r *Router) sendDue(now time.Time, fx []Effect) []Effect {
	next := r.advert.Add(r.params.Interval)
	fx = r.sendAdvert(now, fx)
	if next.After(now) {
		r.advert = next
	}
	return fx
}

// receiveActive is RFC 9568 §6.4.3, upon receipt of an ADVERTISEMENT.
func (r *Router) receiveActive(now time.Time, a *Advert, source netip.Addr, fx []Effect) []Effect {
	switch {
	case a.Priority == 0: // (640): we are Active, and say so
		if !r.confirm.IsZero() {
			return fx
		}
		fx = r.sendAdvert(now, fx)
		return r.announceAgain(now, fx) // hosts may have followed whoever gave up
	case !r.confirm.IsZero():
		return r.loseResume(now, a, source, fx)
	case a.Priority > r.priority: // (670)
		return r.yield(now, HigherPriority, a, source, fx)
	case a.Priority == r.priority && source.Compare(r.source) > 0 && !r.tieElsewhere: // (675)
		return r.yield(now, HigherAddress, a, source, fx)
	}
	if a.Priority == r.priority && source == r.source {
		fx = r.notice(SameSource, fx)
	}
	return r.answerLosing(now, fx) // (705)
}

// yield goes to Backup because another Active wins: §6.4.3 (680)–(700). Its last
// advert, which the RFC does not have, tells the winner that there were two: only
// then can it announce itself to the hosts that followed us.
func (r *Router) yield(now time.Time, why Reason, a *Advert, source netip.Addr, fx []Effect) []Effect {
	fx = r.sendOnce(now, fx)
	fx = r.enterBackup(now, why, fx)
	if !r.lowered {
		r.leaveOnPurpose()
	}
	r.follow(now, a, source)
	r.interval, r.successor = a.Interval, netip.Addr{}
	return r.succeeded(now, a, source, fx)
}

// answerLosing tells a losing Active, the hosts and the switches who is Active:
// §6.4.3 (705), which RFC 9568 has added. The announcements begin again, because
// hosts may have followed the loser.
func (r *Router) answerLosing(now time.Time, fx []Effect) []Effect {
	if !r.answered.IsZero() && now.Sub(r.answered) < r.params.Interval/answersPerInterval {
		return fx
	}
	r.answered = now
	if r.params.Version != Version2 { // RFC 3768 §6.4.3: discard
		fx = r.sendOnce(now, fx)
	}
	return r.announceAgain(now, fx)
}
