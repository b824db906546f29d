// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
)

// No file descriptor is left: what is open goes on, and nothing moves. Checks that can't
// be made say nothing.
func TestNoFileDescriptors(t *testing.T) {
	t.Parallel()
	s := run(t, quick, haproxy)
	before := elections(t, s)
	var limit unix.Rlimit
	labtest.Must(t, unix.Prlimit(s.lb1.vipd.PID(), unix.RLIMIT_NOFILE, nil, &limit))
	labtest.Must(t, unix.Prlimit(s.lb1.vipd.PID(), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: limit.Max}, nil))
	labtest.Throughout(t, calm, func() error {
		if owns, err := s.lb1.owns(); !owns || err != nil {
			return fmt.Errorf("has the VIP: %v, %w", owns, err)
		}
		return s.lb2.look(false)
	})
	labtest.Must(t, logged(s.lb1, "a check can't be made, its verdict stays"))
	labtest.Must(t, unix.Prlimit(s.lb1.vipd.PID(), unix.RLIMIT_NOFILE, &limit, nil))
	labtest.Await(t, func() error { return s.look(s.lb1) })
	if after := elections(t, s); after != before {
		t.Errorf("elections of lb1, lb2: %v, before %v", after, before)
	}
	if lines := s.lb1.times(t, "too many open files"); lines != 1 {
		t.Errorf("%d lines about it in %v, want 1", lines, calm)
	}
	mustRun(t, s.lb1)
}
