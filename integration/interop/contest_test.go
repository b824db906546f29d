// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"net/netip"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	// margin is how late a daemon may be on a busy machine.
	margin = 200 * time.Millisecond
	// quietMinute is how long nothing may happen.
	quietMinute = time.Minute
	// around is what an outage is looked for in, before and after a takeover.
	around = 300 * time.Millisecond
)

// event is something that moves the address, and what is measured of it.
type event struct {
	name  string
	limit time.Duration // the timers'
	took  time.Duration // until the next Active's first advert
	// outage is how long the client was not served.
	outage time.Duration
	window window
}

// contest is a pair to which one thing after another happens.
type contest struct {
	*pair
	late   map[*node]time.Duration // what a node's first advert is late by
	events []event
	// blind are the times in which the nodes can't hear each other, and dead those in
	// which one is killed and the kernel goes on answering for it.
	blind, dead []window
}

// move makes something happen, waits until a node is Active by it, and for a while.
func (c *contest) move(t *testing.T, name string, do func() error, to *node, limit time.Duration) {
	t.Helper()
	start := time.Now()
	labtest.Must(t, do())
	c.await(t, name, start, to, limit)
}

// await waits until a node is Active by what happened at a moment.
func (c *contest) await(t *testing.T, name string, start time.Time, to *node, limit time.Duration) {
	t.Helper()
	limit += c.late[to]
	first := to.active(t, start)
	e := event{name: name, limit: limit, took: first.Time.Sub(start), window: window{start.Add(-around), first.Time.Add(around)}}
	c.events = append(c.events, e)
	to.active(t, first.Time.Add(3*interval/2)) // it has come to stay
	if e.took > limit+margin {
		t.Errorf("%s: %s is Active after %v, limit %v", name, to.Name(), e.took, limit+margin)
	}
}

// returns starts lb1 again, and waits until it is Active.
func (c *contest) returns(t *testing.T, name string, restart func() error) {
	t.Helper()
	labtest.Must(t, restart())
	c.await(t, name, time.Now(), c.lb1, silence(better))
}

func (c *contest) stopAndReturn(t *testing.T) {
	c.move(t, "stop", c.lb1.Stop, c.lb2, skew(other))
	c.returns(t, "return", c.lb1.Restart)
}

// killAndReturn kills lb1 just after an advert: then the other waits the longest.
func (c *contest) killAndReturn(t *testing.T) {
	from := time.Now()
	c.lb1.active(t, from)
	c.move(t, "kill", c.lb1.daemon.Kill, c.lb2, silence(other))
	labtest.Must(t, c.lb1.Restart())
	c.dead = append(c.dead, window{from, time.Now()})
	c.await(t, "return after kill", time.Now(), c.lb1, silence(better))
}

func (c *contest) pullAndReturn(t *testing.T) {
	c.lb1.active(t, time.Now())
	limit := silence(other)
	if _, ok := c.lb2.daemon.(*vipdDaemon); ok { // it asks the host
		limit = lost(other)
	}
	c.move(t, "cable", c.lb1.Cable.Pull, c.lb2, limit)
	c.returns(t, "cable back", c.lb1.Cable.Restore)
}

// raiseAndLower gives lb2 a better priority than lb1's, and takes it away.
func (c *contest) raiseAndLower(t *testing.T) {
	c.move(t, "raised", func() error { return c.lb2.Prioritise(best) }, c.lb2, silence(other))
	c.move(t, "lowered", func() error { return c.lb2.Prioritise(other) }, c.lb1, interval+skew(better))
}

// equal gives both nodes the same priority, splits them so that both are Active,
// and lets them decide.
func (c *contest) equal(t *testing.T) {
	labtest.Must(t, c.lb1.Prioritise(other))
	c.lb1.settle(t, c.lb2)
	c.split(t, true)
	apart := time.Now()
	one, two := c.lb1.active(t, apart), c.lb2.active(t, apart)
	winner, loser := c.lb1, c.lb2
	if two.Source.Compare(one.Source) > 0 {
		winner, loser = loser, winner
	}
	c.split(t, false)
	healed := time.Now()
	c.blind = append(c.blind, window{apart, healed})
	time.Sleep(4 * interval) // what must not happen sends no event
	now := time.Now()
	e := event{name: "equal", limit: interval, window: window{healed, now}}
	for _, p := range loser.adverts(healed, now) {
		e.took = p.Time.Sub(healed)
	}
	c.events = append(c.events, e)
	if kept := len(winner.adverts(healed, now)); kept < 3 || e.took > interval+margin {
		t.Errorf("after a split %s advertises %d times; %s, whose address is lower, until after %v", winner.Name(), kept, loser.Name(), e.took)
	}
}

// settle waits until one of two nodes has been the only Active for a while.
func (n *node) settle(t *testing.T, o *node) {
	t.Helper()
	deadline := time.Now().Add(labtest.Patience)
	for {
		time.Sleep(4*interval + margin)
		now := time.Now()
		since := now.Add(-2*interval - margin)
		a, b := len(n.adverts(since, now)), len(o.adverts(since, now))
		if (a == 0) != (b == 0) {
			return
		}
		if now.After(deadline) {
			t.Fatalf("in %v %s has advertised %d times, %s %d times", now.Sub(since), n.Name(), a, o.Name(), b)
		}
	}
}

// quiet looks at a minute in which nothing happens.
func (c *contest) quiet(t *testing.T) {
	t.Helper()
	minute := quietMinute
	if testing.Short() {
		minute /= 10
	}
	from := c.lb1.active(t, time.Now()).Time
	time.Sleep(minute)
	now := time.Now()
	sent := c.lb1.adverts(from.Add(-1), now)
	if others := c.lb2.adverts(from, now); len(others) > 0 {
		t.Errorf("a quiet minute, in which lb2 says %v", others)
	}
	if answers := c.lb2.answered(c.vip, from, now); answers > 0 {
		t.Errorf("a quiet minute, in which lb2 answers %d times", answers) // keepalived may claim in silence
	}
	for i, p := range sent {
		if p.Priority != better || i > 0 && p.Time.Sub(sent[i-1].Time) > interval+margin {
			t.Errorf("a quiet minute, in which lb1 says %v after %v", p, p.Time.Sub(sent[max(0, i-1)].Time))
		}
	}
	if len(sent) < int(minute/interval)-1 {
		t.Errorf("a quiet minute with %d adverts", len(sent))
	}
}

// row is what is told of a pairing in one direction.
type row struct {
	pairing, active string // active is what runs on the better node
	events          []event
	owners, answers time.Duration // the longest times with two
}

// testContest runs a pairing in one direction.
func testContest(t *testing.T, p pairing, vipdFirst bool) row {
	first, second, active := p.peer, p.vipd, "peer"
	if vipdFirst {
		first, second, active = second, first, "vipd"
	}
	c := &contest{pair: startPair(t, p.vip, first, second)}
	c.late = map[*node]time.Duration{c.lb1: p.late}
	if vipdFirst {
		c.late = map[*node]time.Duration{c.lb2: p.late}
	}
	asker := startAsker(t, c.site, p.vip)
	c.lb1.settle(t, c.lb2) // keepalived may claim once, until vipd has seen what it wants to hear
	c.quiet(t)
	c.stopAndReturn(t)
	c.killAndReturn(t)
	c.pullAndReturn(t)
	c.raiseAndLower(t)
	c.equal(t)
	labtest.Must(t, asker.Stop())
	c.measureOutages(t)
	r := row{pairing: p.name, active: active, events: c.events}
	c.judgeOwners(t, &r)
	return r
}

// startAsker asks from a host of its own, whose neighbour table is nobody's concern.
func startAsker(t *testing.T, site *lab.Site, vip netip.Addr) *lab.Asker {
	t.Helper()
	host, err := site.AddHost("asker", 2)
	labtest.Must(t, err)
	asker, err := lab.StartAsker(host.Namespace, lab.Interface, vip)
	labtest.Must(t, err)
	return asker
}

// measureOutages looks at what the client saw.
func (c *contest) measureOutages(t *testing.T) {
	t.Helper()
	last := c.events[len(c.events)-1].window.to.Add(interval)
	_, err := c.probe.Wait(labtest.Patient(t), last, func(s []lab.Sample) bool { return len(s) > 0 })
	labtest.Must(t, err)
	samples := c.probe.Samples(c.events[0].window.from)
	for i := range c.events {
		e := &c.events[i]
		e.outage = lab.Outage(samples, e.window.from, e.window.to)
		t.Logf("%-18s took %v, limit %v, outage %v", e.name, e.took, e.limit, e.outage)
		if e.outage > e.limit+margin {
			t.Errorf("%s: an outage of %v, limit %v", e.name, e.outage, e.limit+margin)
		}
	}
}

// judgeOwners looks for times in which two nodes had the address.
func (c *contest) judgeOwners(t *testing.T, r *row) {
	t.Helper()
	claims := lab.Claims(c.captured(c.blind...), vrid, c.vip.Is4())
	answers := lab.Answers(c.captured(append(c.blind, c.dead...)...), c.vip)
	r.owners, r.answers = lab.TwoOwners(claims), lab.TwoOwners(answers)
	t.Logf("two owners for %v, two answered for %v", r.owners, r.answers)
	if max(r.owners, r.answers) > interval+margin {
		t.Errorf("two owners for %v, two answered for %v:", r.owners, r.answers)
		for _, claim := range append(claims, answers...) {
			t.Logf("%s from %v for %v", claim.Node, claim.From.Format("05.000"), claim.To.Sub(claim.From))
		}
	}
}
