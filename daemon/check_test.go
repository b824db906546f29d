// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"strings"
	"testing"
	"time"

	"vipd/health"
)

// A check that can't be made keeps its verdict, and says so.
func TestCheckThatCannotBeMade(t *testing.T) {
	s := newStage(t, oneCheck)
	s.link(eth0)
	s.result(health.Result{Check: "haproxy", OK: true})
	for range 10 {
		s.result(health.Result{Check: "haproxy", Unmade: true, Detail: "not asked: too many open files"})
	}
	c := s.d.snapshot().Checks[0]
	if c.Verdict != "pass" || c.Detail != "not asked: too many open files" || s.router("web").Priority != 254 {
		t.Errorf("%+v, %+v", c, s.router("web"))
	}
	if n := strings.Count(s.log.String(), "can't be made"); n != 1 {
		t.Errorf("%d log lines, want 1", n)
	}
}

// One that could never be made is no reason to trust.
func TestCheckThatCouldNeverBeMade(t *testing.T) {
	s := newStage(t, oneCheck)
	s.link(eth0)
	for range 11 {
		s.result(health.Result{Check: "haproxy", Unmade: true})
		s.pass(time.Second)
	}
	if r := s.router("web"); r.State != "backup" || r.Priority != 1 {
		t.Errorf("%+v", r)
	}
}

// A service that is gone and has its grace costs nothing; the log has it once, and so has
// the status.
func TestGraceCostsNothing(t *testing.T) {
	s := newStage(t, oneCheck)
	s.link(eth0)
	s.result(health.Result{Check: "haproxy", OK: true})
	for range 10 {
		s.result(health.Result{Check: "haproxy", Excused: true, Detail: "process 812 ended"})
	}
	c := s.d.snapshot().Checks[0]
	if c.Verdict != "pass" || c.State != "grace" || c.Detail != "process 812 ended" || s.router("web").Priority != 254 {
		t.Errorf("%+v, %+v", c, s.router("web"))
	}
	if n := strings.Count(s.log.String(), "has its grace"); n != 1 {
		t.Errorf("%d log lines, want 1", n)
	}
	s.result(health.Result{Check: "haproxy", OK: true})
	if c := s.d.snapshot().Checks[0]; c.State != "pass" {
		t.Errorf("%+v", c)
	}
}

// A check that flaps lowers the priority until it was well for a minute, and says why.
func TestFlappingCheck(t *testing.T) {
	s := newStage(t, oneCheck)
	s.link(eth0)
	result := func(ok, died bool) {
		s.pass(time.Second)
		s.result(health.Result{Check: "haproxy", OK: ok, Sure: died, Detail: "what it said"})
	}
	for range 4 {
		result(true, false)
		result(true, false)
		result(false, true)
	}
	for range 59 {
		result(true, false)
		c := s.d.snapshot().Checks[0]
		if want := "failed 4 times within 5m0s: passes after 1m0s without a failure"; c.Verdict != "fail" || c.State != "flapping" || c.Detail != want {
			t.Fatalf("%+v", c)
		}
	}
	if r := s.router("web"); r.Priority != 1 {
		t.Errorf("priority %d while it flaps", r.Priority)
	}
	if !strings.Contains(s.log.String(), "verdict=fail state=flapping") {
		t.Errorf("the log does not say so:\n%s", s.log.String())
	}
	result(true, false)
	if c, r := s.d.snapshot().Checks[0], s.router("web"); c.State != "pass" || r.Priority != 254 {
		t.Errorf("%+v, priority %d", c, r.Priority)
	}
}

// What will go wrong is logged when it says something new, not with each probe.
func TestWarningOfACheck(t *testing.T) {
	s := newStage(t, oneCheck)
	s.link(eth0)
	for _, detail := range []string{"certificate expires in 3 days", "certificate expires in 2 days"} {
		for range 5 {
			s.result(health.Result{Check: "haproxy", OK: true, Warning: true, Detail: detail})
			s.pass(time.Minute)
		}
		if n := strings.Count(s.log.String(), `warning="`+detail); n != 1 {
			t.Errorf("%d log lines, want 1:\n%s", n, s.log.String())
		}
	}
	if r := s.router("web"); r.Priority != 254 {
		t.Errorf("priority %d", r.Priority)
	}
}

// Two certificates behind one address must not fill the log.
func TestWarningsInTurn(t *testing.T) {
	s := newStage(t, oneCheck)
	s.link(eth0)
	for range 50 {
		for _, detail := range []string{"certificate expires in 3 days", "certificate expires in 2 days"} {
			s.result(health.Result{Check: "haproxy", OK: true, Warning: true, Detail: detail})
		}
	}
	if n := strings.Count(s.log.String(), "warning="); n != 1 {
		t.Errorf("%d log lines, want 1", n)
	}
}
