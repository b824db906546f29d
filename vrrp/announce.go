// SPDX-License-Identifier: Apache-2.0

package vrrp

import "time"

// announcements is when gratuitous ARP is due. It is sent more than once, because
// a host may resolve an address while the old Active still answers for it.
type announcements struct {
	from time.Time // when the addresses were set; zero: they are not yet
	sent int       // how many of Params.Announce are done
	next time.Time // zero: no more
	// added: the schedule is for the added addresses alone. A refresh is for all.
	added bool
}

// start begins the schedule.
func (s *announcements) start(p Params, now time.Time) {
	*s = announcements{from: now}
	s.plan(p, now)
}

// announceAgain begins the schedule again because hosts may have followed another
// Active. Anybody can make us do it, so it is at most twice an interval: less would
// miss every second of the adverts that another Active sends each interval.
func (r *Router) announceAgain(now time.Time, fx []Effect) []Effect {
	if r.announce.from.IsZero() || now.Sub(r.announce.from) < r.params.Interval/2 {
		return fx
	}
	r.announce.start(r.params, now)
	return r.announceDue(now, fx)
}

// plan sets the next time after those that are past.
func (s *announcements) plan(p Params, now time.Time) {
	s.next = time.Time{}
	switch {
	case s.sent < len(p.Announce):
		s.next = s.from.Add(p.Announce[s.sent])
	case p.Refresh > 0:
		s.next = now.Add(p.Refresh)
	}
}

// replan goes on by other times. Those that are past count as done.
func (s *announcements) replan(p Params, now time.Time) {
	if s.from.IsZero() {
		return
	}
	s.sent = 0
	for s.sent < len(p.Announce) && !s.from.Add(p.Announce[s.sent]).After(now) {
		s.sent++
	}
	s.plan(p, now)
}

// beginAnnouncing begins the schedule, now that the addresses are there. A
// resuming router keeps quiet until it knows that they are still its own.
func (r *Router) beginAnnouncing(now time.Time, fx []Effect) []Effect {
	if !r.confirm.IsZero() {
		return fx
	}
	r.announce.start(r.params, now)
	return r.announceDue(now, fx)
}

// announceAdded begins the schedule for addresses that were added to those that are
// announced already. While that is still under way, it begins again for all.
func (r *Router) announceAdded(now time.Time, fx []Effect) []Effect {
	s := &r.announce
	added := s.added || s.sent >= len(r.params.Announce)
	if !r.confirm.IsZero() {
		return fx
	}
	s.start(r.params, now)
	s.added = added
	return r.announceDue(now, fx)
}

// announceDue announces if it is due. Several times that have passed at once are
// one announcement.
func (r *Router) announceDue(now time.Time, fx []Effect) []Effect {
	s := &r.announce
	if !due(s.next, now) {
		return fx
	}
	added := s.added && s.sent < len(r.params.Announce)
	for due(s.next, now) {
		s.sent++
		s.plan(r.params, now)
	}
	r.counters.Announced++
	return append(fx, Announce{Added: added})
}
