// SPDX-License-Identifier: Apache-2.0

package figure

import "regexp"

// Run is what is wanted of a run of the benchmark.
type Run struct {
	Program string         // vipd's path
	Quick   bool           // few repetitions of what matters most
	Times   int            // how often each is measured; 0: as the part sees fit
	Only    *regexp.Regexp // of Figure.String: what is measured; nil: all
	Daemons []Daemon       // which, in turn
	// Progress tells people what goes on, in one line. It may be called by many at once.
	Progress func(format string, args ...any)
}

// Wants tells whether a figure is to be measured.
func (r Run) Wants(f Figure) bool { return r.Only == nil || r.Only.MatchString(f.String()) }

// Repetitions is how often each daemon is measured, if not said otherwise: 7 times, when
// quick 3 times.
func (r Run) Repetitions() int {
	switch {
	case r.Times > 0:
		return r.Times
	case r.Quick:
		return 3
	}
	return 7
}
