// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"os"
	"testing"

	"vipd/integration/lab"
)

// vipdEnv holds the path of the program that is measured.
const vipdEnv = "VIPD_BENCH_PROGRAM"

func TestMain(m *testing.M) { lab.MainWithProgram(m, vipdEnv, "vipd/cmd/vipd") }

func program() string { return os.Getenv(vipdEnv) }
