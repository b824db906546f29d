// SPDX-License-Identifier: Apache-2.0

// Package interop_test runs the real vipd beside other VRRP daemons, measures what
// becomes of the virtual address, and writes docs/interop.md.
package interop_test

import (
	"flag"
	"os"
	"testing"

	"vipd/integration/lab"
)

// vipdEnv holds the path of the program under test.
const vipdEnv = "VIPD_INTEROP_PROGRAM"

// TestMain lets all pairings run at once: they wait for most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "64"); err != nil {
		panic(err)
	}
	lab.MainWithProgram(m, vipdEnv, "vipd/cmd/vipd")
}

func program() string { return os.Getenv(vipdEnv) }
