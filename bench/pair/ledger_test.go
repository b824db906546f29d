// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// advert is one of the router's.
type advert struct {
	node     int
	at       time.Duration
	priority uint8
}

func TestTakeovers(t *testing.T) {
	for name, tt := range map[string]struct {
		adverts []advert
		want    Count
	}{
		"the first one": {[]advert{{Better, 1000 * ms, 200}, {Better, 1100 * ms, 200}}, Count{Takeovers: [2]int{1, 0}}},
		"after a resignation": {[]advert{{Better, 1000 * ms, 200}, {Better, 1050 * ms, 0}, {Worse, 1110 * ms, 100}},
			Count{Takeovers: [2]int{1, 1}, Flaps: 1}},
		"resigned, and soon back": {[]advert{{Better, 1000 * ms, 200}, {Better, 1050 * ms, 0}, {Better, 1150 * ms, 200}},
			Count{Takeovers: [2]int{2, 0}, Flaps: 1}},
		"adverts that cross":        {[]advert{{Worse, 1000 * ms, 100}, {Better, 1050 * ms, 200}, {Worse, 1100 * ms, 100}, {Better, 1150 * ms, 200}}, Count{Takeovers: [2]int{1, 1}, Flaps: 1}},
		"an Active that was silent": {[]advert{{Better, 1000 * ms, 200}, {Better, 1500 * ms, 200}}, Count{Takeovers: [2]int{1, 0}}},
		"back and forth": {[]advert{{Better, 1000 * ms, 200}, {Worse, 1400 * ms, 100}, {Better, 1450 * ms, 200}, {Worse, 2000 * ms, 100}},
			Count{Takeovers: [2]int{2, 2}, Flaps: 3}},
	} {
		l := newLedger(Setting{Routers: 1, VIPs: 1, Interval: 100 * ms})
		for _, a := range tt.adverts {
			l.advertised(0, a.node, a.at, a.priority)
		}
		if got := l.settle(); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
		if again := l.settle(); again != (Count{}) {
			t.Errorf("%s: counted twice: %+v", name, again)
		}
	}
}

// Each count begins anew: the first one to move is no flap.
func TestSettle(t *testing.T) {
	l := newLedger(Setting{Routers: 1, VIPs: 1, Interval: 100 * ms})
	l.advertised(0, Better, 1000*ms, 200)
	l.settle()
	l.advertised(0, Worse, 2000*ms, 100)
	if got := l.settle(); got.Flaps != 0 || got.Takeovers != [2]int{0, 1} {
		t.Errorf("%+v", got)
	}
}

func TestHolders(t *testing.T) {
	l := newLedger(Setting{Routers: 2, VIPs: 1, Interval: 100 * ms})
	l.announced(0, Better, 10*ms)
	l.announced(1, Better, 20*ms)
	l.announced(0, Better, 30*ms) // again
	if l.held != [2]int{2, 0} || l.changed != 20*ms {
		t.Errorf("held %v, changed at %v", l.held, l.changed)
	}
	l.announced(1, Worse, 40*ms)
	if l.held != [2]int{1, 1} || l.changed != 40*ms || l.count.Announcements != 4 {
		t.Errorf("held %v, changed at %v, %d announcements", l.held, l.changed, l.count.Announcements)
	}
}

// Only the better node's adverts are judged, and those of one router by themselves.
func TestRegularity(t *testing.T) {
	l := newLedger(Setting{Routers: 2, VIPs: 1, Interval: 100 * ms})
	l.gaps = []time.Duration{}
	for i := range 101 {
		at := 1000*ms + time.Duration(i)*100*ms
		if i == 50 {
			at += 7 * ms
		}
		l.advertised(0, Better, at, 200)
		l.advertised(1, Better, at+30*ms, 200)
		l.advertised(1, Worse, at+50*ms, 100)
	}
	a := regularity(l.gaps, l.interval)
	l.advertised(1, Worse, 11400*ms, 100)
	l.advertised(1, Better, 11430*ms, 200) // it was silent, and has lost it meanwhile
	if got := regularity(l.gaps, l.interval).Longest; got != 400*ms {
		t.Errorf("the longest gap is %v", got)
	}
	if len(l.gaps) != 201 || a.Longest != 107*ms || a.Jitter != [3]time.Duration{0, 7 * ms, 7 * ms} {
		t.Errorf("%d gaps, %+v", len(l.gaps), a)
	}
}
