// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

// stoppedTime is how long a vipd is stopped: longer than a Backup waits and a lease lives.
const stoppedTime = 5 * time.Second

// pause stops a node's vipd for a while, as a hypervisor would, and returns when it goes on.
func (n *node) pause(t *testing.T, span time.Duration) time.Time {
	t.Helper()
	labtest.Must(t, n.vipd.Signal(syscall.SIGSTOP))
	<-time.After(span)
	woken := time.Now()
	labtest.Must(t, n.vipd.Signal(syscall.SIGCONT))
	return woken
}

// A stopped Active is replaced. When it wakes it says nothing before it has heard the
// other one for as long as any Backup, and its address has gone by itself.
func TestStoppedActive(t *testing.T) {
	t.Parallel()
	s := run(t, defaults, haproxy)
	c := startCapture(t, s.client)
	woken := s.lb1.pause(t, stoppedTime)
	if owns, err := s.lb1.owns(); owns || err != nil {
		t.Errorf("when it wakes it has the VIP: %v, %v", owns, err)
	}
	labtest.Await(t, func() error { return s.lb1.is("backup") })
	r, err := s.lb1.router()
	labtest.Must(t, err)
	if r.Reason != "overslept" {
		t.Errorf("in the state %s because of %s", r.State, r.Reason)
	}
	labtest.Throughout(t, calm, func() error { return s.look(s.lb2) })
	if adverts := matching(c, advertOf(s.lb1, woken)); len(adverts) > 0 {
		t.Errorf("it has said %v", adverts)
	}
	s.lb1.wasLate(t, 1)
	labtest.Await(t, func() error { return s.look(s.lb1) }) // it is better, and preempts
}

// A stopped Backup has missed nothing: when it wakes the Active's adverts are in its
// sockets, and it hears them before its timer.
func TestStoppedBackup(t *testing.T) {
	t.Parallel()
	s := run(t, brisk, haproxy)
	c := startCapture(t, s.client)
	begin := time.Now()
	const times = 5
	for range times {
		s.lb2.pause(t, 2*time.Second)
		labtest.Throughout(t, calm/4, func() error { return s.look(s.lb1) })
	}
	if adverts := matching(c, advertOf(s.lb2, begin)); len(adverts) > 0 {
		t.Errorf("it has said %v", adverts)
	}
	r, err := s.lb2.router()
	labtest.Must(t, err)
	if r.Counters.BecameActive != 0 {
		t.Errorf("it was Active %d times", r.Counters.BecameActive)
	}
	s.lb2.wasLate(t, times)
}

// A stopped Backup whose Active dies meanwhile takes over when it wakes.
func TestStoppedBackupAlone(t *testing.T) {
	t.Parallel()
	s := run(t, brisk, haproxy)
	labtest.Must(t, s.lb2.vipd.Signal(syscall.SIGSTOP))
	labtest.Must(t, s.lb1.vipd.Kill())
	<-time.After(2 * s.election.silence())
	labtest.Must(t, s.lb2.vipd.Signal(syscall.SIGCONT))
	woken := time.Now()
	took := waitTakeover(t, s.lb2, woken)
	t.Logf("the Backup is Active %v after it woke", took)
	if took > s.election.silence() { // the adverts that it hears first are old, and count
		t.Errorf("it is Active only after %v", took)
	}
}

// wasLate tells whether the daemon has counted how often it was late, and said so once
// within a minute.
func (n *node) wasLate(t *testing.T, times uint64) {
	t.Helper()
	status, err := n.status()
	labtest.Must(t, err)
	if status.Loop.Late != times || status.Loop.MaxLate == "0s" {
		t.Errorf("status of the loop: %+v, want late %d times", status.Loop, times)
	}
	if got := n.times(t, "woke late"); got != 1 {
		t.Errorf("the log says so %d times", got)
	}
	if got := n.command(t, "status", "--config", n.configFile()); got.code != 0 || !strings.Contains(got.stdout, fmt.Sprintf("woke late %d times", times)) {
		t.Errorf("%+v", got)
	}
}
