// SPDX-License-Identifier: Apache-2.0

// Package labtest is what tests with real hosts and peers say again and again.
package labtest

import (
	"context"
	"testing"
	"time"
)

const (
	// Patience bounds every wait. The longest one is for a host that believes an owner
	// that has gone, until its kernel asks again.
	Patience = time.Minute
	// lookInterval is the pace at which a condition is looked at that nobody sends an
	// event for.
	lookInterval = 10 * time.Millisecond
)

// Must ends the test with an error, if there is one.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Patient is a context for a wait: it ends after Patience, or with the test.
func Patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Await waits until look finds nothing wrong. After Patience the test ends with what look
// found last.
func Await(t testing.TB, look func() error) {
	t.Helper()
	for deadline := time.Now().Add(Patience); ; <-time.After(lookInterval) {
		err := look()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v still: %v", Patience, err)
		}
	}
}

// Throughout looks for a time, and ends the test at once when something is wrong.
func Throughout(t testing.TB, span time.Duration, look func() error) {
	t.Helper()
	for end := time.Now().Add(span); time.Now().Before(end); <-time.After(lookInterval) {
		Must(t, look())
	}
}
