// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"vipd/vrrp"
)

var hours = flag.Int("hours", 5, "for how long TestFalseFailovers watches each pair, in hours of the simulation")

// weather is what is wrong with a pair: the network, or the daemons, which get no time.
type weather struct {
	name     string
	loss     percent
	late     time.Duration // for how long each daemon is stopped at most, once in two seconds
	blackout time.Duration // for how long nothing arrives, once a minute
	price    bool          // asking costs failovers here, and the table says so
}

// A pair of nodes with 1 s adverts and priorities 254 and 253, both of them well: how
// often the Backup takes over for nothing. Asking must not cost more than the RFC's
// timers do by themselves: at most a hundredth of what they cost, and one.
//
//	go test ./vrrp/vrrpsim -run TestFalseFailovers -v -hours=1000 -timeout 0
func TestFalseFailovers(t *testing.T) {
	const late = 400 * time.Millisecond
	table := "| what is wrong | `off` | `on-doubt` | `100ms` |\n|---|---|---|---|\n"
	for _, wrong := range []weather{
		{name: "1 % of the packets lost", loss: 1},
		{name: "5 %", loss: 5},
		{name: "10 %", loss: 10},
		{name: "20 %", loss: 20},
		{name: "1 %, and both daemons late", loss: 1, late: late},
		{name: "5 %, late", loss: 5, late: late},
		{name: "10 %, late", loss: 10, late: late},
		{name: "20 %, late", loss: 20, late: late},
		{name: "nothing arrives for 200 ms, once a minute", blackout: 200 * time.Millisecond},
		{name: "300 ms, once a minute", blackout: 300 * time.Millisecond, price: true},
	} {
		row, timers := "| "+wrong.name+" |", 0
		for _, asks := range []spec{{}, {probe: true}, {probe: true, every: 100 * time.Millisecond}} {
			got := watchPair(t, asks, wrong)
			if !asks.probe {
				timers = got.byTimer
			}
			if got.byAsking > timers/100+1 && !wrong.price {
				t.Errorf("%s: %d failovers by asking, each %v, and %d by timers alone", wrong.name, got.byAsking, asks.every, timers)
			}
			row += " " + got.String() + " |"
		}
		table += row + "\n"
	}
	t.Logf("false failovers in %d h, by a timer + by asking:\n%s", *hours, table)
}

// failovers counts takeovers by reason.
type failovers struct{ byTimer, byAsking int }

func (f failovers) String() string {
	if f.byAsking == 0 {
		return fmt.Sprint(f.byTimer)
	}
	return fmt.Sprintf("%d + %d", f.byTimer, f.byAsking)
}

// watchPair counts the takeovers of the Backup.
func watchPair(t *testing.T, s spec, wrong weather) (count failovers) {
	t.Helper()
	w := newWorld(1)
	s.interval, s.preempt = time.Second, true
	for i, name := range []string{"a", "b"} {
		s.priority = uint8(254 - i)
		n := w.add(name, byte(10+i))
		n.configure(s)
		n.start()
	}
	w.trace.sink = func(e entry) {
		if took, ok := e.effect.(vrrp.Transition); ok && took.To == vrrp.Active && e.node.name == "b" {
			if took.Reason == vrrp.ActiveHostLost {
				count.byAsking++
			} else {
				count.byTimer++
			}
		}
	}
	err := w.guard(func() {
		w.run(10 * time.Second)
		w.worsen(wrong)
		w.run(time.Duration(*hours) * time.Hour)
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.trace.last())
	}
	return count
}

func (w *world) worsen(wrong weather) {
	w.lan.loss = wrong.loss
	for _, n := range w.nodes {
		if wrong.late > 0 {
			w.nowAndThen(0, 4*time.Second, func() time.Duration { return w.upTo(wrong.late) }, n.freeze)
		}
	}
	if wrong.blackout > 0 {
		lasts := func() time.Duration { return wrong.blackout }
		w.nowAndThen(30*time.Second, time.Minute, lasts, func(on bool) { w.partition(1, on) })
	}
}

// nowAndThen has something begin and end, again and again, with a pause that is random.
func (w *world) nowAndThen(pause, more time.Duration, lasts func() time.Duration, do func(on bool)) {
	w.after(pause+w.upTo(more), func() {
		do(true)
		w.after(lasts(), func() {
			do(false)
			w.nowAndThen(pause, more, lasts, do)
		})
	})
}
