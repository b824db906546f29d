// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

// A vipd that hangs renews nothing: the kernel takes its address, although nobody else
// is there to have it. When it goes on it may have been replaced: it waits as a Backup
// does before it is Active again.
func TestHungVipdLosesItsAddress(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	s.lb1.startVipd(t)
	labtest.Await(t, func() error { return errors.Join(s.lb1.is("active"), s.lb1.look(true)) })
	c := startCapture(t, s.client)
	labtest.Must(t, s.lb1.vipd.Signal(syscall.SIGSTOP))
	stopped := time.Now()
	labtest.Await(t, func() error { return s.lb1.owning(false) })
	gone := time.Since(stopped)
	t.Logf("the VIP of a vipd that hangs is gone after %v", gone)
	if gone < quick.silence() || gone > quickLease+leaseSlack {
		t.Errorf("the VIP is gone after %v, want after a Backup's wait of %v and until %v", gone, quick.silence(), quickLease+leaseSlack)
	}
	woken := time.Now()
	labtest.Must(t, s.lb1.vipd.Signal(syscall.SIGCONT))
	advert, err := c.Wait(labtest.Patient(t), advertOf(s.lb1, woken))
	labtest.Must(t, err)
	if waited := advert.Time.Sub(woken); waited < 3*quick.interval {
		t.Errorf("advertises %v after it goes on, without an election", waited)
	}
	labtest.Await(t, func() error { return s.lb1.look(true) })
	for _, text := range []string{"reason=overslept", "woke late"} {
		labtest.Must(t, logged(s.lb1, text))
	}
	if won := s.lb1.times(t, "to=active"); won != 2 {
		t.Errorf("became Active %d times, want 2", won)
	}
	for _, p := range matching(c, announcementOf(t, s.lb1, woken)) {
		if p.Time.Before(advert.Time) {
			t.Errorf("announces the VIP %v before its advert", advert.Time.Sub(p.Time))
		}
	}
}

// A vipd that hangs for less than a Backup waits has lost nothing.
func TestBrieflyHungVipdGoesOn(t *testing.T) {
	t.Parallel()
	s := run(t, brisk, haproxy)
	c := startCapture(t, s.client)
	before := time.Now()
	for range 3 {
		labtest.Must(t, s.lb1.vipd.Signal(syscall.SIGSTOP))
		labtest.Throughout(t, 3*brisk.interval/2, func() error { return s.lb1.owning(true) })
		woken := time.Now()
		labtest.Must(t, s.lb1.vipd.Signal(syscall.SIGCONT))
		_, err := c.Wait(labtest.Patient(t), advertOf(s.lb1, woken))
		labtest.Must(t, err)
		labtest.Must(t, s.look(s.lb1))
	}
	for _, packet := range matching(c, advertOf(s.lb2, before)) {
		t.Errorf("the other node has moved: %v", packet)
	}
	if won := s.lb1.times(t, "to=active"); won != 1 {
		t.Errorf("became Active %d times, want 1", won)
	}
}

// Without a lease a hung vipd keeps its address: that is what `lease: off` is.
func TestWithoutLease(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	s.lb1.configure(t, strings.Replace(s.lb1.config(quick, ifname), "addresses:", "lease: off\n  addresses:", 1))
	s.lb1.startVipd(t)
	labtest.Await(t, func() error { return s.lb1.look(true) })
	labtest.Must(t, s.lb1.vipd.Signal(syscall.SIGSTOP))
	labtest.Throughout(t, quickLease+leaseSlack, func() error { return s.lb1.owning(true) })
	labtest.Must(t, s.lb1.vipd.Signal(syscall.SIGCONT))
}
