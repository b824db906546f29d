// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"slices"
	"syscall"
	"testing"
	"time"
)

// action does something to a service.
type action func(t *testing.T)

// limits say which kinds take an event for a failure, and how soon at the latest.
type limits map[*kind]time.Duration

// event is something that happens to the service on the Active, and its way back.
type event struct {
	name   string
	before action // what must be there, if anything
	do     action // returns as soon as it has happened
	undo   action // nil: nothing is to be undone
	well   bool   // nothing is wrong: who sees nothing is right
	sees   limits
	may    []*kind // which may see it or not, by chance
	only   *kind   // who alone sees it: slow; it concerns no other
	span   time.Duration
}

const (
	// Of the checks: as in real life, but shorter.
	interval = 300 * time.Millisecond
	timeout  = 300 * time.Millisecond
	fall     = 2

	// slow is how long a failure that is counted may take.
	slow = (interval + timeout) * fall
	// next is how long one may take that the next probe is sure of.
	next = interval + timeout
	// atOnce is how long a death may take on a busy machine; the figures have the real one.
	atOnce = 50 * time.Millisecond
	// lasting is slow, from the beginning of something that takes its time.
	lasting = slow + 300*time.Millisecond
	// graceful is how long a death may take that a restart is waited for.
	graceful = grace + next
	grace    = 2 * time.Second

	// gracefulSpan is how long such an event is watched, usualSpan is for any other.
	gracefulSpan = graceful + 200*time.Millisecond + httpTimeout
	usualSpan    = slow + 200*time.Millisecond + httpTimeout

	// softStop is an event of HAProxy and of nginx, which they do not do in the same way.
	softStop = "soft stop, a client is still connected"
)

// expected is what a kind is to make of an event.
type expected int

const (
	toFail  expected = iota + 1 // a failure
	toPass                      // none, and rightly so
	blind                       // none, wrongly: it can't see it
	either                      // one or none
	foreign                     // it does not concern the kind
)

// expects tells what a kind is to make of the event.
func (e event) expects(k *kind) expected {
	switch {
	case e.limit(k) != 0:
		return toFail
	case slices.Contains(e.may, k):
		return either
	case e.only != nil:
		return foreign
	case e.well:
		return toPass
	}
	return blind
}

// limit is how soon a kind must take the event for a failure; 0: it need not.
func (e event) limit(k *kind) time.Duration {
	if k == e.only {
		return slow
	}
	return e.sees[k]
}

// underBoth are the events that HAProxy and nginx have in common.
func underBoth(s *service) []event {
	hangs := limits{haproxy: slow, haproxyListener: slow, haproxyMaster: slow, haproxyGrace: slow, nginx: slow, web: slow, tls: slow}
	return []event{
		{name: "killed", do: s.crash, undo: s.revive, span: gracefulSpan,
			sees: limits{haproxy: atOnce, haproxyListener: atOnce, haproxyMaster: atOnce, haproxyGrace: graceful, nginx: atOnce, process: atOnce,
				web: slow, tcp: slow, tls: slow}, may: []*kind{killall}}, // it takes a zombie for a process
		{name: "wedged (SIGSTOP)", do: s.signalWorker(syscall.SIGSTOP), undo: s.signalWorker(syscall.SIGCONT), sees: hangs},
		// A master that loads answers nobody: on a busy machine longer than two probes wait.
		{name: "ten reloads", do: s.reloadTimes(10), well: true, may: []*kind{haproxyMaster}},
		{name: "restarted in place", do: s.restart, undo: s.serves, well: true,
			sees: limits{haproxy: atOnce, haproxyListener: atOnce, haproxyMaster: atOnce, process: atOnce},
			may:  []*kind{nginx, web, tcp, tls, killall}},
		{name: "all connections held", before: s.holdMost, do: s.fill, undo: s.release, sees: limits{haproxyListener: lasting, nginx: lasting, web: lasting, tls: lasting}},
		{name: "no file descriptor left", do: s.permit(3), undo: s.permit(descriptors), sees: hangs},
		{name: "its listener removed, by a reload", do: s.reloadWith(settings{elsewhere: true}), undo: s.settle,
			sees: limits{haproxyListener: lasting, nginx: lasting, web: lasting, tcp: lasting, tls: lasting}},
		{name: "answers after 500 ms", do: s.reloadWith(settings{backend: backend}), undo: s.settle,
			sees: limits{haproxyListener: lasting, nginx: lasting, web: lasting}},
		{name: "its backend gone: 502, 503", do: s.reloadWith(settings{backend: nowhere}), undo: s.settle,
			sees: limits{haproxyListener: lasting, nginx: lasting, web: lasting}},
	}
}

// nowhere is where nobody listens.
const nowhere = "127.0.0.1:9"
