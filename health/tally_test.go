// SPDX-License-Identifier: Apache-2.0

package health

import "testing"

func TestTally(t *testing.T) {
	const rise, fall = 2, 3
	// Results are + (OK), - (not OK), D (died) and 0 (unmade). Verdicts after each result are
	// ? (unknown), P (pass) and F (fail), in capitals where the verdict changed.
	tests := map[string]struct {
		rise, fall        int
		results, verdicts string
	}{
		"a service up from boot passes at the first result":  {rise, fall, "+", "P"},
		"a service down from boot fails at the first result": {rise, fall, "-", "F"},
		"one dead from boot too":                             {rise, fall, "D", "F"},
		"one failure of many does not fail":                  {rise, fall, "+-++-+--+", "Pppppppp" + "p"},
		"fall failures in a row do":                          {rise, fall, "+---", "PppF"},
		"failures not in a row don't add up":                 {rise, fall, "+--+--+--", "Ppppppppp"},
		"a failing service that fails changes nothing":       {rise, fall, "-----", "Fffff"},
		"recovery needs rise in a row":                       {rise, fall, "-+-+-++", "FfffffP"},
		"falling again needs fall in a row again":            {rise, fall, "---++--" + "-", "FfffPpp" + "F"},
		"a death is a verdict at once":                       {rise, fall, "+D", "PF"},
		"a death after failures too":                         {rise, fall, "+-D", "PpF"},
		"a death is no change to one that fails already":     {rise, fall, "-D", "Ff"},
		"recovery from a death needs rise in a row":          {rise, fall, "+D+-++", "PFfffP"},
		"failures before a death don't count after recovery": {rise, fall, "+--D++--", "PppFfPpp"},
		"a death between successes starts their row again":   {rise, fall, "-+D+", "Ffff"},
		"one in a row is at once":                            {1, 1, "+-+-", "PFPF"},
		"probes that can't be made are no verdict":           {rise, fall, "000-", "???F"},
		"nor do they count among failures":                   {rise, fall, "+-0-0-", "PppppF"},
		"nor for a recovery":                                 {rise, fall, "-+000+", "FffffP"},
		"less than one in a row is one":                      {0, -1, "+-+-", "PFPF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tally := NewTally(test.rise, test.fall)
			got := ""
			for _, c := range test.results {
				changed := tally.Add(Result{OK: c == '+', Sure: c == 'D', Unmade: c == '0'})
				got += letter(tally.Verdict(), changed)
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
	tally := NewTally(1, 1)
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
