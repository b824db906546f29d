// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

// A program is looked at, and ended, with its children.
func TestProgram(t *testing.T) {
	n, err := NewNamespace("host")
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, n.Close()) })
	log := filepath.Join(t.TempDir(), "log")
	p, err := StartProgram(n, log, "sh", "-c", "sh -c 'while :; do :; done' & echo $!; wait")
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, p.Kill()) })
	child := 0
	until(t, func() bool {
		text, err := os.ReadFile(log)
		labtest.Must(t, err)
		child, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
	until(t, func() bool { // the child's, as the parent waits
		used, err := p.Usage()
		labtest.Must(t, err)
		return used.CPU > 100*time.Millisecond && used.Memory > 1<<20
	})
	labtest.Must(t, p.Kill())
	until(t, func() bool { return gone(child) })
	if _, err := p.Usage(); err == nil {
		t.Error("what has ended is looked at")
	}
	labtest.Must(t, p.Kill())
}

// zombie tells whether a process has ended, and nobody has collected it.
func zombie(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, state, found := strings.Cut(string(text), ") ")
	return err == nil && found && state[0] == 'Z'
}

// until waits until something is so.
func until(t *testing.T, so func() bool) {
	t.Helper()
	for ctx := labtest.Patient(t); !so(); {
		select {
		case <-ctx.Done():
			t.Fatal("it is not so")
		case <-time.After(pollInterval):
		}
	}
}
