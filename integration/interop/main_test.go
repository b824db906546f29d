// SPDX-License-Identifier: Apache-2.0

// Package interop_test runs the real vipd beside other VRRP daemons, measures what
// becomes of the virtual address, and writes docs/interop.md.
package interop_test

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
	vipdEnv = "VIPD_INTEROP_PROGRAM"
	// patience bounds every wait: the longest one is for an Active_Down_Interval of
	// 4 s after a restart.
	patience = 20 * time.Second
)

// TestMain lets all pairings run at once: they wait for most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "64"); err != nil {
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
