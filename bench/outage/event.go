// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"errors"
	"time"
)

const (
	// onDoubt and always are vipd's goals for a host that is gone, at an advert each
	// second and priorities 254/253: asked when an advert is overdue, or all the time.
	onDoubt = 1300 * time.Millisecond
	always  = 400 * time.Millisecond
	// switched is how much may be lost when a virtual MAC moves: what the switch sends
	// to the old node before the new one speaks.
	switched = 10 * time.Millisecond
)

// The names of the nodes. lb1 is the better one.
const (
	lb1 = "lb1"
	lb2 = "lb2"
)

// event is something that happens to lb1, or its way back.
type event struct {
	name string
	do   func(*stage) error
	to   string // who serves in the end; before an event of lb1 that ends at lb2, lb1 does
	// lost is how much of the client's time the timers of RFC 9568 may cost, and moved
	// how long they take until the other node serves; nil: that says nothing more.
	lost, moved func(setting) time.Duration
	goal        func(setting) *time.Duration // vipd's for lost; it returns nil when it has none
	stays       bool                         // nothing is to move
}

func idle() event {
	return event{name: "nothing", do: none, to: lb1, lost: never, goal: all, stays: true}
}

func kill() event {
	return event{name: "kill -9, not restarted", do: (*stage).kill, to: lb2, lost: setting.silence, moved: setting.silence, goal: all}
}

func stop() event {
	return event{name: "stop", do: (*stage).stop, to: lb2, lost: setting.skew, moved: setting.skew, goal: all}
}

// returns is lb1's daemon's start, after another event.
func returns(after string) event {
	return event{name: "the better node returns after " + after, do: (*stage).restart, to: lb1, lost: never, moved: setting.listening, goal: all}
}

func cablePulled() event {
	return event{name: "cable pulled", do: func(s *stage) error { return s.lb1.Cable.Pull() },
		to: lb2, lost: setting.silence, goal: asked}
}

func cableBack() event {
	return event{name: "cable back", do: func(s *stage) error { return s.lb1.Cable.Restore() },
		to: lb1, lost: never, moved: setting.listening, goal: all}
}

func hostGone() event {
	return event{name: "host gone", do: func(s *stage) error { return s.lb1.Vanish() },
		to: lb2, lost: setting.silence, goal: asked}
}

func cut() event {
	return event{name: "silent cut", do: func(s *stage) error { return s.lb1.Cable.Cut(true) },
		to: lb2, lost: setting.silence, goal: asked}
}

func healed() event {
	return event{name: "silent cut healed", do: func(s *stage) error { return s.lb1.Cable.Cut(false) },
		to: lb1, lost: never, moved: setting.advert, goal: all}
}

func reloadSame() event {
	return event{name: "reload, the same file", do: reload(setting.vips), to: lb1, lost: never, goal: all, stays: true}
}

func reloadMore() event {
	return event{name: "reload, one address more", do: reload(setting.moreVIPs), to: lb1, lost: never, goal: all, stays: true}
}

func proxyKilled() event {
	return event{name: "HAProxy killed", do: func(s *stage) error { return s.lb1.haproxy.Kill() }, to: lb2, lost: setting.skew}
}

func proxyBack() event {
	return event{name: "HAProxy back", do: func(s *stage) error { return s.lb1.haproxy.Restart() }, to: lb1, lost: never}
}

func none(*stage) error { return nil }

// reload has both nodes serve these addresses: keepalived 2.2.7 drops the adverts of a
// node that has others.
func reload(vips func(setting) []string) func(*stage) error {
	return func(s *stage) error {
		return errors.Join(s.lb1.daemon.reload(vips(s.setting)), s.lb2.daemon.reload(vips(s.setting)))
	}
}

func never(setting) time.Duration { return 0 }

// all is the goal that the client is answered all the time. By HTTP that is not seen: it
// asks too seldom.
func all(s setting) *time.Duration {
	switch {
	case s.tracker != nothing:
		return nil
	case s.virtualMAC:
		return new(switched)
	}
	return new(time.Duration(0))
}

// asked is the goal that a host is known to be gone before the adverts tell.
func asked(s setting) *time.Duration {
	priorities := base()
	switch {
	case s.interval != priorities.interval || s.better != priorities.better || s.other != priorities.other:
		return nil
	case s.hostProbe != "":
		return new(always)
	}
	return new(onDoubt)
}
