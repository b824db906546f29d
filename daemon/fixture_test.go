// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vipd/config"
	"vipd/health"
	"vipd/vrrp"
)

// stage is a daemon with a network and a clock that only the test moves.
type stage struct {
	t   *testing.T
	d   *Daemon
	log bytes.Buffer

	now   time.Time
	armed time.Time
	wake  chan struct{}

	did      []string // what the daemon asked of the network, in order
	followed []string // routers
	sendFail error
	asked    []Question
	askFail  error
	left     map[string]Found // by a run before
	mute     bool             // Find is not answered
	unread   bool             // the sockets hold packets
	only     netip.Addr       // if valid, what sendFail is about
}

func newStage(t *testing.T, yaml string) *stage {
	t.Helper()
	f, problems := config.Parse("test.yaml", []byte(yaml))
	if f == nil {
		t.Fatal(problems)
	}
	c, err := f.For("lb1")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, now: time.Unix(5000, 0), wake: make(chan struct{}, 1)}
	s.d = New(c, "test", s, s, slog.New(slog.NewTextHandler(&s.log, nil)))
	s.d.turn(nil)
	return s
}

// The stage is the daemon's Network: it writes down what it is asked.

func (s *stage) Send(batch []Datagram, failed func(int, error)) {
	for i, d := range batch {
		if s.sendFail != nil && (!s.only.IsValid() || s.only == d.Destination) {
			failed(i, s.sendFail)
			continue
		}
		a, reject := vrrp.Parse(d.Payload, vrrp.Meta{Source: d.Source, Destination: d.Destination, TTL: 255}, nil)
		if reject != vrrp.Accepted {
			s.t.Errorf("sent an advert that is refused: %v", reject)
		}
		if a.Report {
			s.note("%s to %v from %v by %q", map[bool]string{false: "report", true: "last report"}[a.Priority == 0], d.Destination, d.Source, d.Hardware)
			continue
		}
		line := fmt.Sprintf("send %d vrid %d on %d from %v", a.Priority, a.VRID, d.Link, d.Source)
		if !d.Destination.IsMulticast() {
			line += fmt.Sprintf(" to %v", d.Destination)
		}
		if d.Hardware != "" {
			line += " by " + d.Hardware
		}
		s.note("%s", line)
	}
}

func (s *stage) Unread(int, bool) bool { return s.unread }

// Try knows what Send will do, as with multicast.
func (s *stage) Try(d Datagram) error {
	if !d.Destination.IsMulticast() {
		return nil
	}
	return s.sendFail
}

func (s *stage) Set(key string, w Want) {
	var what []string
	for _, a := range w.Addresses {
		what = append(what, fmt.Sprintf("%v on %d", a.Prefix, a.Link))
	}
	for _, r := range w.Routes {
		what = append(what, fmt.Sprintf("route %v on %d", r.Destination, r.Link))
	}
	if w.VirtualLink != "" {
		what = append(what, "by "+w.VirtualLink)
	}
	switch all := strings.Join(what, ", "); {
	case w.Draining:
		s.note("drain %s %s lease %v", key, all, w.Lease)
	case w.Silent:
		s.note("silence %s %s", key, all)
	case w.Leaving:
		s.note("leave %s %s lease %v", key, all, w.Lease)
	case w.Present:
		s.note("set %s %s lease %v", key, all, w.Lease)
	default:
		s.note("remove %s %s", key, all)
	}
}

func (s *stage) Pass(key string, to Passing) { s.note("pass %s to %v on %d", key, to.Target, to.Link) }

func (s *stage) CountPassed() { s.note("count passed") }

func (s *stage) Count(key string) { s.note("count %s", key) }

func (s *stage) Renew(key string) { s.note("renew %s", key) }

func (s *stage) Announce(key string, only ...netip.Addr) {
	line := "announce " + key
	for _, ip := range only {
		line += " " + ip.String()
	}
	s.note("%s", line)
}

func (s *stage) Follow(routers []*config.Router) {
	var names []string
	for _, r := range routers {
		names = append(names, r.Name)
	}
	s.followed = names
}

// Find answers what the test has laid out; else that nothing is left.
func (s *stage) Find(key string, _ Want) {
	if s.mute {
		return
	}
	found, ok := s.left[key]
	if !ok {
		found.Err = errNothing
	}
	found.Key = key
	s.d.events <- event{found: &found}
}

func (s *stage) Probe(key string, at Address) {
	s.note("probe %s %v on %d", key, at.Prefix.Addr(), at.Link)
}

// Ask keeps the questions apart: they depend on nothing else, and are many.
func (s *stage) Ask(q Question) error {
	if s.askFail == nil {
		s.asked = append(s.asked, q)
	}
	return s.askFail
}

func (s *stage) FindManagers(key, ifname string) { s.note("managers of %s for %s", ifname, key) }

func (s *stage) note(format string, args ...any) { s.did = append(s.did, fmt.Sprintf(format, args...)) }

// And its Timer.

func (s *stage) Now() time.Time             { return s.now }
func (s *stage) Wall(t time.Time) time.Time { return t }
func (s *stage) Arm(t time.Time)            { s.armed = t }
func (s *stage) C() <-chan struct{}         { return s.wake }

// pass lets time go by, with a turn whenever the timer fires.
func (s *stage) pass(d time.Duration) {
	end := s.now.Add(d)
	for !s.armed.After(end) {
		s.now = s.armed
		s.d.turn(nil)
	}
	s.now = end
}

// want compares what the daemon did since the last time.
func (s *stage) want(lines ...string) {
	s.t.Helper()
	got := strings.Join(s.did, "\n")
	if want := strings.Join(lines, "\n"); got != want {
		s.t.Fatalf("did:\n%s\nwant:\n%s", got, want)
	}
	s.did = nil
}

func (s *stage) state(router string, want string) {
	s.t.Helper()
	if got := s.router(router).State; got != want {
		s.t.Fatalf("router %s is %s, want %s; log:\n%s", router, got, want, s.log.String())
	}
}

func (s *stage) router(name string) RouterStatus {
	for _, r := range s.d.snapshot().Routers {
		if r.Name == name {
			return r
		}
	}
	s.t.Fatalf("no router %s", name)
	return RouterStatus{}
}

var errNothing = errors.New("nothing is there")

// post posts one event and lets the loop turn until nothing is queued.
func (s *stage) post(e event) {
	s.d.turn(&e)
	s.settle()
}

func (s *stage) settle() {
	for len(s.d.events) > 0 {
		s.d.turn(nil)
	}
}

func (s *stage) link(l Link) { s.post(event{link: &l}) }

func (s *stage) result(r health.Result) { s.post(event{result: &r}) }

func (s *stage) held(key string) { s.post(event{holding: &Holding{Key: key, Held: true}}) }

// eth0 is an interface that is as it should be.
var eth0 = Link{
	Name: "eth0", Index: 2, MTU: 1500, Up: true, ListeningIPv4: true, ListeningIPv6: true,
	Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.11/24")},
}

// advert is what another node sends.
func advert(vrid, priority uint8) Packet {
	source := netip.MustParseAddr("192.0.2.12")
	a := vrrp.Advert{
		Version: 3, VRID: vrid, Priority: priority, Interval: time.Second,
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.100")},
	}
	return Packet{
		Link: 2, Source: source, Destination: vrrp.GroupIPv4, TTL: 255,
		Payload: a.AppendTo(nil, source, vrrp.GroupIPv4),
	}
}

func (s *stage) hear(p Packet) {
	s.d.PostPacket(p)
	s.d.turn(nil)
}

const oneRouter = `routers:
- name: web
  interface: eth0
  vrid: 51
  addresses: [192.0.2.100/24]
`

const oneCheck = oneRouter + `  checks: [haproxy]
checks:
- name: haproxy
  haproxy: {socket: /run/haproxy.sock}
`

// activeStage is a daemon whose router is Active, with eth0 and other interfaces.
func activeStage(t *testing.T, yaml string, others ...Link) *stage {
	t.Helper()
	s := newStage(t, yaml)
	for _, l := range append(others, eth0) {
		s.link(l)
	}
	s.pass(5 * time.Second)
	s.state("web", "active")
	s.held("web/ipv4")
	s.pass(10 * time.Second)
	s.did = nil
	return s
}
