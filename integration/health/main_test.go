// SPDX-License-Identifier: Apache-2.0

// Package health_test has things go wrong with real services, under whole vipds that
// check them in every way, and fills the tables of docs/health.md.
package health_test

import (
	"flag"
	"os"
	"testing"

	"vipd/integration/lab"
)

const (
	// vipdEnv holds the path of the program under test.
	vipdEnv = "VIPD_HEALTH_PROGRAM"
	// documentEnv holds the path of the document whose places are to be filled, if they
	// are to be.
	documentEnv = "VIPD_HEALTH_DOCUMENT"
)

// TestMain lets the sites run at once: they wait for most of the time. For the document
// they run one after another.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", map[bool]string{true: "1", false: "6"}[document() != ""]); err != nil {
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
