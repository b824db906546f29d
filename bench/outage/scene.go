// SPDX-License-Identifier: Apache-2.0

package outage

import "time"

// scene is events that happen one after another on a site of its own. Each daemon plays
// it again and again.
type scene struct {
	setting setting
	events  []event
}

// scenes are all that is measured, in the order of the table; when quick, those of the
// base, and some of adverts each 100 ms.
func scenes(quick bool) []scene {
	const fast, faster = 100 * time.Millisecond, 10 * time.Millisecond
	adverts := func(each time.Duration) setting { return but(func(s *setting) { s.interval = each }) }
	watched := func(t tracker) setting { return but(func(s *setting) { s.tracker = t }) }
	list := []scene{
		{base(), []event{idle(), reloadSame(), reloadMore()}},
		{base(), []event{kill(), returns("kill")}},
		{base(), []event{stop(), returns("stop")}},
		{base(), []event{cablePulled(), cableBack()}},
		{base(), []event{hostGone()}},
		{base(), []event{cut(), healed()}},
		{watched(script), []event{idle(), proxyKilled(), proxyBack()}},
	}
	if quick {
		return append(list, scene{adverts(fast), []event{stop(), returns("stop"), cablePulled()}})
	}
	return append(list,
		scene{but(func(s *setting) { s.hostProbe = hostProbe }), []event{cablePulled(), cableBack(), hostGone()}},
		scene{watched(process), []event{proxyKilled(), proxyBack()}},
		scene{but(func(s *setting) { s.ipv6 = true }), moves()},
		scene{but(func(s *setting) { s.virtualMAC = true }), moves()},
		scene{but(func(s *setting) { s.better, s.other = 100, 90 }), moves()},
		scene{adverts(fast), moves()},
		scene{adverts(faster), moves()})
}

// moves are what each variant is measured with.
func moves() []event {
	return []event{kill(), returns("kill"), stop(), returns("stop"), cablePulled()}
}

// alone tells whether the scene is measured when all others are through: a busy machine
// would cost it as much as what is measured.
func (s scene) alone() bool { return s.setting.interval < base().interval }
