// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vipd/vrrp"
)

const drainingRouter = oneRouter + "  drain: 10s\n"

// reported is what the node that drains says to us.
func reported() Packet {
	source, to := netip.MustParseAddr("192.0.2.12"), netip.MustParseAddr("192.0.2.11")
	a := vrrp.Advert{Version: 3, VRID: 51, Priority: 50, Interval: time.Second, Report: true, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.100")}}
	return Packet{Link: 2, Source: source, Destination: to, TTL: 255, Payload: a.AppendTo(nil, source, to)}
}

// drains is a daemon whose router has resigned, and drains.
func drains(t *testing.T, s *stage, wait bool) *says {
	t.Helper()
	answer := s.order(t, func(ctx context.Context) (string, error) {
		return s.d.Resign(ctx, Resignation{Router: "web", Drain: wait})
	})
	s.pass(5 * time.Millisecond)
	s.did = nil
	s.hear(advert(51, 253))
	s.want("pass web/ipv4 to 192.0.2.12 on 2", "count passed", `report to 192.0.2.12 from 192.0.2.11 by ""`)
	s.pass(100 * time.Millisecond)
	s.want("silence web/ipv4 192.0.2.100/24 on 2", "drain web/ipv4 192.0.2.100/24 on 2 lease 4s")
	s.pass(400 * time.Millisecond)
	s.want("renew web/ipv4", "count web/ipv4", `report to 192.0.2.12 from 192.0.2.11 by ""`)
	s.hear(advert(51, 253))
	s.pass(500 * time.Millisecond)
	s.want("pass web/ipv4 to invalid IP on 2", "count passed", "renew web/ipv4", "count web/ipv4", `report to 192.0.2.12 from 192.0.2.11 by ""`)
	return answer
}

func (s *stage) connections(n int, err error) {
	s.post(event{counted: &Connections{Key: "web/ipv4", Number: n, Err: err}})
}

func TestDrain(t *testing.T) {
	bubble(t, drainingRouter, func(t *testing.T, s *stage) {
		drains(t, s, false).is(t, "192.0.2.12 took over web", nil)
		if r := s.router("web"); r.Phase != "draining" || r.Draining == nil || r.Draining.Connections != nil {
			t.Fatalf("%+v", r)
		}
		s.connections(0, errors.New("no"))
		if problem := s.router("web").Draining.Problem; problem != "no" {
			t.Errorf("problem %q", problem)
		}
		s.connections(37, nil)
		if n := s.router("web").Draining.Connections; n == nil || *n != 37 {
			t.Errorf("connections %v", n)
		}
		s.hear(advert(51, 253))
		s.pass(500 * time.Millisecond)
		s.want("renew web/ipv4", "count web/ipv4", `report to 192.0.2.12 from 192.0.2.11 by ""`)
		s.connections(0, nil)
		s.want(`last report to 192.0.2.12 from 192.0.2.11 by ""`, "remove web/ipv4 192.0.2.100/24 on 2")
		if r := s.router("web"); r.Owns || r.Draining != nil {
			t.Errorf("%+v", r)
		}
		s.connections(0, nil) // an answer that comes too late
		s.want()
	})
}

// With short adverts a lease is shorter than what the next Active waits for a report.
func TestDrainLease(t *testing.T) {
	bubble(t, drainingRouter+"  advert_interval: 200ms\n", func(t *testing.T, s *stage) {
		s.order(t, func(ctx context.Context) (string, error) {
			return s.d.Resign(ctx, Resignation{Router: "web"})
		})
		s.hear(advert(51, 253))
		s.pass(100 * time.Millisecond)
		if did := strings.Join(s.did, "\n"); !strings.Contains(did, "drain web/ipv4 192.0.2.100/24 on 2 lease 4s") {
			t.Error(did)
		}
	})
}

func TestResignWaitsForTheDrain(t *testing.T) {
	bubble(t, drainingRouter, func(t *testing.T, s *stage) {
		answer := drains(t, s, true)
		for range 8 { // longer than a hand-over may take
			s.hear(advert(51, 253))
			s.pass(time.Second)
		}
		answer.is(t, "", nil)
		s.connections(0, nil)
		answer.is(t, "192.0.2.12 took over web", nil)
	})
}

func TestMaintenanceWaitsForTheDrain(t *testing.T) {
	bubble(t, drainingRouter, func(t *testing.T, s *stage) {
		answer := s.order(t, func(ctx context.Context) (string, error) {
			return s.d.Maintain(ctx, MaintenanceRequest{On: true, Drain: true})
		})
		s.hear(advert(51, 253))
		s.pass(time.Second)
		answer.is(t, "", nil)
		s.connections(0, nil)
		answer.is(t, "in maintenance; 192.0.2.12 took over web", nil)
	})
}

// Who waits for the end of a drain in maintenance does not wait for a node that is Active
// again.
func TestMaintenanceEndsMeanwhile(t *testing.T) {
	bubble(t, drainingRouter, func(t *testing.T, s *stage) {
		answer := s.order(t, func(ctx context.Context) (string, error) {
			return s.d.Maintain(ctx, MaintenanceRequest{On: true, Drain: true})
		})
		s.hear(advert(51, 253))
		s.pass(time.Second)
		s.order(t, func(ctx context.Context) (string, error) {
			return s.d.Maintain(ctx, MaintenanceRequest{})
		}).is(t, "the maintenance has ended", nil)
		answer.is(t, "", ErrNotNow)
	})
}

func TestResignHasNothingToDrain(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, s *stage) {
		s.order(t, func(ctx context.Context) (string, error) {
			return s.d.Resign(ctx, Resignation{Router: "web", Drain: true})
		}).is(t, "", ErrNotNow)
	})
}

// What is on lo stays as it is until the drain ends: a new address is not for old
// connections.
func TestReloadWhileDraining(t *testing.T) {
	bubble(t, drainingRouter, func(t *testing.T, s *stage) {
		drains(t, s, false)
		s.reloaded(strings.Replace(drainingRouter, "[192.0.2.100/24]", "[192.0.2.100/24, 192.0.2.101/24]", 1))
		s.want()
		s.connections(0, nil)
		s.want(`last report to 192.0.2.12 from 192.0.2.11 by ""`, "remove web/ipv4 192.0.2.100/24 on 2, 192.0.2.101/24 on 2")
	})
}

func TestHandOffWhileDraining(t *testing.T) {
	bubble(t, drainingRouter, func(t *testing.T, s *stage) {
		drains(t, s, false)
		s.d.handingOff()
		s.d.flush()
		s.want(`last report to 192.0.2.12 from 192.0.2.11 by ""`)
	})
}

func TestStopWhileDraining(t *testing.T) {
	bubble(t, drainingRouter, func(t *testing.T, s *stage) {
		drains(t, s, false)
		s.d.stop()
		s.want(`last report to 192.0.2.12 from 192.0.2.11 by ""`, "remove web/ipv4 192.0.2.100/24 on 2")
		if !s.d.finished() {
			t.Error("it waits for something")
		}
	})
}

func TestPass(t *testing.T) {
	s := newStage(t, drainingRouter)
	s.link(eth0)
	s.hear(advert(51, 254))
	s.hear(advert(51, 0))
	s.did = nil
	s.pass(8 * time.Millisecond)
	s.want("pass web/ipv4 to 192.0.2.12 on 2", "count passed", "send 254 vrid 51 on 2 from 192.0.2.11",
		"renew web/ipv4", "set web/ipv4 192.0.2.100/24 on 2 lease 4s")
	s.held("web/ipv4")
	s.did = nil
	s.hear(reported())
	s.want("pass web/ipv4 to 192.0.2.12 on 2")
	s.post(event{passing: &PassingState{Key: "web/ipv4", Err: errors.New("no dup")}})
	s.post(event{passed: &Passed{IPv4: PassCounts{Passed: 7}, IPv6: PassCounts{Passed: 8}}})
	s.post(event{passed: &Passed{Err: errors.New("no")}})
	if p := s.router("web").Passing; p == nil || p.To.String() != "192.0.2.12" || p.Passed != 7 || p.Problem != "no dup" {
		t.Errorf("%+v", p)
	}
	s.post(event{passing: &PassingState{Key: "web/ipv4"}})
	if p := s.router("web").Passing; p.Passed != 7 || p.Problem != "" {
		t.Errorf("%+v", p)
	}
	s.pass(3 * time.Second)
	if last := s.router("web").Passing; last != nil || !strings.Contains(strings.Join(s.did, "\n"), "pass web/ipv4 to invalid IP on 2") {
		t.Errorf("%+v\n%s", last, strings.Join(s.did, "\n"))
	}
}

// What a run before has passed on is passed on as long as it is reported.
func TestResumesPassing(t *testing.T) {
	left := crashed(700 * time.Millisecond)
	f := left["web/ipv4"]
	f.PassedTo = netip.MustParseAddr("192.0.2.12")
	left["web/ipv4"] = f
	s := leftStage(t, drainingRouter, left)
	s.link(eth0)
	s.held("web/ipv4")
	s.did = nil
	s.hear(reported())
	s.want("pass web/ipv4 to 192.0.2.12 on 2", "count passed")
}
