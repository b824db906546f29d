// SPDX-License-Identifier: Apache-2.0

package reliability_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// action does something to a site.
type action func(t *testing.T, b *bench) error

// whose is the node that has the address after an event.
type whose int

const (
	nobodys whose = iota // it is not waited for
	lb1s
	lb2s
)

// event is something that happens to lb1, where the address is, or its way back.
type event struct {
	name string
	do   action
	to   whose
	span time.Duration // to go on watching, from the node's first advert on
	undo action        // not measured; nil: the next event is the way back, if any is needed
	// healed judges two owners from the nodes' first advert after do, as they can't
	// hear each other before that.
	healed bool
	// quiet is how long the node must not advertise after do: it was replaced.
	quiet time.Duration

	onlyVipd bool
	limit    limit // vipd's
	// fault is for how long two nodes of keepalived have the address at least. An event
	// with one can be undone. Zero: keepalived is measured for the document only.
	fault time.Duration
}

// stays tells whether nothing is to move.
func (e event) stays() bool { return e.to == lb1s && e.limit.two == 0 && e.quiet == 0 && !e.healed }

// limit is what an event may cost, or costs.
type limit struct {
	lost int           // probes, one each millisecond
	two  time.Duration // in which two nodes advertised, or answered for the address; 0: never
}

const (
	// calm is for how long an event that moves nothing is watched.
	calm = 1200 * time.Millisecond
	// handOver is how long both nodes may have the address in a planned move.
	handOver = 80 * time.Millisecond
	// leased is for how long the kernel may keep an address that nobody renews, beside
	// the node that took over.
	leased = 2500 * time.Millisecond
	// yields is how long after hearing the better node the other may keep the address.
	yields = 50 * time.Millisecond
	// restored is how many probes may be lost until a deleted address is back.
	restored = 10
	// switched is how many probes may be lost when a virtual MAC moves: those that the
	// switch sends to the old node before the new one speaks.
	switched = 10
	// shared is the same when two nodes have one MAC for seconds: the switch sends to
	// whoever spoke last, which may be the one that has just lost the address.
	shared = 50

	quietTime   = 3 * time.Second
	frozen      = 5 * time.Second
	partitioned = 8 * time.Second
	forGood     = 8 * time.Second
	refused     = 5 * time.Second // longer than the standby waits
)

// scene is a sequence of events on a site of its own.
type scene struct {
	name   string
	vips   []string
	events []event
}

// scenes are all that is measured.
func scenes() []scene {
	return []scene{
		{"failures", []string{lab.VIP4}, failures()},
		{"moves", []string{lab.VIP4}, moves()},
		{"changes", []string{lab.VIP4}, changes()},
		{"many", manyVIPs(), many()},
	}
}

func failures() []event {
	return []event{
		{name: "kill -9, restarted", do: func(_ *testing.T, b *bench) error { return b.lb1.Crash() }, to: lb1s, span: calm},
		{name: "kill -9, never restarted", do: func(_ *testing.T, b *bench) error { return b.lb1.Kill() }, span: forGood,
			undo:  func(_ *testing.T, b *bench) error { return b.lb1.Restart() },
			limit: limit{two: leased}, fault: 2 * interval},
		{name: "SIGSTOP for 5 s, then on", do: freeze, to: lb1s, span: calm, quiet: silence, limit: limit{two: leased}},
		{name: "silent partition, healed after 8 s", do: partition, to: lb1s, span: calm, healed: true, limit: limit{two: yields}},
	}
}

func moves() []event {
	planned := limit{two: handOver}
	return []event{
		{name: "nothing, for 3 s", do: nothing, to: lb1s, span: quietTime},
		{name: "stop", do: stop, to: lb2s, span: calm, limit: planned},
		{name: "the better node returns", do: start, to: lb1s, span: calm, limit: planned},
		{name: "`resign`", do: ordered("resign", "web"), to: lb2s, span: calm, onlyVipd: true, limit: planned},
		{name: "`resign --undo`", do: ordered("resign", "--undo", "web"), to: lb1s, span: calm, onlyVipd: true, limit: planned},
		{name: "`maintenance on`", do: ordered("maintenance", "on"), to: lb2s, span: calm, onlyVipd: true, limit: planned},
		{name: "`maintenance off`", do: ordered("maintenance", "off"), to: lb1s, span: calm, onlyVipd: true, limit: planned},
	}
}

func changes() []event {
	more, less := settings{priority: better, vips: []string{lab.VIP4, "192.0.2.101/24"}}, settings{priority: better, vips: []string{lab.VIP4}}
	return []event{
		{name: "upgrade of the binary", do: upgrade, to: lb1s, span: calm},
		{name: "reload adding an address, on both nodes", do: reloadBoth(more), to: lb1s, span: calm, undo: reloadBoth(less)},
		{name: "reload with a priority below the other's", do: reload(settings{priority: worse, vips: []string{lab.VIP4}}), to: lb2s, span: calm,
			limit: limit{two: handOver}},
		{name: "reload with the old priority", do: reload(less), to: lb1s, span: calm, limit: limit{two: handOver}},
		{name: "address deleted by hand", do: deleteVIP, to: lb1s, span: calm, limit: limit{lost: restored}},
		{name: "reload with a bad file", do: reload(settings{priority: better, vips: []string{lab.VIP4}, broken: true}), span: refused,
			undo: reload(less), fault: interval / 2},
	}
}

// many is a router with a hundred addresses.
func many() []event {
	return []event{
		{name: "stop, 100 addresses", do: stop, to: lb2s, span: calm, limit: limit{two: handOver}},
		{name: "the better node returns, 100 addresses", do: start, to: lb1s, span: calm, limit: limit{two: handOver}},
	}
}

func manyVIPs() []string {
	vips := []string{lab.VIP4}
	for i := range 99 {
		vips = append(vips, fmt.Sprintf("192.0.2.%d/24", 101+i))
	}
	return vips
}

func nothing(*testing.T, *bench) error       { return nil }
func stop(_ *testing.T, b *bench) error      { return b.lb1.Stop() }
func start(_ *testing.T, b *bench) error     { return b.lb1.Restart() }
func upgrade(t *testing.T, b *bench) error   { return b.lb1.Upgrade(labtest.Patient(t)) }
func deleteVIP(_ *testing.T, b *bench) error { return b.lb1.deleteVIP(b.vips[0]) }

func freeze(_ *testing.T, b *bench) error {
	if err := signal(b.lb1, syscall.SIGSTOP); err != nil {
		return err
	}
	<-time.After(frozen)
	return signal(b.lb1, syscall.SIGCONT)
}

func partition(_ *testing.T, b *bench) error {
	if err := b.split(true); err != nil {
		return err
	}
	<-time.After(partitioned)
	return b.split(false)
}

// reload gives lb1 other settings.
func reload(s settings) action {
	return func(t *testing.T, b *bench) error { return b.lb1.Reload(labtest.Patient(t), s) }
}

// reloadBoth gives both nodes other addresses, and leaves their priorities.
func reloadBoth(s settings) action {
	return func(t *testing.T, b *bench) error {
		others := settings{priority: other, vips: s.vips}
		return errors.Join(b.lb1.Reload(labtest.Patient(t), s), b.lb2.Reload(labtest.Patient(t), others))
	}
}
