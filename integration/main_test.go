// SPDX-License-Identifier: Apache-2.0

// Package integration_test runs the real vipd, HAProxy and nginx in network
// namespaces, and measures what a client sees.
package integration_test

import (
	"context"
	"flag"
	"os"
	"testing"
	"time"

	"vipd/integration/lab"
)

const (
	// vipdEnv holds the path of the program under test.
	vipdEnv = "VIPD_INTEGRATION_PROGRAM"
	// patience bounds every wait: the longest thing waited for is a lease of 4 s
	// that ends after Active_Down_Interval.
	patience = 15 * time.Second
	// lookInterval is the pace at which a condition is looked at that nobody sends
	// an event for.
	lookInterval = 10 * time.Millisecond
)

// TestMain lets a few sites run at once: they wait for most of the time. Tests that
// measure are not parallel.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	lab.MainWithProgram(m, vipdEnv, "vipd/cmd/vipd")
}

// program is the vipd under test.
func program() string { return os.Getenv(vipdEnv) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patient is a context for a wait.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// await waits until look finds nothing wrong. It fails with what look found last.
func await(t *testing.T, look func() error) {
	t.Helper()
	ctx := patient(t)
	for {
		err := look()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %v still: %v", patience, err)
		case <-time.After(lookInterval):
		}
	}
}

// throughout looks for a time, and fails at once when something is wrong.
func throughout(t *testing.T, span time.Duration, look func() error) {
	t.Helper()
	for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(lookInterval) {
		must(t, look())
	}
}
