// SPDX-License-Identifier: Apache-2.0

// Package drain_test moves virtual addresses between proxies that have established
// connections, under whole vipds, and fills the tables of docs/drain.md.
package drain_test

import (
	"flag"
	"os"
	"testing"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	// vipdEnv holds the path of the program under test.
	vipdEnv = "VIPD_DRAIN_PROGRAM"
	// documentEnv holds the path of the document whose places are to be filled, if they
	// are to be.
	documentEnv = "VIPD_DRAIN_DOCUMENT"
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
	labtest.Must(t, lab.Fill(document(), place, table))
}
