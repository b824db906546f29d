// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"testing"
	"time"
)

// FuzzHostWatch tells a HostWatch anything at any time, and checks what every loss must
// have behind it.
func FuzzHostWatch(f *testing.F) {
	f.Add(false, []byte("\x00\xff\x12\x05\x01\x00\x03\xff\x03\xff"))
	f.Add(true, []byte("\x02\x10\x01\x00\x02\x30\x03\xff\x00\x05\x03\xff\x03\xff"))
	f.Fuzz(func(t *testing.T, continuous bool, script []byte) {
		w := newWitness(t, continuous)
		for ; len(script) >= 2; script = script[2:] {
			w.play(script[0], time.Duration(script[1])*ms)
		}
	})
}

// witness notes what a HostWatch was told, and has asked.
type witness struct {
	*lookout
	sign, answered time.Time
	asked          int // in time, since the last sign of life
	lost           bool
}

func newWitness(t *testing.T, continuous bool) *witness {
	every := time.Duration(0)
	if continuous {
		every = 50 * ms
	}
	l := newLookout(t, every)
	return &witness{lookout: l, sign: l.now}
}

func (w *witness) play(what byte, d time.Duration) {
	switch what % 6 {
	case 0:
		w.watch.Doubt(w.now)
	case 1:
		w.sign, w.answered, w.asked = w.now, w.now, 0
		w.watch.Answered(w.now)
	case 2:
		w.sign, w.asked = w.now, 0
		w.watch.Heard(w.now)
	case 3: // in time
		for end := w.now.Add(d); ; w.tick() {
			if next := w.watch.Deadline(); next.After(end) {
				w.now = end
				return
			} else if next.After(w.now) {
				w.now = next
			}
		}
	case 4: // or not
		w.now = w.now.Add(d)
		w.tick()
	case 5: // much
		w.now = w.now.Add(100 * d)
		w.tick()
	}
}

// tick checks a loss against what has been.
func (w *witness) tick() {
	late := w.now.Sub(w.watch.Deadline()) > askLate
	said := w.watch.Tick(w.now)
	if d := w.watch.Deadline(); !d.After(w.now) {
		w.t.Fatalf("after a Tick at %v the deadline is %v", w.now, d)
	}
	if late {
		w.asked = 0
	}
	if said.Back {
		if !w.lost {
			w.t.Fatal("back, and was not lost")
		}
		w.lost = false
	}
	if said.Lost {
		switch {
		case w.lost:
			w.t.Fatal("lost twice")
		case late || w.asked < questions || w.now.Sub(w.sign) < HostPatience:
			w.t.Fatalf("lost after %d questions, %v after a sign of life, late %v", w.asked, w.now.Sub(w.sign), late)
		case w.answered.IsZero() || w.now.Sub(w.answered) >= proofLife:
			w.t.Fatal("lost without a proof")
		}
		w.lost, w.answered = true, time.Time{}
	}
	if said.Ask {
		w.asked++
	}
	if w.lost != w.watch.Status().Lost {
		w.t.Fatalf("lost %v, status %+v", w.lost, w.watch.Status())
	}
}
