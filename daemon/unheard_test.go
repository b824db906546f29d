// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/vrrp"
)

// An Active whose adverts don't leave has no address when the next one takes over, and
// is back when they leave again.
func TestUnheardActiveStops(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.pass(10 * time.Millisecond) // an advert leaves, and the next three don't
	s.sendFail = errors.New("operation not permitted")
	s.pass(2990 * time.Millisecond)
	s.state("web", "active")
	s.did = nil
	s.pass(10 * time.Millisecond)
	s.want("remove web/ipv4 192.0.2.100/24 on 2")
	s.post(event{holding: &Holding{Key: "web/ipv4"}})
	r := s.router("web")
	if strings.Join(r.Blocked, " ") != "no-socket" || r.Problem != "adverts can't be sent: operation not permitted" {
		t.Errorf("blocked by %v, problem %q", r.Blocked, r.Problem)
	}
	if n := strings.Count(s.log.String(), "nobody hears this router"); n != 1 {
		t.Errorf("%d log lines, want 1:\n%s", n, s.log.String())
	}
	s.pass(time.Minute) // in vain
	s.want()
	if r := s.router("web"); r.State != "initialize" || r.Counters.BecameActive != 1 {
		t.Errorf("unheard it did not stay out: %+v", r)
	}
	s.sendFail = nil
	s.pass(trySending)
	s.state("web", "backup")
	for range 4000 {
		if s.pass(time.Millisecond); len(s.did) > 0 {
			break
		}
	}
	s.want("send 254 vrid 51 on 2 from 192.0.2.11", "renew web/ipv4", "set web/ipv4 192.0.2.100/24 on 2 lease 4s")
	s.held("web/ipv4")
	if r := s.router("web"); r.State != "active" || r.Problem != "" {
		t.Errorf("status %+v", r)
	}
}

// A first advert that does not leave keeps the addresses back, and the second one does
// not: one full queue is no reason to leave.
func TestFirstAdvertThatDoesNotLeave(t *testing.T) {
	s := newStage(t, oneRouter)
	s.link(eth0)
	s.did = nil
	s.sendFail = errors.New("no buffer space available")
	s.pass(3*time.Second + 8*time.Millisecond)
	s.state("web", "active")
	s.want()
	s.sendFail = nil
	s.pass(10 * time.Millisecond)
	s.want("send 254 vrid 51 on 2 from 192.0.2.11", "renew web/ipv4", "set web/ipv4 192.0.2.100/24 on 2 lease 4s")
	s.held("web/ipv4")
	s.want("announce web/ipv4")
}

// With unicast only sending tells: it tries less and less often, and sets no address.
func TestUnheardByUnicast(t *testing.T) {
	s := activeStage(t, strings.Replace(oneRouter, "[192.0.2.100/24]", "[192.0.2.100/24]\n  unicast: {source: 192.0.2.11, peers: [192.0.2.12]}", 1))
	s.sendFail = errors.New("network is unreachable")
	s.pass(3 * time.Second)
	s.link(eth0) // the interface is fine, and that is not what is wrong
	if r := s.router("web"); strings.Join(r.Blocked, " ") != "no-socket" {
		t.Errorf("blocked by %v", r.Blocked)
	}
	s.did = nil
	s.pass(10 * time.Minute)
	if n := s.router("web").Counters.BecameActive; n < 15 || n > 25 || strings.Contains(strings.Join(s.did, "\n"), "set") {
		t.Errorf("in ten minutes it was Active %d times, and did %v", n, s.did)
	}
	s.sendFail = nil
	s.pass(longestSilence + 4*time.Second)
	s.held("web/ipv4")
	s.state("web", "active")
}

// A router that hands over and can't say so ends nevertheless.
func TestUnheardStop(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.sendFail = errors.New("operation not permitted")
	s.d.stop()
	s.d.turn(nil)
	s.pass(2 * time.Second)
	if !s.d.finished() {
		t.Errorf("did %v", s.did)
	}
}

// A Backup that was stopped hears what its sockets hold before it acts: its readers wake
// at the same time as the loop.
func TestBackupHearsBeforeItActs(t *testing.T) {
	for name, row := range map[string]struct {
		advert bool
		want   string
	}{"the Active went on": {true, "backup"}, "the Active is gone": {false, "active"}} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, oneRouter)
			s.link(eth0)
			s.hear(advert(51, 254))
			s.now = s.now.Add(5 * time.Second)
			s.d.turn(nil) // the timer's, before the reader's
			s.state("web", "backup")
			s.pass(hearTime - time.Millisecond)
			s.state("web", "backup")
			if row.advert {
				s.hear(advert(51, 254))
			}
			s.pass(time.Millisecond)
			s.state("web", row.want)
			if got := s.d.snapshot().Loop.Late; got != 1 {
				t.Errorf("late %d times, want 1", got)
			}
		})
	}
}

// A Backup whose time is out looks whether adverts lie unread: on a busy host its loop may
// get to run before its readers.
func TestBackupAwaitsItsReaders(t *testing.T) {
	wait := 3*time.Second + 8*time.Millisecond // Active_Down_Interval, rounded up
	due := func(t *testing.T) *stage {
		s := newStage(t, oneRouter)
		s.link(eth0)
		s.hear(advert(51, 254))
		s.unread = true
		s.pass(wait)
		s.state("web", "backup")
		return s
	}
	t.Run("an advert", func(t *testing.T) {
		s := due(t)
		s.pass(10 * time.Millisecond)
		s.hear(advert(51, 254))
		s.unread = false
		s.pass(wait - time.Millisecond)
		s.state("web", "backup")
		s.pass(time.Millisecond)
		s.state("web", "active")
	})
	t.Run("something else", func(t *testing.T) {
		s := due(t)
		s.pass(10 * time.Millisecond)
		s.unread = false
		s.pass(time.Millisecond)
		s.state("web", "active")
	})
	t.Run("a flood", func(t *testing.T) {
		s := due(t)
		s.pass(hearTime - time.Millisecond)
		s.state("web", "backup")
		s.pass(time.Millisecond)
		s.state("web", "active")
	})
}

// An Active that was late, and not for long enough to have been replaced, loses no time.
func TestLateActiveSpeaksAtOnce(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.now = s.now.Add(1600 * time.Millisecond)
	s.d.turn(nil)
	s.want("renew web/ipv4", "send 254 vrid 51 on 2 from 192.0.2.11")
}

// A machine that is always late says so once in a while.
func TestLateAllTheTime(t *testing.T) {
	s := activeStage(t, oneRouter)
	for range 10 {
		s.now = s.now.Add(2500 * time.Millisecond)
		s.d.turn(nil)
	}
	if n := strings.Count(s.log.String(), "woke late"); n != 1 || s.d.snapshot().Loop.Late != 10 {
		t.Errorf("%d log lines for %d", n, s.d.snapshot().Loop.Late)
	}
}

// Both families are not heard: neither keeps its address for whoever might take over.
func TestUnheardFamilies(t *testing.T) {
	s := newStage(t, strings.Replace(oneRouter, "[192.0.2.100/24]", "[192.0.2.100/24, 2001:db8::100/64]", 1))
	l := eth0
	l.Prefixes = append(slices.Clone(l.Prefixes), netip.MustParsePrefix("fe80::11/64"))
	s.link(l)
	s.pass(5 * time.Second)
	s.held("web/ipv4")
	s.held("web/ipv6")
	s.pass(10 * time.Millisecond)
	s.sendFail = errors.New("operation not permitted")
	s.pass(3 * time.Second)
	for _, f := range s.d.routers[0].families {
		if status := f.core.Status(); status.Owns || !slices.Contains(status.Blocked, vrrp.NoSocket) {
			t.Errorf("%s: %+v", f.name, status)
		}
	}
}
