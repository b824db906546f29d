// SPDX-License-Identifier: Apache-2.0

package host

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now returns the time since boot, sleep included (CLOCK_BOOTTIME), as an
// instant after the Unix epoch, in UTC and without Go's monotonic part. Such
// instants are for differences and for [Timer.Arm]; people are shown [Wall].
func Now() time.Time {
	var ts unix.Timespec
	// The only errors are EINVAL for an unknown clock (this one is in every
	// kernel since 2.6.39) and EFAULT.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return time.Unix(ts.Unix()).UTC()
}

// Wall returns the wall-clock time of an instant of [Now], as the wall clock
// stands at this moment: after a step of it, the same instant has another one.
func Wall(t time.Time) time.Time {
	return time.Now().Round(0).Add(t.Sub(Now()))
}
