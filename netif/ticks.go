// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel stamps addresses by its ticks: hundredths of a second since the boot, as
// jiffies count them (ifa_cacheinfo; cstamp_delta in net/ipv4/devinet.c). That clock is
// some tenths of a second off CLOCK_MONOTONIC, which is too much to tell an age. times(2)
// shows the same jiffies, but counted from 300 s before they overflow 32 bits.

const (
	tick = time.Second / 100 // USER_HZ, of every architecture that Go knows
	// jiffiesBeforeOverflow is how long before the overflow jiffies begin, in seconds
	// (INITIAL_JIFFIES).
	jiffiesBeforeOverflow = 300
)

// errTicks: times(2) is not what we know.
var errTicks = errors.New("the kernel's ticks are not understood")

// ticksNow reads the clock that stamps addresses.
func ticksNow() (uint32, error) {
	var monotonic unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic); err != nil {
		return 0, fmt.Errorf("read CLOCK_MONOTONIC: %w", err)
	}
	shown, err := unix.Times(&unix.Tms{})
	if err != nil {
		return 0, fmt.Errorf("read the ticks: %w", err)
	}
	return ticksOf(uint64(shown), time.Duration(monotonic.Nano()))
}

// ticksOf makes stamps of what times(2) shows. How many jiffies a second has (HZ)
// follows from where they began, which the time since the boot shows well enough.
func ticksOf(shown uint64, sinceBoot time.Duration) (uint32, error) {
	began := (time.Duration(shown)*tick - sinceBoot).Seconds() + jiffiesBeforeOverflow
	if began < 1<<32/10_000 || began > 1<<32/10 { // HZ is 24 to 1200
		return 0, errTicks
	}
	hz := uint64((1<<32)/began + 0.5)
	jiffies := shown * uint64(tick) / ((1e9 + hz/2) / hz) // jiffies_64_to_clock_t, turned round
	return uint32((jiffies - (1<<32 - jiffiesBeforeOverflow*hz)) * 100 / hz), nil
}

// ticksSince is the time from a stamp to now. The stamp is of the past, but the two are
// not rounded alike.
func ticksSince(stamp, now uint32) time.Duration {
	return max(0, time.Duration(int32(now-stamp))*tick)
}
