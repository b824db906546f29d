// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Timer wakes its user at one instant of the clock of [Now]. It is a timerfd:
// Go's own timers are up to a millisecond late on an idle machine, because the
// runtime sleeps in whole milliseconds (golang/go#53824), and they stand still
// while the machine sleeps.
//
// Arm, C and Close may be called from any goroutine.
type Timer struct {
	file *os.File
	conn syscall.RawConn
	c    chan struct{}
}

// NewTimer returns a disarmed timer. It fails when the process has no file
// descriptor left.
func NewTimer() (*Timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timerfd on CLOCK_BOOTTIME: %w", err)
	}
	file := os.NewFile(uintptr(fd), "timerfd")
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("timerfd on CLOCK_BOOTTIME: %w", err)
	}
	t := &Timer{file: file, conn: conn, c: make(chan struct{}, 1)}
	go t.forward()
	return t, nil
}

// C returns the channel that a wake-up is sent on. It holds one: wake-ups that
// nobody took become one. A wake-up that was already there when Arm was called
// stays, so whoever receives one compares the clock with the deadline. Close
// doesn't close the channel.
func (t *Timer) C() <-chan struct{} { return t.c }

// Arm sets the one instant to wake at, in place of any earlier one. An instant
// that has passed wakes at once; the zero time disarms. After Close it does
// nothing.
func (t *Timer) Arm(at time.Time) {
	spec := unix.ItimerSpec{Value: expiry(at)}
	// Control fails after Close only. TimerfdSettime fails for an invalid
	// timespec only, and expiry makes none.
	_ = t.conn.Control(func(fd uintptr) {
		_ = unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME, &spec, nil)
	})
}

// Close releases the timer. Nothing wakes after it, but one wake-up may still be
// in the channel.
func (t *Timer) Close() error { return t.file.Close() }

// forward turns expirations into wake-ups, until the timer is closed.
func (t *Timer) forward() {
	var expirations [8]byte // how many: with a full channel, or without an interval, all the same
	for {
		if _, err := t.file.Read(expirations[:]); err != nil {
			return
		}
		select {
		case t.c <- struct{}{}:
		default:
		}
	}
}

// expiry returns the it_value of an instant. The kernel takes 0 for "disarm",
// and nothing below it.
func expiry(at time.Time) unix.Timespec {
	if at.IsZero() {
		return unix.Timespec{}
	}
	if at.Unix() < 0 || at.UnixNano() == 0 {
		return unix.NsecToTimespec(1)
	}
	ts := unix.Timespec{}
	ts.Sec, ts.Nsec = at.Unix(), int64(at.Nanosecond())
	return ts
}
