// SPDX-License-Identifier: Apache-2.0

// Package figure is what the benchmarks of vipd and keepalived measure and how it is
// told: a [Figure] has the samples of both daemons, taken in turn in one [Run], the
// limit that follows from RFC 9568 and vipd's goal; a [Report] has the figures and the
// [Machine] they come from, as Markdown and as JSON.
//
// A part of the benchmark is a function
//
//	func Run(ctx context.Context, r figure.Run, add func(figure.Figure)) error
//
// that measures what r wants, and adds each figure as soon as it is complete:
//
//	f := figure.Figure{Part: "outage", Name: "kill -9", Setting: "1s, IPv4", Unit: "ms", Limit: new(3004.0)}
//	if !r.Wants(f) {
//		continue
//	}
//	for range 7 {
//		for _, d := range r.Daemons {
//			r.Progress("%v: %s", f, d)
//			took, ok := measure(ctx, d, bound)
//			if !ok { // not settled within the bound
//				f.Add(d, figure.Beyond(bound))
//				continue
//			}
//			f.Add(d, figure.Millis(took))
//		}
//	}
//	add(f)
//
// What can't be measured is a figure with a Problem, not the end of the others. An
// error of a part means that it has not begun, or that ctx has ended.
package figure
