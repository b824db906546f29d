// SPDX-License-Identifier: Apache-2.0

// Package drain_test moves virtual addresses between proxies that have established
// connections, under whole vipds, and fills the tables of docs/drain.md.
package drain_test

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
	vipdEnv = "VIPD_DRAIN_PROGRAM"
	// documentEnv holds the path of the document whose places are to be filled, if they
	// are to be.
	documentEnv = "VIPD_DRAIN_DOCUMENT"
	// patience bounds every wait.
	patience = 30 * time.Second
	// lookInterval is the pace at which a condition is looked at that nobody sends an
	// event for.
	lookInterval = 10 * time.Millisecond
)

// TestMain lets the scenes run at once: they wait for most of the time. What is measured is
// not parallel.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	lab.MainWithProgram(m, vipdEnv, "vipd/cmd/vipd")
}

func program() string  { return os.Getenv(vipdEnv) }
func document() string { return os.Getenv(documentEnv) }

// times is how often something is done in a test, and for the document.
func times(test, documented int) int {
	if document() != "" {
		return documented
	}
	return test
}

// fill puts a table into the document, if it is to be filled, and else into the log.
func fill(t *testing.T, place, table string) {
	t.Helper()
	if document() == "" {
		t.Logf("%s:\n%s", place, table)
		return
	}
	must(t, lab.Fill(document(), place, table))
}

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
	for deadline := time.Now().Add(patience); ; {
		err := look()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v still: %v", patience, err)
		}
		<-time.After(lookInterval)
	}
}
