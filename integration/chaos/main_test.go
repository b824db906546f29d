// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"vipd/integration/lab"
)

// vipdEnv holds the path of the vipd under test.
const vipdEnv = "VIPD_CHAOS_TEST_PROGRAM"

func TestMain(m *testing.M) { lab.MainWithProgram(m, vipdEnv, "vipd/cmd/vipd") }

func TestCheck(t *testing.T) {
	if err := check(os.Getenv(vipdEnv), nil); err != nil {
		t.Error(err)
	}
	for name, test := range map[string]struct {
		vipd string
		rest []string
		want string
	}{
		"no vipd":         {"/nonexistent/vipd", nil, "needs /nonexistent/vipd"},
		"vipd not a flag": {os.Getenv(vipdEnv), []string{"bin/vipd"}, "bin/vipd"},
	} {
		if err := check(test.vipd, test.rest); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, test.want)
		}
	}
}
