// SPDX-License-Identifier: Apache-2.0

package health

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

// Tally turns a check's results into its verdict. The first result decides at
// once, so that a service which is down from boot is never taken for healthy;
// from then on only a row of results that contradict the verdict changes it. The
// death of a watched process is no matter of counting.
type Tally struct {
	rise, fall int
	verdict    Verdict
	contrary   int // results in a row that contradict the verdict
}

// NewTally returns a tally without a result yet. rise is how many successes in a
// row turn Fail to Pass, fall how many failures in a row turn Pass to Fail; less
// than 1 counts as 1.
func NewTally(rise, fall int) Tally {
	return Tally{rise: rise, fall: fall}
}

// Verdict returns what the results so far amount to.
func (t *Tally) Verdict() Verdict { return t.verdict }

// Add counts a result and reports whether it changed the verdict. One that is Unmade
// counts for nothing.
func (t *Tally) Add(r Result) (changed bool) {
	if r.Unmade {
		return false
	}
	says := Fail
	if r.OK {
		says = Pass
	}
	if says == t.verdict {
		t.contrary = 0
		return false
	}
	t.contrary++
	if t.verdict != Unknown && !r.Sure && t.contrary < t.needed() {
		return false
	}
	t.verdict, t.contrary = says, 0
	return true
}

// needed is how many contrary results in a row overturn the verdict.
func (t *Tally) needed() int {
	if t.verdict == Pass {
		return t.fall
	}
	return t.rise
}
