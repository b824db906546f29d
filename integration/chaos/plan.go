// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"time"
)

// kind is what goes wrong, in words for the report.
type kind string

const (
	killed      kind = "kill -9, restarted"
	crashed     kind = "kill -9, for long"
	stopped     kind = "stop, start"
	handedOff   kind = "handoff"
	maintained  kind = "maintenance"
	resigned    kind = "resign"
	frozen      kind = "SIGSTOP"
	webKilled   kind = "HAProxy killed"
	pulled      kind = "cable pulled"
	linkDown    kind = "link down"
	cut         kind = "cut silently"
	split       kind = "two nodes split"
	deaf        kind = "hears no adverts"
	mute        kind = "adverts unheard"
	refused     kind = "adverts refused"
	lossy       kind = "half of adverts lost"
	deleted     kind = "ip addr del"
	badFile     kind = "reload, bad file"
	moreVIPs    kind = "reload, VIP added"
	deprecated  kind = "reload, priority"
	severalKind kind = "two at once" // the row of the report
)

// kinds are all of them, in the order of the report.
var kinds = []kind{killed, crashed, stopped, handedOff, maintained, resigned, frozen, webKilled, pulled, linkDown,
	cut, split, deaf, mute, refused, lossy, deleted, badFile, moreVIPs, deprecated}

// active as a target is whoever has the addresses then.
const active = -1

const (
	// activeShare is how often the active node is hit, in percent, and pairShare how
	// many episodes have two acts.
	activeShare, pairShare = 65, 35
	// nodes is how many there are.
	nodes = 3
)

// act is one thing that goes wrong, and is mended after a time.
type act struct {
	kind   kind
	target int           // 0–2, or active; if that one is hit already, the next
	start  time.Duration // from the begin of the episode
	lasts  time.Duration
}

// episode is what goes wrong from one time in which all is well to the next: one act,
// or two that overlap or follow one another at once.
type episode []act

// plan draws episodes, the same ones from the same seed.
type plan struct {
	random *rand.Rand
	timers timers
	deck   []kind // shuffled: no kind comes twice before all have come
}

func newPlan(seed uint64, t timers) *plan {
	return &plan{random: rand.New(rand.NewPCG(seed, 0)), timers: t}
}

// next draws the next episode.
func (p *plan) next() episode {
	first := p.act()
	if p.random.IntN(100) >= pairShare {
		return episode{first}
	}
	second := p.act()
	second.start = p.between(0, first.lasts)
	if p.random.IntN(2) == 0 { // does not wait until all is well
		second.start = first.lasts + p.between(0, p.timers.interval)
	}
	return episode{first, second}
}

func (p *plan) act() act {
	a := act{kind: p.draw(), target: active}
	if p.random.IntN(100) >= activeShare {
		a.target = p.random.IntN(nodes)
	}
	a.lasts = p.lasts(a.kind)
	return a
}

func (p *plan) draw() kind {
	if len(p.deck) == 0 {
		p.deck = append(p.deck, kinds...)
		p.random.Shuffle(len(p.deck), func(i, j int) { p.deck[i], p.deck[j] = p.deck[j], p.deck[i] })
	}
	drawn := p.deck[0]
	p.deck = p.deck[1:]
	return drawn
}

// lasts draws for how long a thing goes wrong.
func (p *plan) lasts(k kind) time.Duration {
	interval := p.timers.interval
	switch k {
	case killed, handedOff:
		return p.between(0, p.timers.restart())
	case crashed:
		return 10 * interval
	case frozen:
		return p.between(interval/10, 5*interval)
	case deleted, badFile:
		return 0
	}
	return p.between(interval/10, 6*interval)
}

// between draws a time in whole milliseconds.
func (p *plan) between(least, most time.Duration) time.Duration {
	return least + time.Duration(p.random.Int64N(int64((most-least)/time.Millisecond)+1))*time.Millisecond
}
