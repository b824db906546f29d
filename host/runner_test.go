// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func sh(script string) []string { return []string{"/bin/sh", "-c", script} }

func TestRunnerStatus(t *testing.T) {
	tests := map[string]struct {
		argv           []string
		output, status string // "": 0
	}{
		"0":                    {sh("echo fine"), "fine\n", ""},
		"another":              {sh("echo bad >&2; exit 7"), "bad\n", "exit status 7"},
		"a signal":             {sh("kill -TERM $$"), "", "signal: terminated"},
		"an empty environment": {[]string{"/usr/bin/env"}, "", ""},
		"a missing program":    {[]string{"/no/such"}, "", "start /no/such: "},
		"a child holds on":     {sh("sleep 600 & echo left"), "left\n", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			output, err := Runner{}.Run(t.Context(), test.argv, nil, nil)
			if string(output) != test.output || !strings.HasPrefix(text(err), test.status) || (err == nil) != (test.status == "") {
				t.Errorf("%q, %v; want %q, %q", output, err, test.output, test.status)
			}
		})
	}
}

func TestRunnerKeepsTheBeginning(t *testing.T) {
	output, err := Runner{}.Run(t.Context(), sh("echo first; head -c 300000 /dev/zero"), nil, nil)
	if err != nil || len(output) != maxOutput || !strings.HasPrefix(string(output), "first\n") {
		t.Errorf("%d bytes, %v", len(output), err)
	}
}

func TestRunnerEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	output, err := Runner{}.Run(ctx, sh("trap '' TERM; echo begun; sleep 600; sleep 600"), nil, nil)
	status := new(exec.ExitError)
	if !errors.As(err, &status) || status.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL || string(output) != "begun\n" {
		t.Errorf("%q, %v", output, err)
	}
	if took := time.Since(start); took > patience {
		t.Errorf("took %v", took)
	}
}

// Whoever may not become another user must hear that, and not run the program as himself.
func TestRunnerAsAnotherUserWithoutThePermission(t *testing.T) {
	onThread(t, func() {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			t.Fatal(err)
		}
		output, err := Runner{}.Run(t.Context(), sh("echo ran"), nil, &syscall.Credential{Uid: 65534, Gid: 65534})
		if !errors.Is(err, unix.EPERM) || len(output) > 0 {
			t.Errorf("%q, %v", output, err)
		}
	})
}
