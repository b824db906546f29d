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
