// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/config"
	"vipd/health"
)

func parse(t *testing.T, yaml string) *config.Config {
	t.Helper()
	f, problems := config.Parse("test.yaml", []byte(yaml))
	if f == nil {
		t.Fatal(problems)
	}
	c, err := f.For("lb1")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// reload has the daemon take over another configuration. The answer is there when the
// network has told of the interfaces.
func (s *stage) reload(yaml string) <-chan reloadResult {
	s.t.Helper()
	answer := make(chan reloadResult, 1)
	s.post(event{reload: &reloadRequest{config: parse(s.t, yaml), carry: true, answer: answer}})
	return answer
}

// reloaded is a reload that succeeds at once.
func (s *stage) reloaded(yaml string) {
	s.t.Helper()
	select {
	case r := <-s.reload(yaml):
		if r.err != nil {
			s.t.Fatal(r.err)
		}
	default:
		s.t.Fatal("no answer")
	}
}

const (
	twoAddresses = "192.0.2.100/24, 192.0.2.101/24"
	second       = time.Second
)

// about keeps of what the daemon did what has a text.
func (s *stage) about(text string) {
	s.did = slices.DeleteFunc(s.did, func(line string) bool { return !strings.Contains(line, text) })
}

// with is a configuration with one text replaced.
func with(yaml, old, new string) string { return strings.Replace(yaml, old, new, 1) }

// What the network is asked at once by a reload of a router that is Active.
func TestReloadOfAnActive(t *testing.T) {
	tests := map[string]struct {
		yaml string
		did  []string
	}{
		"as it was":      {oneRouter, nil},
		"renamed":        {with(oneRouter, "web", "site"), nil},
		"other delays":   {oneRouter + "  preempt_delay: 3s\n  start_delay: 1s\n", nil},
		"no preemption":  {oneRouter + "  preempt: false\n", nil},
		"VIP added":      {with(oneRouter, "192.0.2.100/24", twoAddresses), []string{"set web/ipv4 192.0.2.100/24 on 2, 192.0.2.101/24 on 2 lease 4s"}},
		"VIP replaced":   {with(oneRouter, "192.0.2.100", "192.0.2.101"), []string{"set web/ipv4 192.0.2.101/24 on 2 lease 4s"}},
		"another lease":  {oneRouter + "  lease: 10s\n", []string{"set web/ipv4 192.0.2.100/24 on 2 lease 10s"}},
		"lower priority": {oneRouter + "  priority: 100\n", []string{"renew web/ipv4", "send 100 vrid 51 on 2 from 192.0.2.11"}},
		"a router more":  {oneRouter + "- {name: two, interface: eth0, vrid: 52, addresses: [192.0.2.200/24]}\n", []string{"remove two/ipv4 192.0.2.200/24 on 2"}},
		"a route": {oneRouter + "  routes: [198.51.100.0/24 via 192.0.2.1]\n",
			[]string{"set web/ipv4 192.0.2.100/24 on 2, route 198.51.100.0/24 on 0 lease 4s"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := activeStage(t, oneRouter)
			before := s.router("web")
			s.reloaded(test.yaml)
			s.want(test.did...)
			after := s.d.snapshot().Routers[0]
			if after.State != "active" || after.Since != before.Since || after.Counters.BecameActive != 1 {
				t.Errorf("%+v became %+v", before, after)
			}
		})
	}
}

// The core goes by the new configuration.
func TestReloadReachesTheCore(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.reloaded(oneRouter + "  advert_interval: 100ms\n")
	s.did = nil
	s.pass(second)
	s.about("send 254")
	if len(s.did) != 10 {
		t.Errorf("%d adverts in a second", len(s.did))
	}
}

// A reload does not forget half of a verdict.
func TestTallyStays(t *testing.T) {
	s := newStage(t, oneCheck)
	s.link(eth0)
	s.result(health.Result{Check: "haproxy", OK: true})
	s.result(health.Result{Check: "haproxy"})
	s.reloaded(oneCheck)
	s.result(health.Result{Check: "haproxy"})
	if got := s.d.snapshot().Checks[0].Verdict; got != "fail" {
		t.Errorf("verdict %s after two failures", got)
	}
}

// Only what is new is announced, and only that.
func TestAnAddedAddressIsAnnounced(t *testing.T) {
	s := activeStage(t, with(oneRouter, "addresses", "announce: {at: [0s, 100ms]}\n  addresses"))
	s.reloaded(with(with(oneRouter, "addresses", "announce: {at: [0s, 100ms]}\n  addresses"), "192.0.2.100/24", twoAddresses))
	s.did = nil
	added := netip.MustParseAddr("192.0.2.101")
	s.post(event{holding: &Holding{Key: "web/ipv4", Held: true, Added: []netip.Addr{added}}})
	s.pass(150 * time.Millisecond)
	s.about("announce")
	s.want("announce web/ipv4 192.0.2.101", "announce web/ipv4 192.0.2.101")
	s.post(event{holding: &Holding{Key: "web/ipv4", Held: true}}) // of a reload that took one away
	s.want()
	back := netip.MustParseAddr("192.0.2.100")
	s.post(event{holding: &Holding{Key: "web/ipv4", Held: true, Added: []netip.Addr{back}}})
	s.want("announce web/ipv4 192.0.2.100")
	s.post(event{holding: &Holding{Key: "web/ipv4", Held: true, Added: []netip.Addr{added}}})
	s.want("announce web/ipv4 192.0.2.100 192.0.2.101")
}

// A Backup sends nothing, and owns what is new when it takes over.
func TestReloadOfABackup(t *testing.T) {
	s := newStage(t, oneRouter)
	s.link(eth0)
	s.hear(advert(51, 254))
	s.did = nil
	s.reloaded(with(oneRouter, "192.0.2.100/24", twoAddresses))
	s.want("remove web/ipv4 192.0.2.100/24 on 2, 192.0.2.101/24 on 2")
	s.pass(5 * second)
	if !slices.Contains(s.did, "set web/ipv4 192.0.2.100/24 on 2, 192.0.2.101/24 on 2 lease 4s") {
		t.Errorf("did %v", s.did)
	}
}

// A router that goes hands its addresses over, and only then it is gone.
func TestRemovedRouter(t *testing.T) {
	two := oneRouter + "- {name: two, interface: eth0, vrid: 52, addresses: [192.0.2.200/24]}\n"
	s := activeStage(t, two)
	s.reloaded(with(two, two[strings.Index(two, "- name: web"):strings.Index(two, "- {name: two")], ""))
	s.want("send 0 vrid 51 on 2 from 192.0.2.11", "leave web/ipv4 192.0.2.100/24 on 2 lease 2s")
	s.hear(advert(51, 254))
	if got := s.router("web"); got.Phase != "releasing" {
		t.Errorf("%+v", got)
	}
	s.did = nil
	s.pass(100 * time.Millisecond)
	s.about("web/ipv4")
	s.want("silence web/ipv4 192.0.2.100/24 on 2", "remove web/ipv4 192.0.2.100/24 on 2")
	if routers := s.d.snapshot().Routers; len(routers) != 1 || routers[0].Name != "two" {
		t.Errorf("%+v", routers)
	}
	if !slices.Equal(s.followed, []string{"two", "two"}) { // what runs, and what the file has
		t.Errorf("followed: %v", s.followed)
	}
}

// Another router in the place of one waits until that one has gone.
func TestRestartedRouter(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.reloaded(oneRouter + "  version: 2\n")
	s.want("send 0 vrid 51 on 2 from 192.0.2.11", "leave web/ipv4 192.0.2.100/24 on 2 lease 2s")
	s.reloaded(oneRouter + "  version: 2\n  priority: 7\n") // meanwhile
	s.hear(advert(51, 254))
	s.pass(100 * time.Millisecond)
	got := s.router("web")
	if got.State != "backup" || got.Version != "2" || got.Priority != 7 || len(s.d.routers) != 1 {
		t.Errorf("%+v", got)
	}
}

// A router that comes by a reload starts afresh: what looks like left by a crash may be
// of another router of this run.
func TestAddedRouterDoesNotResume(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.left = map[string]Found{"two/ipv4": {Age: 100 * time.Millisecond}}
	s.reloaded(oneRouter + "- {name: two, interface: eth0, vrid: 52, addresses: [192.0.2.200/24]}\n")
	s.want("remove two/ipv4 192.0.2.200/24 on 2")
	s.state("two", "backup")
}

func TestAddedRouterIsInMaintenance(t *testing.T) {
	s := newStage(t, oneRouter)
	s.link(eth0)
	s.d.setMaintenance(&Maintenance{})
	s.reloaded(oneRouter + "- {name: two, interface: eth0, vrid: 52, addresses: [192.0.2.200/24]}\n")
	s.pass(5 * second)
	if got := s.router("two"); got.State != "initialize" || !slices.Contains(got.Blocked, "maintenance") {
		t.Errorf("%+v", got)
	}
}

// A router that releases does so by the new configuration, too, for as long as before.
func TestReloadWhileReleasing(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.d.turn(nil)
	s.d.setMaintenance(&Maintenance{})
	s.want("send 0 vrid 51 on 2 from 192.0.2.11", "leave web/ipv4 192.0.2.100/24 on 2 lease 2s")
	s.reloaded(with(oneRouter, "192.0.2.100/24", twoAddresses) + "  advert_interval: 100ms\n")
	s.want("leave web/ipv4 192.0.2.100/24 on 2, 192.0.2.101/24 on 2 lease 2s")
	s.pass(5 * second)
	if last := s.did[len(s.did)-1]; last != "remove web/ipv4 192.0.2.100/24 on 2, 192.0.2.101/24 on 2" {
		t.Errorf("at last %s", last)
	}
}

// A router that looks for what a crash has left goes on looking when a reload changes
// nothing of it, and starts afresh when it does.
func TestReloadWhileLookingForLeftovers(t *testing.T) {
	for name, test := range map[string]struct{ yaml, state string }{
		"as it was":   {oneRouter, "active"},
		"renamed":     {with(oneRouter, "web", "site"), "active"},
		"another VIP": {with(oneRouter, "192.0.2.100", "192.0.2.101"), "backup"},
	} {
		s := newStage(t, oneRouter)
		s.mute = true
		s.link(eth0)
		s.reloaded(test.yaml)
		s.post(event{found: &Found{Key: "web/ipv4", Age: 100 * time.Millisecond}})
		if got := s.d.snapshot().Routers[0].State; got != test.state {
			t.Errorf("%s: %s, want %s", name, got, test.state)
		}
	}
}

// A router that is removed before it has started leaves nothing of a crash behind.
func TestRemovedWhileLookingForLeftovers(t *testing.T) {
	two := oneRouter + "- {name: two, interface: eth0, vrid: 52, addresses: [192.0.2.200/24]}\n"
	s := newStage(t, two)
	s.mute = true
	s.link(eth0)
	s.reloaded(oneRouter)
	s.want("remove two/ipv4 192.0.2.200/24 on 2")
	if len(s.d.routers) != 1 {
		t.Errorf("%+v", s.d.snapshot().Routers)
	}
}

func TestStopWhileARouterWaits(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.reloaded(oneRouter + "  version: 2\n")
	s.d.stop()
	s.pass(3 * second)
	if !s.d.finished() {
		t.Errorf("%+v", s.d.snapshot().Routers)
	}
}

// A reload that adds a check to a router that runs does not stop it, however long the
// first verdict takes.
func TestAddedCheck(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.reloaded(oneRouter + "  start_grace: 0s\n" + oneCheck[len(oneRouter):])
	s.want()
	s.pass(20 * second)
	s.state("web", "active")
	if got := s.router("web").Priority; got != 254 {
		t.Errorf("priority %d", got)
	}
	s.result(health.Result{Check: "haproxy", OK: false})
	if got := s.router("web").Priority; got != 1 {
		t.Errorf("priority %d", got)
	}
}

// But one that can't be made is no reason to trust for ever.
func TestAddedCheckThatIsNeverMade(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.reloaded(oneCheck)
	for range 121 {
		s.result(health.Result{Check: "haproxy", Unmade: true})
		s.pass(second)
	}
	if r := s.router("web"); r.Priority != 1 || r.State != "active" {
		t.Errorf("%s, priority %d", r.State, r.Priority)
	}
}

// A router that a reload adds goes by the verdicts that are there.
func TestAddedRouterKnowsTheVerdicts(t *testing.T) {
	for verdict, want := range map[bool]uint8{true: 254, false: 1} {
		s := newStage(t, oneCheck)
		s.link(eth0)
		s.result(health.Result{Check: "haproxy", OK: verdict})
		s.reloaded(with(oneCheck, "checks:\n", "- {name: two, interface: eth0, vrid: 52, addresses: [192.0.2.200/24], checks: [haproxy]}\nchecks:\n"))
		s.state("two", "backup")
		if got := s.router("two").Priority; got != want {
			t.Errorf("the check passes: %v; priority %d", verdict, got)
		}
	}
}

// What a check has found stays, also by another probe until that has found something.
func TestChecksKeepTheirVerdicts(t *testing.T) {
	tests := map[string]struct {
		yaml     string
		verdict  string
		priority uint8
	}{
		"as it was":       {oneCheck, "fail", 1},
		"another penalty": {oneCheck + "  penalty: 4\n", "fail", 250},
		"another probe":   {oneCheck + "  fall: 7\n", "fail", 1},
		"another name":    {strings.ReplaceAll(oneCheck, "haproxy\n", "proxy\n"), "unknown", 254},
		"taken away":      {with(oneCheck, "  checks: [haproxy]\n", ""), "fail", 254},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, oneCheck)
			s.link(eth0)
			s.result(health.Result{Check: "haproxy", OK: false})
			s.pass(10 * second)
			s.reloaded(strings.Replace(test.yaml, "checks: [haproxy]", "checks: ["+nameOf(test.yaml)+"]", 1))
			if got := s.d.snapshot().Checks[0].Verdict; got != test.verdict {
				t.Errorf("verdict %s", got)
			}
			if got := s.router("web").Priority; got != test.priority {
				t.Errorf("priority %d", got)
			}
		})
	}
}

func nameOf(yaml string) string {
	if strings.Contains(yaml, "name: proxy") {
		return "proxy"
	}
	return "haproxy"
}

// A router that starts still waits for its checks after a reload.
func TestReloadWhileAwaitingChecks(t *testing.T) {
	s := newStage(t, oneCheck)
	s.link(eth0)
	s.reloaded(oneCheck)
	if got := s.router("web").Blocked; !slices.Equal(got, []string{"awaiting-checks"}) {
		t.Errorf("blocked by %v", got)
	}
	s.reloaded(oneRouter)
	s.state("web", "backup")
}

// A VIP on an interface that is new is added when it is known that the interface is
// there; the router does not stop to see.
func TestNewInterface(t *testing.T) {
	yaml := with(oneRouter, "[192.0.2.100/24]", "[192.0.2.100/24, {address: 198.51.100.1/24, interface: eth1}]")
	eth1 := Link{Name: "eth1", Index: 3, Up: true}
	tests := map[string]struct {
		link Link
		err  string
	}{
		"there":   {eth1, ""},
		"missing": {Link{Name: "eth1"}, "router web: there is no interface eth1"},
		"down":    {Link{Name: "eth1", Index: 3}, "router web: interface eth1 is down"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := activeStage(t, oneRouter)
			answer := s.reload(yaml)
			s.want()
			s.link(test.link)
			var said string
			if r := <-answer; r.err != nil {
				said = r.err.Error()
			}
			if last := s.d.snapshot().Reload; said != test.err || last.Error != said || last.OK != (said == "") {
				t.Errorf("said %q, want %q; status %+v", said, test.err, last)
			}
			s.state("web", "active")
			if test.err == "" {
				s.want("set web/ipv4 192.0.2.100/24 on 2, 198.51.100.1/24 on 3 lease 4s")
			} else {
				s.want()
			}
		})
	}
}

func TestNothingIsToldOfAnInterface(t *testing.T) {
	s := activeStage(t, oneRouter)
	answer := s.reload(with(oneRouter, "[192.0.2.100/24]", "[192.0.2.100/24, {address: 198.51.100.1/24, interface: eth1}]"))
	s.pass(reloadPatience + maxSleep)
	if r := <-answer; !errors.Is(r.err, errUntold) {
		t.Errorf("%v", r.err)
	}
	if got := s.router("web"); got.State != "active" || len(got.Addresses) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestReloadsThatWait(t *testing.T) {
	s := activeStage(t, oneRouter)
	first := s.reload(with(oneRouter, "[192.0.2.100/24]", "[192.0.2.100/24, {address: 198.51.100.1/24, interface: eth1}]"))
	s.reloaded(with(oneRouter, "web", "site"))
	if r := <-first; !errors.Is(r.err, errSuperseded) {
		t.Errorf("%v", r.err)
	}
	s.link(Link{Name: "eth1", Index: 3, Up: true})
	if got := s.router("site").Addresses; len(got) != 1 {
		t.Errorf("addresses %v", got)
	}
}

// A new name may be another router's old one.
func TestNamesMove(t *testing.T) {
	s := activeStage(t, oneRouter)
	s.reloaded(with(oneRouter, "web", "site") + "- {name: web, interface: eth0, vrid: 52, addresses: [192.0.2.200/24]}\n")
	s.want("remove web#2/ipv4 192.0.2.200/24 on 2")
	s.pass(4 * second)
	s.post(event{holding: &Holding{Key: "web#2/ipv4", Held: true}})
	s.state("web", "active")
	s.state("site", "active")
}

func TestRefusedReloads(t *testing.T) {
	s := activeStage(t, oneRouter)
	if r := <-s.reload("api: /run/other.sock\n" + oneRouter); r.err == nil {
		t.Error("another socket is taken over")
	}
	answer := make(chan reloadResult, 1)
	s.post(event{reload: &reloadRequest{failed: errors.New("line 3: unknown key"), answer: answer}})
	<-answer
	if last := s.d.snapshot().Reload; last == nil || last.OK || last.Error != "line 3: unknown key" || last.At != s.now || last.Failed != 2 || last.Succeeded != 0 {
		t.Errorf("last reload %+v", last)
	}
	if !strings.Contains(s.log.String(), "line 3: unknown key") {
		t.Error("the log does not say why")
	}
	s.want()
}

// A plan changes nothing.
func TestPlan(t *testing.T) {
	s := activeStage(t, oneRouter)
	answer := make(chan reloadResult, 1)
	s.post(event{reload: &reloadRequest{config: parse(t, oneRouter+"  priority: 9\n"), answer: answer}})
	if r := <-answer; r.err != nil || len(r.plan.Steps) != 1 || r.plan.Steps[0].What != "priority" {
		t.Errorf("%+v", r)
	}
	s.want()
	if s.d.snapshot().Reload != nil || s.router("web").ConfiguredPriority != 254 {
		t.Error("it was carried out")
	}
}
