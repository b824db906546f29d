// SPDX-License-Identifier: Apache-2.0

package host

import (
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
)

// patience bounds each wait for something that must happen.
const patience = 10 * time.Second

func newTimer(t *testing.T) *Timer {
	t.Helper()
	timer, err := NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { timer.Close() })
	return timer
}

// wake waits for a wake-up and returns when it came.
func wake(t *testing.T, timer *Timer) time.Time {
	t.Helper()
	select {
	case <-timer.C():
		return Now()
	case <-time.After(patience):
		t.Fatal("no wake-up")
		return time.Time{}
	}
}

// quiet demands that no wake-up comes within d.
func quiet(t *testing.T, timer *Timer, d time.Duration) {
	t.Helper()
	select {
	case <-timer.C():
		t.Fatal("unexpected wake-up")
	case <-time.After(d):
	}
}

func TestTimerNeverWakesEarly(t *testing.T) {
	timer := newTimer(t)
	var late []time.Duration
	for range 50 {
		at := Now().Add(4300 * time.Microsecond)
		timer.Arm(at)
		woke := wake(t, timer)
		if woke.Before(at) {
			t.Fatalf("woke %v early", at.Sub(woke))
		}
		late = append(late, woke.Sub(at))
	}
	slices.Sort(late)
	t.Logf("late: median %v, max %v", late[len(late)/2], late[len(late)-1])
}

func TestTimerArm(t *testing.T) {
	const soon, far = 20 * time.Millisecond, time.Hour
	tests := map[string]struct {
		arm   []time.Duration // from now; each replaces the one before
		after time.Duration   // the wake-up comes not before this
	}{
		"an instant":               {[]time.Duration{soon}, soon},
		"an earlier one replaces":  {[]time.Duration{far, soon}, soon},
		"a later one replaces":     {[]time.Duration{soon, 3 * soon}, 3 * soon},
		"the past wakes at once":   {[]time.Duration{-time.Second}, 0},
		"before boot too":          {[]time.Duration{-100 * 365 * 24 * time.Hour}, 0},
		"so does the past in turn": {[]time.Duration{far, -1}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			timer := newTimer(t)
			start := Now()
			for _, d := range test.arm {
				timer.Arm(start.Add(d))
			}
			if took := wake(t, timer).Sub(start); took < test.after {
				t.Errorf("woke after %v, want %v", took, test.after)
			}
			quiet(t, timer, 2*soon) // one instant, one wake-up
		})
	}
}

// The epoch itself is the kernel's word for "disarm".
func TestTimerTakesTheEpochForThePast(t *testing.T) {
	timer := newTimer(t)
	timer.Arm(time.Unix(0, 0))
	wake(t, timer)
}

func TestTimerDisarm(t *testing.T) {
	timer := newTimer(t)
	timer.Arm(Now().Add(20 * time.Millisecond))
	timer.Arm(time.Time{})
	quiet(t, timer, 60*time.Millisecond)
}

func TestTimerCanBeArmedAgainAfterItWoke(t *testing.T) {
	timer := newTimer(t)
	for range 3 {
		timer.Arm(Now())
		wake(t, timer)
	}
}

func TestTimerWakeUpsNobodyTookBecomeOne(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	timer := newTimer(t)
	for range 3 {
		timer.Arm(Now())
		waitFor(t, "the expiration to be read", func() bool {
			pending := false
			timer.conn.Control(func(fd uintptr) { pending = readable(fd) })
			return !pending
		})
	}
	timer.Close()
	waitFor(t, "the goroutine to end", func() bool { return runtime.NumGoroutine() <= goroutines })
	if n := len(timer.C()); n != 1 {
		t.Errorf("%d wake-ups are waiting", n)
	}
}

func TestTimerRearmingLeaksNothing(t *testing.T) {
	timer := newTimer(t)
	timer.Arm(Now())
	wake(t, timer)
	files, goroutines := openFiles(t), runtime.NumGoroutine()
	const times = 10_000
	start := time.Now()
	for i := range times {
		timer.Arm(Now().Add(time.Hour + time.Duration(i)))
	}
	t.Logf("Arm takes %v", time.Since(start)/times)
	if got := openFiles(t); got != files {
		t.Errorf("%d open files, %d before", got, files)
	}
	if got := runtime.NumGoroutine(); got > goroutines {
		t.Errorf("%d goroutines, %d before", got, goroutines)
	}
}

func TestTimerCloseEndsItAll(t *testing.T) {
	files, goroutines := openFiles(t), runtime.NumGoroutine()
	timer := newTimer(t)
	timer.Arm(Now().Add(20 * time.Millisecond))
	if err := timer.Close(); err != nil {
		t.Fatal(err)
	}
	timer.Arm(Now())
	quiet(t, timer, 60*time.Millisecond)
	if got := openFiles(t); got != files {
		t.Errorf("%d open files, %d before", got, files)
	}
	waitFor(t, "the goroutine to end", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// openFiles counts this process's file descriptors.
func openFiles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

// waitFor waits for something that sends no event.
func waitFor(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !reached(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

func BenchmarkTimerArm(b *testing.B) {
	timer, err := NewTimer()
	if err != nil {
		b.Fatal(err)
	}
	defer timer.Close()
	at := Now().Add(time.Hour)
	for b.Loop() {
		timer.Arm(at)
	}
}
