// SPDX-License-Identifier: Apache-2.0

package health

import "time"

// Verdict is what a check's results amount to.
type Verdict uint8

const (
	// Unknown is the verdict before the first result.
	Unknown Verdict = iota
	// Pass is the verdict on a service that can serve.
	Pass
	// Fail is the verdict on a service that cannot.
	Fail
)

func (v Verdict) String() string {
	switch v {
	case Unknown:
		return "unknown"
	case Pass:
		return "pass"
	case Fail:
		return "fail"
	}
	return "invalid"
}

// Damping holds a check at [Fail] that fails again and again: each of its recoveries
// would move the addresses, and each failure, too. The zero value holds nothing.
type Damping struct {
	// Failures is how many turns from Pass to Fail are too many; 0: any number is fine.
	// At most [MaxFailures].
	Failures int
	// Within is the time in which they are counted.
	Within time.Duration
	// Hold is for how long there must be no failure then before the verdict is Pass.
	Hold time.Duration
}

// MaxFailures bounds what a [Tally] remembers.
const MaxFailures = 100

// Tally turns a check's results into its verdict. The first result decides at
// once, so that a service which is down from boot is never taken for healthy;
// from then on only a row of results that contradict the verdict changes it. A
// failure that is sure is no matter of counting.
type Tally struct {
	rise, fall int
	damping    Damping
	verdict    Verdict
	contrary   int // results in a row that contradict the verdict

	turns    []time.Time // the last ones from Pass to Fail, as many as the damping counts
	excused  bool        // the last result was; it is one of the turns
	flapping bool
	agreed   time.Time // when a result last said what the verdict says
}

// NewTally returns a tally without a result yet. rise is how many successes in a
// row turn Fail to Pass, fall how many failures in a row turn Pass to Fail; less
// than 1 counts as 1.
func NewTally(rise, fall int, damping Damping) Tally {
	return Tally{rise: rise, fall: fall, damping: damping}
}

// Verdict returns what the results so far amount to.
func (t *Tally) Verdict() Verdict { return t.verdict }

// Flapping reports whether the verdict is held at Fail by the damping.
func (t *Tally) Flapping() bool { return t.flapping }

// Add counts a result of this moment and reports whether it changed the verdict. One
// that is Unmade counts for nothing; one that is Excused for the damping only: whoever is
// gone and back again and again flaps, too.
func (t *Tally) Add(r Result, now time.Time) (changed bool) {
	switch {
	case r.Unmade:
		return false
	case r.Excused:
		return t.excuse(now)
	}
	defer func() { t.excused = false }()
	says := Fail
	if r.OK {
		says = Pass
	}
	if says == t.verdict {
		t.contrary, t.agreed = 0, now
		return false
	}
	t.contrary++
	if t.verdict != Unknown && !r.Sure && t.contrary < t.needed() || t.holds(now) {
		return false
	}
	t.turn(says, now)
	return true
}

// excuse notes that a service is gone, which may be one time too many.
func (t *Tally) excuse(now time.Time) (changed bool) {
	if t.verdict == Pass && !t.excused {
		t.noteTurn(now)
	}
	t.excused = true
	if !t.flapping {
		return false
	}
	changed = t.verdict == Pass
	t.verdict, t.contrary, t.agreed = Fail, 0, now
	return changed
}

// turn changes the verdict.
func (t *Tally) turn(to Verdict, now time.Time) {
	if t.verdict == Pass && !t.excused {
		t.noteTurn(now)
	}
	t.verdict, t.contrary, t.agreed = to, 0, now
}

// noteTurn remembers a turn from Pass to Fail, and finds out whether it is one too many.
func (t *Tally) noteTurn(now time.Time) {
	if t.damping.Failures == 0 {
		return
	}
	t.turns = append(t.turns, now)
	if len(t.turns) < t.damping.Failures {
		return
	}
	t.flapping = now.Sub(t.turns[0]) <= t.damping.Within
	t.turns = t.turns[1:]
}

// holds reports whether a success comes too early for a check that flaps.
func (t *Tally) holds(now time.Time) bool {
	if t.flapping && now.Sub(t.agreed) >= t.damping.Hold {
		t.flapping, t.turns = false, nil
	}
	return t.flapping
}

// needed is how many contrary results in a row overturn the verdict.
func (t *Tally) needed() int {
	if t.verdict == Pass {
		return t.fall
	}
	return t.rise
}
