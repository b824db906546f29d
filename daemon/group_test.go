// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/health"
	"vipd/vrrp"
)

// edge is a firewall: two routers on two interfaces, one of them with a check.
const edge = `routers:
- {name: web, interface: eth0, vrid: 51, addresses: [192.0.2.100/24]}
- {name: inside, interface: eth1, vrid: 52, addresses: [198.51.100.1/24], checks: [haproxy]}
groups:
- {name: edge, routers: [web, inside]}
checks:
- name: haproxy
  haproxy: {socket: /run/haproxy.sock}
`

// inside is where the inside is.
var inside = Link{
	Name: "eth1", Index: 3, MTU: 1500, Up: true, ListeningIPv4: true, ListeningIPv6: true,
	Prefixes: []netip.Prefix{netip.MustParsePrefix("198.51.100.11/24")},
}

// insideAdvert is what the other node sends inside.
func insideAdvert(priority uint8) Packet {
	source := netip.MustParseAddr("198.51.100.12")
	a := vrrp.Advert{
		Version: 3, VRID: 52, Priority: priority, Interval: second, Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.1")},
	}
	return Packet{Link: 3, Source: source, Destination: vrrp.GroupIPv4, TTL: 255, Payload: a.AppendTo(nil, source, vrrp.GroupIPv4)}
}

// hearBoth hears the other node on both interfaces.
func (s *stage) hearBoth(priority uint8) {
	s.hear(advert(51, priority))
	s.hear(insideAdvert(priority))
}

// states are those of web and inside.
func (s *stage) states(want string) {
	s.t.Helper()
	if got := s.router("web").State + " " + s.router("inside").State; got != want {
		s.t.Fatalf("%s, want %s; log:\n%s", got, want, s.log.String())
	}
}

// edgeStage is a daemon whose group is Active.
func edgeStage(t *testing.T, yaml string) *stage {
	t.Helper()
	s := newStage(t, yaml)
	s.link(eth0)
	s.link(inside)
	s.result(health.Result{Check: "haproxy", OK: true})
	s.pass(5 * second)
	s.states("active active")
	s.held("web/ipv4")
	s.held("inside/ipv4")
	s.pass(10 * second)
	s.did = nil
	return s
}

// What one router waits for, all wait for: its interface, its first verdict, its silence.
func TestGroupWaitsForAll(t *testing.T) {
	s := newStage(t, edge)
	s.link(eth0)
	s.pass(5 * second)
	if got := s.router("web").Blocked; !slices.Equal(got, []string{"group-member"}) {
		t.Fatalf("web is blocked by %v", got)
	}
	s.link(inside)
	s.states("initialize initialize")
	s.result(health.Result{Check: "haproxy", OK: true})
	s.states("backup backup")
	for range 10 {
		s.hear(insideAdvert(254))
		s.pass(second) // outside nobody is heard
	}
	s.states("backup backup")
	s.did = nil
	s.pass(2020 * time.Millisecond)
	s.want(
		"send 254 vrid 51 on 2 from 192.0.2.11", "send 254 vrid 52 on 3 from 198.51.100.11", "renew web/ipv4", "renew inside/ipv4",
		"set web/ipv4 192.0.2.100/24 on 2 lease 4s", "set inside/ipv4 198.51.100.1/24 on 3 lease 4s",
		"renew web/ipv4", "renew inside/ipv4", "send 254 vrid 51 on 2 from 192.0.2.11", "send 254 vrid 52 on 3 from 198.51.100.11")
}

// The cable of one is pulled: the other one hands over, and both are back with the cable.
func TestGroupLosesAnInterface(t *testing.T) {
	s := edgeStage(t, edge)
	down := eth0
	down.Up = false
	s.link(down)
	s.about("inside")
	s.want("leave inside/ipv4 198.51.100.1/24 on 3 lease 2s")
	web, inside := s.router("web"), s.router("inside")
	if web.Owns || web.Reason != "link-down" || !inside.Owns || inside.Reason != "group-member" || inside.Phase != "releasing" {
		t.Fatalf("%+v\n%+v", web, inside)
	}
	s.hear(insideAdvert(253))
	s.pass(100 * time.Millisecond)
	s.want("silence inside/ipv4 198.51.100.1/24 on 3", "remove inside/ipv4 198.51.100.1/24 on 3")
	s.hearBoth(253)
	s.link(eth0)
	s.states("backup backup")
	for range 4 {
		s.hearBoth(253)
		s.pass(second)
	}
	s.states("active active")
}

// The check of one lowers both, and the status of each says why.
func TestGroupHasOnePriority(t *testing.T) {
	s := edgeStage(t, edge)
	s.result(health.Result{Check: "haproxy", Sure: true})
	s.want("renew web/ipv4", "renew inside/ipv4", "send 1 vrid 51 on 2 from 192.0.2.11", "send 1 vrid 52 on 3 from 198.51.100.11")
	for name, why := range map[string]string{"web": "inside: haproxy", "inside": "haproxy"} {
		if r := s.router(name); r.Group != "edge" || r.Priority != 1 || r.ConfiguredPriority != 254 || r.Failing != why {
			t.Errorf("%s: priority %d of %d because of %q, want %q", name, r.Priority, r.ConfiguredPriority, r.Failing, why)
		}
	}
	s.hearBoth(253)
	s.states("backup backup")
	for range 2 {
		s.result(health.Result{Check: "haproxy", OK: true})
	}
	if r := s.router("web"); r.Priority != 254 || r.Failing != "" {
		t.Errorf("recovered: priority %d because of %q", r.Priority, r.Failing)
	}
}

// A router that is configured with a lower priority than another one.
func TestGroupGoesByTheLowest(t *testing.T) {
	s := edgeStage(t, with(edge, "vrid: 52,", "vrid: 52, priority: 100,"))
	if r := s.router("web"); r.Priority != 100 || r.Failing != "inside: priority 100" {
		t.Errorf("web: priority %d because of %q", r.Priority, r.Failing)
	}
	if r := s.router("inside"); r.Priority != 100 || r.Failing != "" {
		t.Errorf("inside: priority %d because of %q", r.Priority, r.Failing)
	}
	if strings.Contains(s.log.String(), "to=active reason=active-down priority=254") {
		t.Errorf("the log has another priority:\n%s", s.log.String())
	}
}

// The check of one, with the penalty fault.
func TestGroupFaults(t *testing.T) {
	s := edgeStage(t, edge+"  penalty: fault\n")
	s.result(health.Result{Check: "haproxy", Sure: true})
	s.states("initialize initialize")
	if got := s.router("web").Blocked; !slices.Equal(got, []string{"group-member"}) {
		t.Errorf("web is blocked by %v", got)
	}
}

// Both nodes were Active. On the first interface that hears the other one again, and is
// worse, the whole group leaves.
func TestGroupAfterASplit(t *testing.T) {
	s := edgeStage(t, edge)
	s.hear(insideAdvert(255))
	s.states("backup backup")
	if got := s.router("web").Reason; got != "group-left" {
		t.Errorf("web left because of %s", got)
	}
}

// Nobody hears the inside: the outside hands over.
func TestGroupIsHalfUnheard(t *testing.T) {
	s := edgeStage(t, with(edge, "vrid: 52,", "vrid: 52, unicast: {source: 198.51.100.11, peers: [198.51.100.12]},"))
	s.sendFail, s.only = errors.New("network is unreachable"), netip.MustParseAddr("198.51.100.12")
	s.pass(3 * second)
	s.states("initialize initialize")
	web, inside := s.router("web"), s.router("inside")
	if !web.Owns || web.Reason != "group-member" || inside.Owns || inside.Reason != "no-socket" {
		t.Errorf("%+v\n%+v", web, inside)
	}
	s.sendFail = nil
	s.pass(50 * time.Millisecond) // it was taken out after two of the three seconds
	s.states("backup backup")
}

// All are resumed, or none.
func TestGroupResumes(t *testing.T) {
	rows := map[string]struct {
		left map[string]Found
		want string
	}{
		"all are there":    {map[string]Found{"web/ipv4": {}, "inside/ipv4": {}}, "active active"},
		"one is too old":   {map[string]Found{"web/ipv4": {}, "inside/ipv4": {Age: 2800 * time.Millisecond}}, "backup backup"},
		"one is not there": {map[string]Found{"inside/ipv4": {}}, "backup backup"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			s := leftStage(t, edge, row.left)
			s.link(eth0)
			s.want()
			s.link(inside)
			if row.want == "active active" { // whose verdict may come later
				s.states(row.want)
			}
			s.result(health.Result{Check: "haproxy", OK: true})
			s.states(row.want)
		})
	}
}

// What a crash has left of one is known sooner than that of the other.
func TestGroupResumesWhenAllIsKnown(t *testing.T) {
	s := newStage(t, edge)
	s.mute = true
	s.link(eth0)
	s.link(inside)
	s.post(event{found: &Found{Key: "web/ipv4"}})
	s.states("initialize initialize")
	s.post(event{found: &Found{Key: "inside/ipv4"}})
	s.states("active active")
}

// One router's checks say nothing in time: that is the group's failure.
func TestGroupWithoutAVerdict(t *testing.T) {
	s := newStage(t, edge)
	s.link(eth0)
	s.link(inside)
	s.pass(10*second - 1)
	s.states("initialize initialize")
	s.pass(1)
	s.states("backup backup")
	if r := s.router("web"); r.Priority != 1 || r.Failing != "inside: haproxy" {
		t.Errorf("priority %d because of %q", r.Priority, r.Failing)
	}
}

func TestGroupInMaintenance(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, _ *stage) {
		s := edgeStage(t, edge)
		answer := s.maintain(t, true, "disk")
		s.hearBoth(253)
		s.pass(100 * time.Millisecond)
		answer.is(t, "in maintenance; 192.0.2.12 took over web, 198.51.100.12 took over inside", nil)
		s.maintain(t, false, "").is(t, "the maintenance has ended", nil)
		s.states("backup backup")
	})
}

// One router is asked to resign, and its group does.
func TestGroupResigns(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, _ *stage) {
		s := edgeStage(t, edge)
		answer := s.resign(t, "inside", false)
		s.hear(advert(51, 253))
		s.pass(5 * time.Millisecond)
		s.hear(insideAdvert(253))
		answer.is(t, "", nil) // the addresses are still answered for
		s.pass(100 * time.Millisecond)
		answer.is(t, "192.0.2.12 took over web, 198.51.100.12 took over inside", nil)
		for range 5 {
			s.hearBoth(253)
			s.pass(second)
		}
		s.states("backup backup")
		s.resign(t, "web", true).is(t, "group edge (web, inside) is as configured again", nil)
	})
}

func TestGroupResignsInVain(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, _ *stage) {
		s := edgeStage(t, edge)
		answer := s.resign(t, "web", false)
		s.pass(2 * second)
		answer.is(t, "", ErrNobodyTookOver)
		if want := "nobody took over: group edge (web, inside) is active here again"; answer.err.Error() != want {
			t.Errorf("%v, want %s", answer.err, want)
		}
		s.states("active active")
	})
}

// Somebody takes over one of them, and the other one is nobody's.
func TestGroupIsHalfTakenOver(t *testing.T) {
	bubble(t, oneRouter, func(t *testing.T, _ *stage) {
		s := edgeStage(t, edge)
		answer := s.resign(t, "web", false)
		s.hear(advert(51, 253))
		s.pass(500 * time.Millisecond)
		answer.is(t, "", nil) // inside it is waited for
		s.pass(second)
		answer.is(t, "", ErrNobodyTookOver)
		if want := "nobody took over: inside"; answer.err.Error() != want {
			t.Errorf("%v, want %s", answer.err, want)
		}
	})
}

func TestGroupStops(t *testing.T) {
	s := edgeStage(t, edge)
	s.d.stop()
	s.want("send 0 vrid 51 on 2 from 192.0.2.11", "send 0 vrid 52 on 3 from 198.51.100.11",
		"leave web/ipv4 192.0.2.100/24 on 2 lease 2s", "leave inside/ipv4 198.51.100.1/24 on 3 lease 2s")
	s.pass(2 * second)
	if !s.d.finished() {
		t.Error("it goes on")
	}
}

const (
	grouped = "groups:\n- {name: edge, routers: [web, inside]}\n"
	another = "- {name: other, interface: eth0, vrid: 53, addresses: [192.0.2.200/24]}\n"
)

// What a reload leaves of a group that has the same routers.
func TestReloadOfAGroup(t *testing.T) {
	for name, yaml := range map[string]string{
		"as it was":          edge,
		"renamed":            with(edge, "name: edge", "name: wall"),
		"another order":      with(edge, "[web, inside]", "[inside, web]"),
		"a router renamed":   strings.ReplaceAll(edge, "inside", "lan"),
		"a router by itself": with(edge, "groups:", another+"groups:"),
	} {
		t.Run(name, func(t *testing.T) {
			s := edgeStage(t, edge)
			s.reloaded(yaml)
			s.about("send")
			s.want()
			s.state("web", "active")
			if want := parse(t, yaml).Routers[0].Group; s.router("web").Group != want {
				t.Errorf("group %s, want %s", s.router("web").Group, want)
			}
			for _, r := range s.d.snapshot().Routers[:2] {
				if r.Counters.BecameActive != 1 {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

// What a reload changes of one router reaches it, and the group.
func TestReloadOfOneInAGroup(t *testing.T) {
	s := edgeStage(t, edge)
	s.reloaded(with(edge, "vrid: 52,", "vrid: 52, priority: 7,"))
	if r := s.router("web"); r.Priority != 7 || r.Failing != "inside: priority 7" {
		t.Errorf("priority %d because of %q", r.Priority, r.Failing)
	}
	answer := s.reload(with(edge, "[198.51.100.1/24]", "[198.51.100.1/24, {address: 203.0.113.1/24, interface: eth2}]"))
	s.link(Link{Name: "eth2"})
	if r := <-answer; r.err == nil || r.err.Error() != "router inside: there is no interface eth2" {
		t.Errorf("%v", r.err)
	}
	s.states("active active")
}

// A group of which only one replaces what is still leaving waits for that, as a whole.
func TestGroupThatHalfWaits(t *testing.T) {
	const web = "- {name: web, interface: eth0, vrid: 51, addresses: [192.0.2.100/24]}\n"
	s := newStage(t, with(with(edge, web, ""), grouped, ""))
	s.link(eth0)
	s.link(inside)
	s.result(health.Result{Check: "haproxy", OK: true})
	s.pass(5 * second)
	s.state("inside", "active")
	s.reloaded(edge)
	if len(s.d.routers) != 1 || s.router("inside").Phase != "releasing" {
		t.Fatalf("%+v", s.d.snapshot().Routers)
	}
	s.link(eth0)
	s.pass(10 * second)
	s.states("active active")
}

// Routers that come together, or part, hand over and start anew, and no others do.
func TestRoutersThatChangeTheirGroup(t *testing.T) {
	three := with(edge, "groups:", another+"groups:")
	for name, test := range map[string]struct {
		old, new string
		groups   []string // that run in the end
		restart  string
	}{
		"founded":        {with(three, grouped, ""), three, []string{"other", "group edge (web, inside)"}, "web inside"},
		"dissolved":      {three, with(three, grouped, ""), []string{"other", "web", "inside"}, "web inside"},
		"a router more":  {three, with(three, "[web, inside]", "[web, inside, other]"), []string{"group edge (web, inside, other)"}, "web inside other"},
		"another one":    {three, with(three, "[web, inside]", "[web, other]"), []string{"group edge (web, other)", "inside"}, "web inside other"},
		"one is another": {three, with(three, "vrid: 52", "vrid: 54"), []string{"other", "group edge (web, inside)"}, "web inside"},
	} {
		t.Run(name, func(t *testing.T) {
			s := edgeStage(t, test.old)
			s.reloaded(test.new)
			for _, name := range []string{"web", "inside", "other"} {
				r, restarts := s.router(name), slices.Contains(strings.Fields(test.restart), name)
				if (r.Phase == "releasing") != restarts || (r.State == "active") == restarts {
					t.Errorf("%s is %s %s", name, r.State, r.Phase)
				}
			}
			s.pass(10 * second)
			var groups []string
			for _, g := range s.d.groups {
				groups = append(groups, g.String())
			}
			if !slices.Equal(groups, test.groups) {
				t.Errorf("groups %q, want %q", groups, test.groups)
			}
			for _, r := range s.d.snapshot().Routers {
				if r.State != "active" {
					t.Errorf("%s is %s %v", r.Name, r.State, r.Blocked)
				}
			}
		})
	}
}

// A group that waits for what it replaces is changed again.
func TestReloadOfAGroupThatWaits(t *testing.T) {
	s := edgeStage(t, with(edge, grouped, ""))
	s.reloaded(edge)
	s.reloaded(with(edge, "vrid: 52,", "vrid: 52, priority: 9,"))
	s.reloaded(with(edge, "vrid: 52,", "vrid: 52, priority: 7,"))
	s.pass(10 * second)
	s.states("active active")
	if got := s.router("web").Priority; got != 7 || len(s.d.groups) != 1 {
		t.Errorf("priority %d, %d groups", got, len(s.d.groups))
	}
}

// A core that panics takes its whole group out, and no other one.
func TestGroupIsTakenOut(t *testing.T) {
	s := edgeStage(t, with(edge, "groups:", another+"groups:"))
	s.d.takeOut(s.d.groups[0])
	s.about("remove")
	s.want("remove web/ipv4 192.0.2.100/24 on 2", "remove inside/ipv4 198.51.100.1/24 on 3")
	s.pass(second)
	s.state("other", "active")
}
