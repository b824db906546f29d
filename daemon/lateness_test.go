// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"testing"
	"time"
)

// Each bucket counts those before it, and what is too late for all of them is counted.
func TestLateness(t *testing.T) {
	var l lateness
	for _, late := range []time.Duration{0, 50 * time.Microsecond, 51 * time.Microsecond, 3 * time.Millisecond, time.Second, 2 * time.Second} {
		l.add(late)
	}
	s := l.status()
	if s.Count != 6 || s.Sum != 3.003101 || l.max != 2*time.Second {
		t.Errorf("%d wake-ups, %v s, at most %v", s.Count, s.Sum, l.max)
	}
	for _, bucket := range s.Buckets {
		var want uint64
		switch {
		case bucket.LE < 0.0001:
			want = 2
		case bucket.LE < 0.005:
			want = 3
		case bucket.LE < 1:
			want = 4
		default:
			want = 5
		}
		if bucket.Count != want {
			t.Errorf("%d within %v s, want %d", bucket.Count, bucket.LE, want)
		}
	}
}
