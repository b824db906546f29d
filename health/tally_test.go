// SPDX-License-Identifier: Apache-2.0

package health

import (
	"testing"
	"time"
)

func TestTally(t *testing.T) {
	const rise, fall = 2, 3
	// Results are + (OK), - (not OK), D (died), 0 (unmade) and g (within the grace). Verdicts after each result are
	// ? (unknown), P (pass) and F (fail), in capitals where the verdict changed.
	tests := map[string]struct {
		rise, fall        int
		results, verdicts string
	}{
		"a service up from boot passes at the first result":    {rise, fall, "+", "P"},
		"a service down from boot fails at the first result":   {rise, fall, "-", "F"},
		"one dead from boot too":                               {rise, fall, "D", "F"},
		"one failure of many does not fail":                    {rise, fall, "+-++-+--+", "Pppppppp" + "p"},
		"fall failures in a row do":                            {rise, fall, "+---", "PppF"},
		"failures not in a row don't add up":                   {rise, fall, "+--+--+--", "Ppppppppp"},
		"a failing service that fails changes nothing":         {rise, fall, "-----", "Fffff"},
		"recovery needs rise in a row":                         {rise, fall, "-+-+-++", "FfffffP"},
		"falling again needs fall in a row again":              {rise, fall, "---++--" + "-", "FfffPpp" + "F"},
		"a death is a verdict at once":                         {rise, fall, "+D", "PF"},
		"a death after failures too":                           {rise, fall, "+-D", "PpF"},
		"a death is no change to one that fails already":       {rise, fall, "-D", "Ff"},
		"recovery from a death needs rise in a row":            {rise, fall, "+D+-++", "PFfffP"},
		"failures before a death don't count after recovery":   {rise, fall, "+--D++--", "PppFfPpp"},
		"a death between successes starts their row again":     {rise, fall, "-+D+", "Ffff"},
		"one in a row is at once":                              {1, 1, "+-+-", "PFPF"},
		"probes that can't be made are no verdict":             {rise, fall, "000-", "???F"},
		"nor do they count among failures":                     {rise, fall, "+-0-0-", "PppppF"},
		"nor for a recovery":                                   {rise, fall, "-+000+", "FffffP"},
		"one that is gone within its grace counts for nothing": {rise, fall, "+ggg-gg-g-", "PppppppppF"},
		"less than one in a row is one":                        {0, -1, "+-+-", "PFPF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tally := NewTally(test.rise, test.fall, Damping{})
			got := ""
			for _, c := range test.results {
				changed := tally.Add(Result{OK: c == '+', Sure: c == 'D', Unmade: c == '0', Excused: c == 'g'}, time.Time{})
				got += letter(tally.Verdict(), changed)
			}
			if got != test.verdicts {
				t.Errorf("%s gives %s, want %s", test.results, got, test.verdicts)
			}
		})
	}
}

// One result a second, of a check that fails at the first failure and passes at the first
// success. Verdicts are p (pass), f (fail) and ~ (held at fail), in capitals or = where
// the verdict changed.
func TestDamping(t *testing.T) {
	damping := Damping{Failures: 3, Within: 10 * time.Second, Hold: 4 * time.Second}
	tests := map[string]struct {
		damping           Damping
		results, verdicts string
	}{
		"two failures are not too many":          {damping, "+-+-+++", "PFPFPpp"},
		"the third one is":                       {damping, "+-+-+-", "PFPFP="},
		"it is held until it was well for long":  {damping, "+-+-+-+++++", "PFPFP=~~~Pp"},
		"a failure begins the wait anew":         {damping, "+-+-+-+++-+++++", "PFPFP=~~~~~~~Pp"},
		"and so does a death":                    {damping, "+-+-+-++D+++++", "PFPFP=~~~~~~Pp"},
		"what was before the hold is forgotten":  {damping, "+-+-+-++++-+-+", "PFPFP=~~~PFPFP"},
		"failures that are long ago don't count": {damping, "+-+-++++++++-+", "PFPFPpppppppFP"},
		"at the edge they do":                    {damping, "+-+-+++++++-", "PFPFPpppppp="},
		"a long failure is one":                  {damping, "+-----+-----+", "PFffffPFffffP"},
		"down from boot is none":                 {damping, "-+-+-+", "FPFPFP"},
		"deaths count as any failure":            {damping, "+D+D+D+", "PFPFP=~"},
		"without it nothing is held":             {Damping{}, "+-+-+-+-+-+", "PFPFPFPFPFP"},
		"one may be too many":                    {Damping{Failures: 1, Hold: 2 * time.Second}, "+-+++", "P=~Pp"},
		"what says nothing does not reset":       {damping, "+-+-+-+000+", "PFPFP=~~~~P"},
		"gone and back within the grace, again":  {damping, "+g+g+g", "Ppppp="},
		"a long grace is one turn":               {damping, "+ggg+ggg+g", "Ppppppppp="},
		"and one with the death at its end":      {damping, "+gD+gD+g", "PpFPpFP="},
		"gone again while it is held":            {damping, "+-+-+-++g++++++", "PFPFP=~~~~~~Ppp"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(0, 0)
			tally := NewTally(1, 1, test.damping)
			got := ""
			for _, c := range test.results {
				changed := tally.Add(Result{OK: c == '+', Sure: c == 'D', Unmade: c == '0', Excused: c == 'g'}, now)
				now = now.Add(time.Second)
				switch {
				case !tally.Flapping():
					got += letter(tally.Verdict(), changed)
				case changed:
					got += "="
				default:
					got += "~"
				}
				if tally.Flapping() && tally.Verdict() != Fail {
					t.Errorf("flapping, and the verdict is %v", tally.Verdict())
				}
			}
			if got != test.verdicts {
				t.Errorf("%s gives %s, want %s", test.results, got, test.verdicts)
			}
		})
	}
}

func letter(v Verdict, changed bool) string {
	letters := map[Verdict][2]string{Unknown: {"?", "!"}, Pass: {"p", "P"}, Fail: {"f", "F"}}
	if changed {
		return letters[v][1]
	}
	return letters[v][0]
}

func TestTallyKnowsNothingAtFirst(t *testing.T) {
	tally := NewTally(1, 1, Damping{})
	if v := tally.Verdict(); v != Unknown {
		t.Errorf("verdict %v without a result", v)
	}
}

func TestVerdictString(t *testing.T) {
	for v, want := range []string{"unknown", "pass", "fail", "invalid"} {
		if got := Verdict(v).String(); got != want {
			t.Errorf("%d is %q, want %q", v, got, want)
		}
	}
}
