// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// columns are the table's, from left to right. All times are in ms.
var columns = []string{"family", "VIPs", "adverts", "machine", "CPU per s", "batch: median, longest",
	"least left: expected, measured", "ended, given up", "adverts apart at most", "loop late at most"}

func head() string { return row(columns) + strings.Repeat("|---", len(columns)) + "|\n" }

func row(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// line is a setting's row. What could not be measured is a dash.
func line(s setting, r result) string {
	cells := []string{s.family(), fmt.Sprint(s.vips), s.interval.String(), s.load.String()}
	if !r.measured {
		return row(append(cells, slices.Repeat([]string{"—"}, len(columns)-len(cells))...))
	}
	var median, longest time.Duration
	if n := len(r.batches); n > 0 {
		median, longest = r.batches[n/2], r.batches[n-1]
	}
	return row(append(cells, fine(r.cpu), fine(median)+", "+fine(longest), whole(s.expected())+", "+whole(r.least),
		fmt.Sprintf("%d, %d", r.ended, r.givenUp), whole(r.apart), whole(r.late)))
}

// fine and whole are milliseconds.
func fine(d time.Duration) string  { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }
func whole(d time.Duration) string { return fmt.Sprint(d.Round(time.Millisecond).Milliseconds()) }
