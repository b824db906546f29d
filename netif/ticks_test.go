// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"fmt"
	"testing"
	"time"
)

// What times(2) shows after some time, at each number of ticks that kernels are built
// with, as jiffies_64_to_clock_t makes it.
func TestTicks(t *testing.T) {
	for _, hz := range []uint64{100, 128, 250, 300, 1000} {
		for _, up := range []uint64{1, 3600, 400 * 86400} { // seconds
			t.Run(fmt.Sprintf("%d Hz, %d s", hz, up), func(t *testing.T) {
				jiffies := 1<<32 - 300*hz + up*hz
				shown := jiffies * ((1e9 + hz/2) / hz) / 1e7
				got, err := ticksOf(shown, time.Duration(up)*time.Second+300*time.Millisecond)
				if off := int64(got) - int64(up*100); err != nil || off < -2 || off > 2 {
					t.Errorf("%d, %v, want %d", got, err, up*100)
				}
			})
		}
	}
}

// A clock that we don't know is none.
func TestTicksThatAreNotUnderstood(t *testing.T) {
	for _, shown := range []uint64{0, 360_000, 1 << 40} {
		if got, err := ticksOf(shown, time.Hour); err == nil {
			t.Errorf("%d ticks after an hour: %d", shown, got)
		}
	}
}

func TestTicksSince(t *testing.T) {
	rows := []struct {
		stamp, now uint32
		want       time.Duration
	}{
		{100, 375, 2750 * time.Millisecond},
		{100, 99, 0},                        // not rounded alike
		{1<<32 - 100, 100, 2 * time.Second}, // after 497 days
	}
	for _, row := range rows {
		if got := ticksSince(row.stamp, row.now); got != row.want {
			t.Errorf("from %d to %d: %v, want %v", row.stamp, row.now, got, row.want)
		}
	}
}
