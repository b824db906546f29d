// SPDX-License-Identifier: Apache-2.0

// Package integration_test runs the real vipd, HAProxy and nginx in network
// namespaces, and measures what a client sees.
package integration_test

import (
	"flag"
	"os"
	"testing"

	"vipd/integration/lab"
)

// vipdEnv holds the path of the program under test.
const vipdEnv = "VIPD_INTEGRATION_PROGRAM"

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
