// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be vipd where scripts are started.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ordinaryName {
		main()
	}
	os.Exit(m.Run())
}

// A script of a real-time vipd is none, with all its arguments, flags or not.
func TestScriptsAreOrdinary(t *testing.T) {
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	if os.Geteuid() != 0 {
		t.Skip("real-time scheduling needs root")
	}
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 7}, 0); err != nil {
		t.Fatal(err)
	}
	argv := []string{"/bin/sh", "-c", `chrt -p $$ | head -1 | sed 's/.*: //'; echo "$@"`, "sh", "--help", "-x", "--", "a b"}
	output, err := scriptRunner().Run(t.Context(), argv, nil, nil)
	if got := strings.ReplaceAll(string(output), "\n", " "); got != "SCHED_OTHER --help -x -- a b " || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestOrdinaryIsHidden(t *testing.T) {
	command, _, err := root().Find([]string{ordinaryName})
	if err != nil || !command.Hidden {
		t.Errorf("%v, hidden: %v", err, command.Hidden)
	}
}
