// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vipd/vrrp"
)

// threeRouters are on one interface, and beside them one on another.
func threeRouters(more string) string {
	text := "routers:\n"
	for vrid := 51; vrid <= 53; vrid++ {
		text += fmt.Sprintf("- {name: web%d, interface: eth0, vrid: %d, priority: 100, addresses: [192.0.2.%d/24]%s}\n", vrid, vrid, vrid, more)
	}
	return text
}

// theActive is where adverts come from.
var theActive = netip.MustParseAddr("192.0.2.12")

// watching is a daemon whose routers follow one Active, which answers.
func watching(t *testing.T, yaml string) *stage {
	t.Helper()
	s := newStage(t, yaml)
	s.link(eth0)
	s.pass(time.Second)
	s.hearAll()
	s.pass(200 * time.Millisecond)
	s.answer()
	s.asked = nil
	return s
}

// hearAll hears the Active of all routers.
func (s *stage) hearAll() {
	for _, r := range s.d.routers {
		s.hear(advert(r.config.VRID, 254))
	}
}

func (s *stage) answer() { s.post(event{answer: &answer{2, theActive}}) }

// host is what is thought of the Active's host.
func (s *stage) host(router string) string {
	s.t.Helper()
	a := s.router(router).Active
	switch {
	case a == nil:
		return "no Active"
	case a.Host == nil:
		return "not asked"
	}
	return a.Host.State
}

func (s *stage) wantHost(router, want string) {
	s.t.Helper()
	if got := s.host(router); got != want {
		s.t.Fatalf("the host of %s's Active: %s, want %s; log:\n%s", router, got, want, s.log.String())
	}
}

// Routers that follow one Active ask once, and lose its host together.
func TestHostLostForAllRouters(t *testing.T) {
	s := watching(t, threeRouters(""))
	s.wantHost("web51", "answers")
	s.pass(time.Second) // the adverts are overdue
	s.wantHost("web52", "silent")
	s.pass(vrrp.HostPatience)
	s.wantHost("web53", "lost")
	if n := len(s.asked); n < 5 || n > 15 {
		t.Errorf("%d questions", n)
	}
	for _, q := range s.asked {
		if q.Link != 2 || q.Source != eth0.Prefixes[0].Addr() || q.Target != theActive {
			t.Errorf("asked %+v", q)
		}
	}
	s.pass(vrrp.SkewTime(100, time.Second))
	for _, name := range []string{"web51", "web52", "web53"} {
		if r := s.router(name); r.State != "active" || r.Reason != "active-host-lost" {
			t.Errorf("%s is %s because of %s", name, r.State, r.Reason)
		}
	}
	if n := strings.Count(s.log.String(), "the Active's host does not answer"); n != 1 || !strings.Contains(s.log.String(), "host=192.0.2.12 router=web51 routers=3") {
		t.Errorf("said %d times; log:\n%s", n, s.log.String())
	}
	if len(s.d.watches) > 0 {
		t.Errorf("an Active watches %+v", s.d.watches)
	}
}

// An advert for one router is a sign of life for all.
func TestHostHeardByOneRouter(t *testing.T) {
	s := watching(t, threeRouters(""))
	s.pass(time.Second)
	s.wantHost("web51", "silent")
	s.hear(advert(53, 254))
	s.wantHost("web51", "answers")
}

// A host that answers in time, or was lost and answers, is given the RFC's patience.
func TestHostThatAnswers(t *testing.T) {
	for name, after := range map[string]time.Duration{"in time": 1000 * time.Millisecond, "too late": 1300 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			s := watching(t, threeRouters(""))
			s.pass(after)
			s.answer()
			s.pass(400 * time.Millisecond) // the skew time is over, the next advert is not due
			s.state("web51", "backup")
			if back := strings.Contains(s.log.String(), "is there again"); back != (name == "too late") {
				t.Errorf("log:\n%s", s.log.String())
			}
			s.wantHost("web51", "answers")
		})
	}
}

// Who is to be asked is asked in the same turn, and an answer of this turn counts before
// the router's own deadline.
func TestNewsOfOneTurn(t *testing.T) {
	s := watching(t, threeRouters(""))
	overdue := s.d.groups[0].core.Deadline()
	s.pass(overdue.Sub(s.now) - 1)
	if s.now = overdue; len(s.asked) > 0 {
		t.Fatalf("asked %v", s.asked)
	}
	if s.d.turn(nil); len(s.asked) != 1 {
		t.Errorf("asked %v", s.asked)
	}
	s.pass(vrrp.HostPatience)
	takesOver := s.d.groups[0].core.Deadline()
	s.pass(takesOver.Sub(s.now) - 1)
	s.now = takesOver
	s.d.turn(&event{answer: &answer{2, theActive}})
	s.state("web51", "backup")
}

// A router that does not ask does not watch.
func TestProbeOff(t *testing.T) {
	s := watching(t, threeRouters(", probe: off"))
	s.wantHost("web51", "not asked")
	s.pass(10 * time.Second)
	if len(s.asked) > 0 || s.router("web51").Reason != "active-down" || s.router("web51").Probe != "off" {
		t.Errorf("%d questions, status %+v", len(s.asked), s.router("web51"))
	}
}

// The most impatient router paces the questions, as long as it follows the host.
func TestPaceOfQuestions(t *testing.T) {
	// paced are the three routers, the second with a pace of its own.
	paced := func(all, second string) string {
		return strings.Replace(threeRouters(", probe: "+all), "52/24], probe: "+all, "52/24], probe: "+second, 1)
	}
	s := watching(t, paced("500ms", "100ms"))
	pace := func(want time.Duration) {
		t.Helper()
		if got := s.d.watches[0].every; got != want || len(s.d.watches) != 1 {
			t.Errorf("%d watches, one asks every %v, want %v", len(s.d.watches), got, want)
		}
	}
	pace(100 * time.Millisecond)
	s.wantHost("web51", "answers")
	s.reloaded(paced("500ms", "200ms"))
	pace(200 * time.Millisecond)
	s.wantHost("web51", "unproven")
	s.reloaded(paced("on-doubt", "50ms"))
	pace(50 * time.Millisecond)
	s.reloaded(paced("500ms", "off"))
	pace(500 * time.Millisecond)
	s.reloaded(threeRouters(""))
	pace(0)
	s.reloaded(paced("on-doubt", "50ms"))
	s.d.takeOut(s.d.groups[1])
	pace(0)
}

// The silence of a host that can't be asked says nothing.
func TestHostThatCannotBeAsked(t *testing.T) {
	s := watching(t, threeRouters(""))
	s.askFail = errors.New("no socket")
	s.pass(1300 * time.Millisecond)
	s.wantHost("web51", "unproven")
	s.pass(3 * time.Second)
	if r := s.router("web51"); r.Reason != "active-down" {
		t.Errorf("it is %s because of %s", r.State, r.Reason)
	}
	if n := strings.Count(s.log.String(), "can't be asked"); n != 1 {
		t.Errorf("said %d times; log:\n%s", n, s.log.String())
	}
}

// Whoever answers that nobody follows any more is no news.
func TestAnswerOfNobody(t *testing.T) {
	s := watching(t, threeRouters(""))
	s.pass(time.Second)
	s.post(event{answer: &answer{2, netip.MustParseAddr("192.0.2.99")}})
	s.post(event{answer: &answer{3, theActive}})
	s.wantHost("web51", "silent")
	if len(s.d.watches) != 1 {
		t.Errorf("%d watches", len(s.d.watches))
	}
}

// One who forges adverts of many Actives makes us watch one at a time.
func TestWatchesAreBounded(t *testing.T) {
	s := watching(t, threeRouters(""))
	source := netip.MustParseAddr("198.51.100.1")
	for range 100 {
		source = source.Next()
		p := advert(51, 254)
		p.Source = source
		s.hear(p)
		if n := len(s.d.watches); n > len(s.d.routers) {
			t.Fatalf("%d watches", n)
		}
	}
	if len(s.asked) > 0 {
		t.Errorf("asked %v", s.asked)
	}
}
