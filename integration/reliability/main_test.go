// SPDX-License-Identifier: Apache-2.0

// Package reliability_test measures what clients notice when vipd, or keepalived,
// crashes, hangs, is upgraded, reloaded or stopped, and fills the tables of
// docs/reliability.md.
package reliability_test

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
	vipdEnv = "VIPD_RELIABILITY_PROGRAM"
	// documentEnv holds the path of the document whose tables are to be filled, if
	// they are to be.
	documentEnv = "VIPD_RELIABILITY_DOCUMENT"
	// patience bounds every wait: the longest one is for a host that believes an
	// owner that has gone, until its kernel asks again.
	patience = time.Minute
	// lookInterval is the pace at which a condition is looked at that nobody sends
	// an event for.
	lookInterval = 10 * time.Millisecond
)

// TestMain lets a few sites run at once: they wait for most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	lab.MainWithProgram(m, vipdEnv, "vipd/cmd/vipd")
}

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
