// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

const (
	// lease is how long a VIP lives without vipd at adverts every second, and
	// leaseSlack how late the kernel may be with it.
	lease      = 4 * time.Second
	quickLease = time.Second // at adverts every 200 ms
	leaseSlack = 1500 * time.Millisecond
)

// A vipd that is killed and never restarted: the other node takes over, and the
// address that it left goes by itself.
func TestCrash(t *testing.T) {
	t.Parallel()
	s := run(t, defaults, haproxy)
	p := watch(t, s)
	crash := afterAdvert(t, startCapture(t, s.client), s.lb1, s.lb1.vipd.Kill)
	limit := s.election.silence() + reaction
	var windows []window
	for range repetitions {
		p.steady(t, time.Now(), s.lb1, steady)
		start := time.Now()
		labtest.Must(t, crash())
		killed := time.Now()
		took := waitTakeover(t, s.lb2, killed)
		gone := waitGone(t, s.lb1, killed)
		windows = append(windows, window{start.Add(-lead), p.steady(t, time.Now(), s.lb2, steady)})
		t.Logf("kill -9: lb2 is Active after %v, the VIP is gone from lb1 after %v", took, gone)
		if took > limit || gone > lease+leaseSlack {
			t.Errorf("takeover after %v, limit %v; address gone after %v, limit %v", took, limit, gone, lease+leaseSlack)
		}
		p.see(t, s, s.lb1.vipd.Restart, s.lb1)
	}
	result := p.judge(t, windows)
	t.Logf("kill -9: outages %v, lost UDP probes %s", spreadOf(result, seen.theOutage), lost(result))
	if mostlyOver(result, limit) {
		t.Errorf("outages %v, limit %v", spreadOf(result, seen.theOutage), limit)
	}
}

func waitTakeover(t *testing.T, n *node, from time.Time) time.Duration {
	t.Helper()
	labtest.Await(t, func() error { return n.is("active") })
	r, err := n.router()
	labtest.Must(t, err)
	return r.Since.Sub(from)
}

func waitGone(t *testing.T, n *node, from time.Time) time.Duration {
	t.Helper()
	labtest.Await(t, func() error { return n.look(false) })
	return time.Since(from)
}

// A vipd that is restarted at once, while the address that it left is still there, but
// with adverts so frequent that the other node has taken over.
func TestRestartAfterCrash(t *testing.T) {
	t.Parallel()
	s := run(t, quick, haproxy)
	labtest.Must(t, s.lb1.vipd.Kill())
	if owns, err := s.lb1.owns(); !owns || err != nil {
		t.Fatalf("a crashed vipd keeps the VIP: %v, %v", owns, err)
	}
	labtest.Must(t, s.lb1.vipd.Restart())
	restarted := time.Now()
	labtest.Await(t, func() error { return errors.Join(s.lb1.look(false), s.lb1.is("backup")) })
	gone := time.Since(restarted)
	t.Logf("a restarted vipd has removed what it left %v after it answered", gone)
	if gone > quickLease/4 {
		t.Errorf("the address that a crash left is gone after %v: it was the lease that ended it", gone)
	}
	labtest.Await(t, func() error { return s.look(s.lb1) })
	mustRun(t, s.lb1)
}

// mustRun tells whether the node's vipd runs.
func mustRun(t *testing.T, n *node) {
	t.Helper()
	select {
	case <-n.vipd.Ended():
		t.Fatalf("vipd on %s has ended: %v", n.host.Name(), n.vipd.Exit())
	default:
	}
}

func TestStopLeavesNoAddress(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(fmt.Sprint(signal), func(t *testing.T) {
			for name, alone := range map[string]bool{"beside a Backup": false, "alone": true} {
				s := run(t, quick, haproxy)
				if alone {
					labtest.Must(t, s.lb2.vipd.Kill())
				}
				labtest.Must(t, s.lb1.vipd.Signal(signal))
				exit := s.lb1.vipd.Exit()
				if owns, err := s.lb1.owns(); owns || err != nil || !exit.Success() {
					t.Errorf("%s: %v, the VIP is still there: %v, %v", name, exit, owns, err)
				}
			}
		})
	}
}

// A vipd that nobody follows keeps the address for an interval; a second signal
// ends the wait.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := build(t, defaults, haproxy)
	s.lb1.startVipd(t)
	labtest.Await(t, func() error { return s.lb1.is("active") })
	labtest.Must(t, s.lb1.vipd.Signal(syscall.SIGTERM))
	labtest.Await(t, func() error {
		r, err := s.lb1.router()
		if err == nil && r.Phase != "releasing" {
			err = fmt.Errorf("is in the phase %q", r.Phase)
		}
		return err
	})
	second := time.Now()
	labtest.Must(t, s.lb1.vipd.Signal(syscall.SIGTERM))
	exit := s.lb1.vipd.Exit()
	took := time.Since(second)
	t.Logf("ended %v after the second signal", took)
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Errorf("%v after %v, want ended by the second signal", exit, took)
	}
}
