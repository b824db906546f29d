// SPDX-License-Identifier: Apache-2.0

// Package reliability_test measures what clients notice when vipd, or keepalived,
// crashes, hangs, is upgraded, reloaded or stopped, and fills the tables of
// docs/reliability.md.
package reliability_test

import (
	"flag"
	"os"
	"testing"

	"vipd/integration/lab"
)

const (
	// vipdEnv holds the path of the program under test.
	vipdEnv = "VIPD_RELIABILITY_PROGRAM"
	// documentEnv holds the path of the document whose tables are to be filled, if
	// they are to be.
	documentEnv = "VIPD_RELIABILITY_DOCUMENT"
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
