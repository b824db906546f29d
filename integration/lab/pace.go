// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// pace calls do at every multiple of the period until stop is closed. The schedule
// is absolute, so delays don't add up; what is missed is left out, not made up for.
//
// It sleeps in the kernel on a thread of its own: the runtime's timers are only
// good to a millisecond.
func pace(period time.Duration, stop <-chan struct{}, do func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	next, err := monotonic()
	for err == nil {
		select {
		case <-stop:
			return nil
		default:
		}
		do()
		if next, err = following(next, period); err == nil {
			err = sleepUntil(next)
		}
	}
	return err
}

// following is the first moment of the schedule after the last one that has not
// passed yet.
func following(last, period time.Duration) (time.Duration, error) {
	now, err := monotonic()
	missed := max(0, (now-last)/period)
	return last + (missed+1)*period, err
}

func monotonic() (time.Duration, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0, fmt.Errorf("read the clock: %w", err)
	}
	return time.Duration(now.Nano()), nil
}

func sleepUntil(moment time.Duration) error {
	at := unix.NsecToTimespec(int64(moment))
	for {
		err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &at, nil)
		if err == nil {
			return nil
		}
		if err != unix.EINTR { // a signal of the runtime
			return fmt.Errorf("sleep: %w", err)
		}
	}
}
