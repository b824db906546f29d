// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"vipd/config"
	"vipd/vrrp"
)

// Daemon runs the routers of one configuration.
type Daemon struct {
	version string
	network Network
	timer   Timer
	log     *slog.Logger

	events  chan event
	done    chan struct{} // closed when the loop has ended
	packets sync.Pool
	dropped atomic.Uint64 // packets, because the queue was full
	overrun atomic.Uint64 // packets, because a socket was
	saved   maintenance   // as the state file has it

	// What follows belongs to the loop alone.
	now         time.Time
	armed       time.Time // what the timer is set to
	started     time.Time
	stopping    bool
	handOff     bool         // the loop ends, and nothing is given up
	commands    []*command   // that wait for their answer
	maintenance *Maintenance // nil: there is none
	config      *config.Config
	links       map[string]Link // all that were told
	groups      []*group
	routers     []*router // of all groups
	made        int       // groups, so far
	index       *index    // nil: to be made anew
	schedule    schedule
	watches     []*hostWatch
	checks      []*check
	out         outbox
	rejected    rejects
	lateness    lateness
	passed      Passed    // as counted last
	passedAsked time.Time // when it was asked for

	waiting     *reloadRequest // a reload that waits for its interfaces
	waitingEnds time.Time
	pending     []config.Group // added by a reload; what they replace is still leaving
	lastReload  ReloadStatus

	heard   *Packet // the advert that is being handled
	effects []vrrp.MemberEffect
	scratch addressBuffer
	limit   limiter
}

// New returns a daemon for a configuration. It asks nothing of the network before
// Run.
func New(c *config.Config, version string, n Network, t Timer, log *slog.Logger) *Daemon {
	d := &Daemon{
		version: version, network: n, timer: t, log: log,
		events: make(chan event, queueLength), done: make(chan struct{}),
		config: c, links: map[string]Link{}, now: t.Now(), limit: newLimiter(),
	}
	d.packets.New = func() any { return new(packet) }
	d.out.emit, d.out.failed = d.out.add, d.sendFailed
	d.started = d.now
	for i := range c.Checks {
		d.checks = append(d.checks, newCheck(&c.Checks[i], d.now))
	}
	for _, g := range c.Groups() {
		d.open(d.addGroup(g))
	}
	return d
}

// Run is the loop. When ctx ends it hands the addresses over and returns when the
// next Active has them, or after the longest advert interval when nobody answers.
// After [Daemon.HandOff] it returns at once.
// beat is called in each turn, at least once a second: a hung loop does not beat.
func (d *Daemon) Run(ctx context.Context, beat func()) {
	defer close(d.done)
	d.turn(nil)
	stop := ctx.Done()
	for !d.finished() {
		select {
		case e := <-d.events:
			d.turn(&e)
		case <-d.timer.C():
			d.turn(nil)
		case <-stop:
			stop = nil
			d.stop()
			d.turn(nil)
		}
		beat()
	}
}

// turn takes the news first and acts on the deadlines then: an advert that came
// in time counts, however late the loop is.
func (d *Daemon) turn(first *event) {
	d.now = d.timer.Now()
	d.noticeLateness()
	if first != nil {
		d.handle(*first)
	}
	for range queueLength {
		select {
		case e := <-d.events:
			d.handle(e)
			continue
		default:
		}
		break
	}
	d.askHosts()
	d.tick()
	d.askHosts() // whom the tick has raised doubts about
	d.flush()
	d.blockUnheard()
	d.flush()          // that they give up, in vain
	d.answerCommands() // of routers that leave, too
	d.dropGone()
	d.arm()
}

// handle acts on one event.
func (d *Daemon) handle(e event) {
	switch {
	case e.packet != nil:
		d.receive(&e.packet.Packet)
		d.packets.Put(e.packet)
	case e.link != nil:
		d.linkChanged(*e.link)
	case e.holding != nil:
		d.holdingChanged(*e.holding)
	case e.found != nil:
		d.leftoverFound(*e.found)
	case e.managers != nil:
		d.managersFound(*e.managers)
	case e.passing != nil:
		d.passingChanged(*e.passing)
	case e.counted != nil:
		d.connectionsCounted(*e.counted)
	case e.passed != nil:
		d.passedCounted(*e.passed)
	case e.answer != nil:
		d.hostAnswered(*e.answer)
	case e.contest != "":
		d.contested(e.contest)
	case e.handOff:
		d.handingOff()
	case e.result != nil:
		d.checked(*e.result)
	case e.reload != nil:
		d.reloadAsked(e.reload)
	case e.ask != nil:
		e.ask <- d.snapshot()
	case e.command != nil:
		d.beginCommand(e.command)
	}
}

// tick acts on every deadline that has come.
func (d *Daemon) tick() {
	if due(d.waitingEnds, d.now) {
		d.giveUpReload(errUntold)
	}
	d.schedule.touchDue(d.now)
	for i := 0; i < len(d.schedule.touched); i++ { // it may grow
		d.look(d.schedule.touched[i])
	}
}

// look acts on the deadlines of one group.
func (d *Daemon) look(g *group) {
	d.begin(g)
	if g.isDue(d.now) && !d.awaitsUnread(g) {
		d.stepTogether(g.families[0], vrrp.Tick{})
	}
	for _, f := range g.families {
		if due(f.muteEnds, d.now) {
			d.tryToSend(f)
		}
	}
	for _, r := range g.routers {
		if due(r.graceEnds, d.now) {
			d.endGrace(r)
		}
	}
}

// maxSleep is the longest that the loop sleeps, so that the watchdog sees it.
const maxSleep = time.Second

// arm sets the timer to the next deadline.
func (d *Daemon) arm() {
	d.schedule.settle(d.now)
	next := sooner(sooner(d.now.Add(maxSleep), d.schedule.next()), d.soonestQuestion())
	if next.Equal(d.armed) {
		return
	}
	d.armed = next
	d.timer.Arm(next)
}

// noticeLateness measures how late the loop is. A group whose own interval has
// passed meanwhile hears of it before anything else.
func (d *Daemon) noticeLateness() {
	if d.armed.IsZero() || d.now.Before(d.armed) {
		return
	}
	late := d.now.Sub(d.armed)
	d.lateness.add(late)
	if late < vrrp.MinInterval {
		return
	}
	overslept := false
	for _, g := range d.groups {
		if late > g.interval() {
			overslept = true
			d.step(g.families[0], vrrp.Woke{})
			g.hearsUntil = d.now.Add(min(g.interval(), hearTime))
		}
	}
	if overslept {
		d.lateness.count++
		d.logLate(late)
	}
}

// logLate logs at a bounded rate: an overloaded machine may be late all the time.
func (d *Daemon) logLate(late time.Duration) {
	if ok, suppressed := d.limit.allow(d.now, netip.Addr{}, "woke-late"); ok {
		d.log.Warn("woke late: the process was stopped, or the machine is overloaded", "late", late, "suppressed", suppressed)
	}
}

// stop hands every router's addresses over. The time for it begins now: the last turn
// may have been an interval ago.
func (d *Daemon) stop() {
	d.now = d.timer.Now()
	d.stopping = true
	d.pending = nil
	d.log.Info("stopping: handing the addresses over")
	for _, g := range d.groups {
		d.leave(g)
	}
	d.flush()
}

// leave makes a group hand its addresses over and end.
func (d *Daemon) leave(g *group) {
	if g.opening.on() {
		d.startAfresh(g)
	}
	d.stepTogether(g.families[0], vrrp.Stop{})
}

// finished reports whether the loop may end: nothing is owned any more, and nothing
// left to say.
func (d *Daemon) finished() bool {
	if d.handOff {
		return true
	}
	if !d.stopping {
		return false
	}
	for _, g := range d.groups {
		if !g.core.Deadline().IsZero() {
			return false
		}
	}
	return true
}

// Done is closed when the loop has ended.
func (d *Daemon) Done() <-chan struct{} { return d.done }
