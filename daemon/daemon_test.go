// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vipd/health"
)

// From nothing to Active: the advert first, the address, then the announcement.
func TestFromStartToActive(t *testing.T) {
	s := newStage(t, oneRouter)
	s.pass(time.Minute)
	s.want()
	if got := s.router("web").Blocked; len(got) != 1 || got[0] != "interface-missing" {
		t.Errorf("blocked by %v", got)
	}
	s.link(eth0)
	s.want("remove web/ipv4 192.0.2.100/24 on 2") // what a crash has left behind
	s.pass(3*time.Second + 7812500 - 1)
	s.want()
	s.pass(1)
	s.want("send 254 vrid 51 on 2 from 192.0.2.11", "renew web/ipv4", "set web/ipv4 192.0.2.100/24 on 2 lease 4s")
	s.held("web/ipv4")
	s.want("announce web/ipv4")
	s.pass(10 * time.Millisecond)
	s.want("renew web/ipv4", "send 254 vrid 51 on 2 from 192.0.2.11")
}

// What is queued counts before the deadline, however late the loop is.
func TestQueueBeforeDeadlines(t *testing.T) {
	s := newStage(t, oneRouter)
	s.link(eth0)
	s.did = nil
	s.pass(3 * time.Second)
	s.d.PostPacket(advert(51, 254))
	s.now = s.now.Add(time.Second) // the takeover is overdue
	s.d.turn(nil)
	s.want()
	s.state("web", "backup")
}

// A full queue drops adverts, which come again, and no change of state.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, oneRouter)
		for range queueLength + 10 {
			s.d.PostPacket(advert(51, 254))
		}
		lost := advert(51, 254)
		lost.Lost = 7 // in the socket
		s.d.PostPacket(lost)
		if got := s.d.dropped.Load(); got != 11 {
			t.Errorf("%d packets dropped, want 11", got)
		}
		if got := s.d.overrun.Load(); got != 7 {
			t.Errorf("%d packets lost in the socket, want 7", got)
		}
		go s.d.PostLink(eth0)
		synctest.Wait()
		s.d.turn(nil)
		synctest.Wait()
		s.settle()
		s.state("web", "backup")
	})
}

// An advert that does not leave renews no lease; the first of them comes as a surprise.
func TestLeaseIsRenewedByAdvertsThatLeft(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.sendFail = errors.New("network is down")
	s.pass(time.Second)
	s.want("renew web/ipv4")
	s.pass(time.Second)
	s.want()
	if got := s.router("web").Counters.AdvertsNotSent; got != 2 {
		t.Errorf("%d adverts not sent, want 2", got)
	}
	s.sendFail = nil
	s.pass(2 * time.Second)
	s.want("send 254 vrid 51 on 2 from 192.0.2.11", "renew web/ipv4", "renew web/ipv4", "send 254 vrid 51 on 2 from 192.0.2.11")
}

// Each bad packet is counted under its reason, logged at a bounded rate, and has
// no effect on the state.
func TestBadPackets(t *testing.T) {
	good := advert(51, 255)
	change := func(f func(*Packet)) Packet {
		p := good
		p.Payload = append([]byte(nil), good.Payload...)
		f(&p)
		return p
	}
	sum := func(p *Packet) { // a right checksum for changed content
		p.Payload[6], p.Payload[7] = 0, 0
		var total uint32
		for i := 0; i+1 < len(p.Payload); i += 2 {
			total += uint32(p.Payload[i])<<8 | uint32(p.Payload[i+1])
		}
		for total > 0xffff {
			total = total>>16 + total&0xffff
		}
		p.Payload[6], p.Payload[7] = byte(^total>>8), byte(^total)
	}
	for _, tt := range []struct {
		reason string
		packet Packet
	}{
		{"ttl", change(func(p *Packet) { p.TTL = 254 })},
		{"destination", change(func(p *Packet) { p.Destination = netip.MustParseAddr("192.0.2.11"); sum(p) })},
		{"version", change(func(p *Packet) { p.Payload[0] = 0x41 })},
		{"version", change(func(p *Packet) { p.Payload[0] = 0x21; p.Payload = append(p.Payload, make([]byte, 8)...); sum(p) })},
		{"type", change(func(p *Packet) { p.Payload[0] = 0x32 })},
		{"truncated", change(func(p *Packet) { p.Payload = p.Payload[:7] })},
		{"truncated", change(func(p *Packet) { p.Payload = nil })},
		{"too-long", change(func(p *Packet) { p.Payload = append(p.Payload, 0, 0, 0, 0) })},
		{"too-long", change(func(p *Packet) { p.Payload = make([]byte, 65000); p.Payload[0] = 0x31 })},
		{"checksum", change(func(p *Packet) { p.Payload[6]++ })},
		{"unknown-vrid", advert(52, 255)},
		{"unknown-vrid", change(func(p *Packet) { p.Link = 3 })},
		{"count-zero", change(func(p *Packet) { p.Payload = p.Payload[:8]; p.Payload[3] = 0; sum(p) })},
		{"interval-zero", change(func(p *Packet) { p.Payload[4], p.Payload[5] = 0, 0; sum(p) })},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			s := activeStage(t, oneRouter)
			before := s.router("web")
			for range 1000 {
				s.hear(tt.packet)
			}
			s.want()
			status := s.d.snapshot()
			if n := status.Loop.Rejected[tt.reason] + status.Routers[0].Rejected[tt.reason]; n != 1000 {
				t.Errorf("%d of 1000 counted: %v, %v", n, status.Loop.Rejected, status.Routers[0].Rejected)
			}
			if status.Routers[0].State != before.State || status.Routers[0].Counters != before.Counters {
				t.Errorf("changed the router: %+v", status.Routers[0])
			}
			if n := strings.Count(s.log.String(), "reason="+tt.reason); n != 1 {
				t.Errorf("%d log lines, want 1:\n%s", n, s.log.String())
			}
		})
	}
}

// HAProxy dies: the lower priority is advertised at once.
func TestFailedCheckIsAdvertisedAtOnce(t *testing.T) {
	s := newStage(t, oneCheck)
	s.link(eth0)
	s.result(health.Result{Check: "haproxy", OK: true})
	s.pass(5 * time.Second)
	s.held("web/ipv4")
	s.pass(10 * time.Second)
	s.did = nil
	s.result(health.Result{Check: "haproxy", Sure: true, Detail: "process 812 ended"})
	s.want("renew web/ipv4", "send 1 vrid 51 on 2 from 192.0.2.11")
	r := s.router("web")
	if r.Priority != 1 || r.ConfiguredPriority != 254 || r.Failing != "haproxy" {
		t.Errorf("status %+v", r)
	}
}

// No verdict, no start: a node must not take the address from a healthy one
// before it knows that it can serve.
func TestUnknownVerdictHoldsBack(t *testing.T) {
	s := newStage(t, oneCheck)
	s.link(eth0)
	s.pass(9 * time.Second)
	if got := s.router("web").Blocked; len(got) != 1 || got[0] != "awaiting-checks" {
		t.Fatalf("blocked by %v", got)
	}
	s.result(health.Result{Check: "haproxy", OK: true})
	s.state("web", "backup")
	if got := s.router("web").Priority; got != 254 {
		t.Errorf("priority %d", got)
	}
}

// It holds back for start_grace, and counts as failed then: nothing fails open.
func TestStartGrace(t *testing.T) {
	s := newStage(t, oneCheck)
	s.link(eth0)
	s.pass(10 * time.Second)
	s.state("web", "backup")
	if r := s.router("web"); r.Priority != 1 || r.Failing != "haproxy" {
		t.Errorf("priority %d because of %q", r.Priority, r.Failing)
	}
	s.result(health.Result{Check: "haproxy", OK: true})
	if r := s.router("web"); r.Priority != 254 {
		t.Errorf("priority %d after the first verdict", r.Priority)
	}
}

func TestPenaltyFault(t *testing.T) {
	s := newStage(t, oneCheck+"  penalty: fault\n")
	s.link(eth0)
	s.result(health.Result{Check: "haproxy"})
	if r := s.router("web"); len(r.Blocked) != 1 || r.Blocked[0] != "check-failed" {
		t.Fatalf("blocked by %v", r.Blocked)
	}
	for range 2 {
		s.result(health.Result{Check: "haproxy", OK: true})
	}
	s.state("web", "backup")
}

// SIGTERM: priority 0, the address kept until the other node has it, the end.
func TestStopIsMakeBeforeBreak(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.d.stop()
	s.d.turn(nil)
	s.pass(12 * time.Millisecond)
	s.want("send 0 vrid 51 on 2 from 192.0.2.11",
		"leave web/ipv4 192.0.2.100/24 on 2 lease 2s",
		"send 0 vrid 51 on 2 from 192.0.2.11",
		"send 0 vrid 51 on 2 from 192.0.2.11")
	s.hear(advert(51, 253))
	s.pass(50 * time.Millisecond)
	s.want("silence web/ipv4 192.0.2.100/24 on 2")
	if s.d.finished() {
		t.Error("finished with the address still there")
	}
	s.pass(100 * time.Microsecond)
	s.want("remove web/ipv4 192.0.2.100/24 on 2")
	if !s.d.finished() {
		t.Error("not finished")
	}
}

// The time in which the next Active may take over begins with the stop, not with the
// turn of the loop before it, which may be an interval ago.
func TestStopBetweenTwoTurns(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.now = s.armed.Add(-time.Millisecond)
	s.d.stop()
	s.d.turn(nil)
	s.did = nil
	const interval, margin = time.Second, 100 * time.Millisecond
	s.pass(interval + margin - time.Millisecond)
	s.want("send 0 vrid 51 on 2 from 192.0.2.11", "send 0 vrid 51 on 2 from 192.0.2.11")
	s.pass(time.Millisecond)
	s.want("remove web/ipv4 192.0.2.100/24 on 2")
}

// The cable is pulled: nothing is sent into it, the address goes at once; and
// when it is back, the router listens first.
func TestLinkDownAndUp(t *testing.T) {
	s := activeStage(t, oneRouter)
	down := eth0
	down.Up = false
	s.link(down)
	s.want("send 0 vrid 51 on 2 from 192.0.2.11", "remove web/ipv4 192.0.2.100/24 on 2")
	s.link(eth0)
	s.state("web", "backup")
	s.want()
}

// A new interface of the old name: nothing is known of it.
func TestInterfaceMadeAgain(t *testing.T) {
	s := activeStage(t, oneRouter)
	other := eth0
	other.Index = 7
	s.link(other)
	s.want("send 0 vrid 51 on 2 from 192.0.2.11", "remove web/ipv4 192.0.2.100/24 on 2", "remove web/ipv4 192.0.2.100/24 on 7")
	s.pass(4 * time.Second)
	if len(s.did) == 0 || s.did[0] != "send 254 vrid 51 on 7 from 192.0.2.11" {
		t.Errorf("did %v", s.did)
	}
}

// What the interface lacks is named.
func TestInterfaceProblems(t *testing.T) {
	for want, change := range map[string]func(*Link){
		"link-down":         func(l *Link) { l.Up = false },
		"no-source-address": func(l *Link) { l.Prefixes = nil },
		"no-socket":         func(l *Link) { l.ListeningIPv4, l.Problem = false, "too many open files" },
		"interface-missing": func(l *Link) { *l = Link{Name: l.Name} },
	} {
		s := newStage(t, oneRouter)
		l := eth0
		change(&l)
		s.link(l)
		r := s.router("web")
		if len(r.Blocked) != 1 || r.Blocked[0] != want || r.Problem != l.Problem {
			t.Errorf("blocked by %v, problem %q, want %s", r.Blocked, r.Problem, want)
		}
	}
}

// An address in none of the interface's networks is a warning, once.
func TestAddressOutside(t *testing.T) {
	s := newStage(t, strings.Replace(oneRouter, "192.0.2.100/24", "198.51.100.1/24", 1))
	s.link(eth0)
	s.link(eth0)
	if n := strings.Count(s.log.String(), "outside of the interface's networks"); n != 1 {
		t.Errorf("%d warnings, want 1", n)
	}
	if got := s.router("web").Outside; len(got) != 1 {
		t.Errorf("status: outside %v", got)
	}
}

// The address can't be set: the router leaves, and says why.
func TestAddressFails(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.post(event{holding: &Holding{Key: "web/ipv4", Err: errors.New("192.0.2.100 is on eth0 already")}})
	s.want("send 0 vrid 51 on 2 from 192.0.2.11", "remove web/ipv4 192.0.2.100/24 on 2")
	r := s.router("web")
	if r.Blocked[0] != "address-failed" || r.Problem != "192.0.2.100 is on eth0 already" {
		t.Errorf("status %+v", r)
	}
	s.post(event{holding: &Holding{Key: "nobody's", Held: true}})
	s.want()
}

// The lease ran out although the adverts left in time: set again.
func TestLeaseRanOut(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.post(event{holding: &Holding{Key: "web/ipv4", Expired: true, Err: errors.New("expired")}})
	s.want("set web/ipv4 192.0.2.100/24 on 2 lease 4s")
}

// SIGSTOP for 5 s: what was queued meanwhile is read first, and nobody is
// preempted by a daemon that does not know what has happened.
func TestOverslept(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.now = s.now.Add(5 * time.Second)
	s.d.PostPacket(advert(51, 253))
	s.d.turn(nil)
	s.want("remove web/ipv4 192.0.2.100/24 on 2")
	s.state("web", "backup")
	if got := s.d.snapshot().Loop; got.Late != 1 || got.MaxLate == "0s" {
		t.Errorf("loop status %+v", got)
	}
}

// A router that meets a case that can't be is taken out; the others go on.
func TestInternalError(t *testing.T) {
	s := activeStage(t, oneRouter+`- name: other
  interface: eth0
  vrid: 52
  addresses: [192.0.2.101/24]
`)
	s.held("other/ipv4")
	s.pass(10 * time.Second)
	s.did = nil
	s.d.step(s.d.family("web/ipv4"), nil)
	s.want("remove web/ipv4 192.0.2.100/24 on 2")
	if r := s.router("web"); len(r.Blocked) != 1 || r.Blocked[0] != "internal-error" {
		t.Errorf("blocked by %v", r.Blocked)
	}
	s.pass(time.Second)
	s.want("renew other/ipv4", "send 254 vrid 52 on 2 from 192.0.2.11")
}

// Another router that is configured differently: a line, not one each second.
func TestNoticesAreLogged(t *testing.T) {
	s := newStage(t, strings.Replace(oneRouter, "vrid: 51", "vrid: 51\n  advert_interval: 2s", 1))
	s.link(eth0)
	for range 10 {
		s.hear(advert(51, 254))
	}
	if n := strings.Count(s.log.String(), "reason=interval-differs"); n != 1 {
		t.Errorf("%d log lines, want 1:\n%s", n, s.log.String())
	}
	if got := s.router("web"); got.Noticed["interval-differs"] != 10 || got.Active.Source != netip.MustParseAddr("192.0.2.12") {
		t.Errorf("status %+v", got)
	}
}

// The real loop, in virtual time: it wakes by its timer and its queue, answers,
// and ends by itself.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, oneCheck)
		timer := newSynctestTimer()
		s.d.timer = timer
		s.d.now = timer.Now()
		ctx, cancel := context.WithCancel(t.Context())
		beats := 0
		go s.d.Run(ctx, func() { beats++ })
		s.d.PostLink(eth0)
		s.d.PostResult(health.Result{Check: "haproxy", OK: true})
		time.Sleep(5 * time.Second)
		s.d.PostHolding(Holding{Key: "web/ipv4", Held: true})
		status, err := s.d.Status(ctx)
		if err != nil || status.Routers[0].State != "active" || status.Checks[0].Verdict != "pass" {
			t.Errorf("status %+v, %v", status, err)
		}
		cancel()
		<-s.d.Done()
		if s.did[len(s.did)-1] != "remove web/ipv4 192.0.2.100/24 on 2" {
			t.Errorf("did %v", s.did)
		}
		if beats < 5 {
			t.Errorf("%d beats in 5 s", beats)
		}
		if _, err := s.d.Status(t.Context()); !errors.Is(err, ErrNotRunning) {
			t.Errorf("status of an ended loop: %v", err)
		}
		s.d.PostLink(eth0) // does not hang
	})
}

// synctestTimer is a Timer on the bubble's clock.
type synctestTimer struct {
	timer *time.Timer
	c     chan struct{}
}

func newSynctestTimer() *synctestTimer {
	s := &synctestTimer{c: make(chan struct{}, 1)}
	s.timer = time.AfterFunc(time.Hour, func() {
		select {
		case s.c <- struct{}{}:
		default:
		}
	})
	s.timer.Stop()
	return s
}

func (s *synctestTimer) Now() time.Time             { return time.Now() }
func (s *synctestTimer) Wall(t time.Time) time.Time { return t }
func (s *synctestTimer) Arm(t time.Time)            { s.timer.Reset(time.Until(t)) }
func (s *synctestTimer) C() <-chan struct{}         { return s.c }

// The steady state makes no garbage here, either.
func TestNoAllocationForAnAdvert(t *testing.T) {
	s := newStage(t, oneRouter)
	s.link(eth0)
	p := advert(51, 254)
	if allocs := testing.AllocsPerRun(100, func() { s.hear(p) }); allocs > 0 {
		t.Errorf("%v allocations for a received advert", allocs)
	}
	if s.router("web").Counters.AdvertsReceived < 100 {
		t.Error("the adverts did not arrive")
	}
}
