// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Every failure of a part leads to a named state, and out of it again by what ends it.
func TestFailuresOfTheParts(t *testing.T) {
	failed := func(err error) func(*stage) {
		return func(s *stage) {
			s.post(event{holding: &Holding{Key: "web/ipv4", Err: err}})
			s.post(event{holding: &Holding{Key: "web/ipv4"}}) // removed, as the router asks then
		}
	}
	changed := func(change func(*Link)) func(*stage) {
		return func(s *stage) { l := eth0; change(&l); s.link(l) }
	}
	whole := changed(func(*Link) {})
	later := func(s *stage) { s.pass(30 * time.Second) }
	mtu := changed(func(l *Link) { l.MTU = 1400 })
	for name, row := range map[string]struct {
		fail    func(*stage)
		blocked string
		problem string // in the status
		end     func(*stage)
	}{
		"an address is refused (EPERM)":          {failed(fmt.Errorf("add: %w", unix.EPERM)), "address-failed", "operation not permitted", later},
		"its interface is gone (ENODEV)":         {failed(fmt.Errorf("add: %w", unix.ENODEV)), "address-failed", "no such device", mtu},
		"IPv6 is off there (EACCES)":             {failed(fmt.Errorf("add: %w", unix.EACCES)), "address-failed", "permission denied", mtu},
		"somebody else has set it":               {failed(errors.New("there already and not ours")), "address-failed", "not ours", later},
		"the receive socket fails":               {changed(func(l *Link) { l.ListeningIPv4, l.Problem = false, "IPv4: too many open files" }), "no-socket", "too many open files", whole},
		"the interface is moved into a bridge":   {changed(func(l *Link) { l.Master, l.Problem = "br0", "a port of br0" }), "no-socket", "a port of br0", whole},
		"the carrier is lost":                    {changed(func(l *Link) { l.Up = false }), "link-down", "", whole},
		"the interface's own address is deleted": {changed(func(l *Link) { l.Prefixes = nil }), "no-source-address", "", whole},
		"the interface is deleted":               {changed(func(l *Link) { *l = Link{Name: "eth0", Problem: "no such interface"} }), "interface-missing", "no such interface", whole},
		"adverts can't be sent": {func(s *stage) { s.sendFail = unix.EPERM; s.pass(3 * time.Second) }, "no-socket", "adverts can't be sent: operation not permitted",
			func(s *stage) { s.sendFail = nil; s.pass(trySending) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := activeStage(t, oneRouter)
			row.fail(s)
			r := s.router("web")
			if strings.Join(r.Blocked, " ") != row.blocked || !strings.Contains(r.Problem, row.problem) || r.Owns {
				t.Fatalf("blocked by %v, problem %q, want %s, %q", r.Blocked, r.Problem, row.blocked, row.problem)
			}
			row.end(s)
			if r := s.router("web"); r.State != "backup" || len(r.Blocked) > 0 || r.Problem != "" {
				t.Fatalf("it is over, and the status is %+v", r)
			}
			s.pass(4 * time.Second)
			s.state("web", "active")
		})
	}
}

// A problem of an interface that only carries addresses is named with it.
func TestProblemOfAnotherInterface(t *testing.T) {
	s := newStage(t, strings.Replace(oneRouter, "[192.0.2.100/24]", "[192.0.2.100/24, {address: 198.51.100.1/24, interface: eth1}]", 1))
	s.link(eth0)
	s.link(Link{Name: "eth1", Problem: "no such interface"})
	r := s.router("web")
	if strings.Join(r.Blocked, " ") != "interface-missing" || r.Problem != "eth1: no such interface" {
		t.Errorf("blocked by %v, problem %q", r.Blocked, r.Problem)
	}
	s.link(Link{Name: "eth1", Index: 3, Up: true, Master: "br0", Problem: "a port of br0"})
	r = s.router("web")
	if strings.Join(r.Blocked, " ") != "no-socket" || r.Problem != "eth1: a port of br0" {
		t.Errorf("blocked by %v, problem %q", r.Blocked, r.Problem)
	}
}

// The same address deleted and put back many times is remembered, and announced, once.
func TestAddedIsRememberedOnce(t *testing.T) {
	s := activeStage(t, oneRouter)
	for range 100 {
		s.deleted()
	}
	if got := s.d.family("web/ipv4").added; len(got) != 1 || got[0] != netip.MustParseAddr("192.0.2.100") {
		t.Errorf("remembered %v", got)
	}
}

// The wall clock is stepped by an hour, back and forth: only what people are shown moves.
func TestWallClockStep(t *testing.T) {
	s := activeStage(t, oneRouter)
	clock := &steppedClock{Timer: s}
	s.d.timer = clock
	for _, step := range []time.Duration{time.Hour, -time.Hour} {
		since := s.router("web").Since
		clock.step += step
		s.pass(10 * time.Second)
		r := s.router("web")
		if r.State != "active" || r.Counters.BecameActive != 1 || r.Counters.AdvertsNotSent > 0 || s.d.lateness.count > 0 {
			t.Errorf("after a step of %v: %+v", step, r)
		}
		if got := r.Since.Sub(since); got != step {
			t.Errorf("after a step of %v the state is shown as %v later", step, got)
		}
	}
	if adverts := strings.Count(strings.Join(s.did, "\n"), "send 254"); adverts != 20 {
		t.Errorf("%d adverts in 20 s", adverts)
	}
}

// steppedClock is a Timer whose wall clock somebody sets.
type steppedClock struct {
	Timer
	step time.Duration
}

func (c *steppedClock) Wall(t time.Time) time.Time { return c.Timer.Wall(t).Add(c.step) }
