// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"
)

func TestLateness(t *testing.T) {
	var l lateness
	l.note(3 * time.Millisecond)
	l.note(7 * time.Millisecond)
	l.note(5 * time.Millisecond)
	if got := l.take(); got != 7*time.Millisecond {
		t.Errorf("%v, want the most", got)
	}
	if got := l.take(); got != 0 {
		t.Errorf("%v, taken already", got)
	}
}
