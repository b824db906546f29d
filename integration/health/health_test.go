// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"testing"
	"time"

	"vipd/integration/lab"
)

const (
	// documented is how often each event happens for the document.
	documented = 5
	// noise is how late anything may be on a busy machine.
	noise = 150 * time.Millisecond
)

// scene is a service, the checks of it, and what happens to it.
type scene struct {
	name  string
	kinds []*kind
	stage func(*testing.T, *bench) []event // starts the services
	asked bool                             // a client asks for all the addresses
}

func scenes() []scene {
	return []scene{
		{"haproxy", []*kind{haproxy, haproxyListener, haproxyMaster, haproxyGrace, web, tcp, tls, process, killall}, stageHAProxy, true},
		{"nginx", []*kind{nginx, web, tcp, tls, process, killall}, stageNginx, true},
		{"other", []*kind{ping, dns, file, script}, stageOthers, false},
	}
}

// TestHealth has everything happen to real services, and compares what each kind of check
// makes of it with what it is said to see.
func TestHealth(t *testing.T) {
	all := &report{}
	t.Run("scenes", func(t *testing.T) {
		for _, scene := range scenes() {
			t.Run(scene.name, func(t *testing.T) {
				t.Parallel()
				scene.play(t, all)
			})
		}
	})
	if document() != "" {
		all.fill(t, document())
	}
}

// play has each event happen to a service, again and again.
func (s scene) play(t *testing.T, all *report) {
	b := newBench(t, s.kinds...)
	events := s.stage(t, b)
	b.run(t, usual)
	var probes []*lab.Probe
	if s.asked {
		probes = b.ask(t)
	}
	n := times(1, documented)
	for i := range n {
		for _, e := range events {
			for j, got := range b.see(t, e, probes, (float64(i)+0.5)/float64(n)) {
				t.Logf("%s: %s: %+v", e.name, s.kinds[j].name, got)
				e.check(t, s.kinds[j], got)
				all.add(trial{s.name, e.name, s.kinds[j], e.expects(s.kinds[j]), got})
			}
		}
	}
}

// check compares what a kind made of an event with what it is said to see.
func (e event) check(t *testing.T, k *kind, got seen) {
	t.Helper()
	switch limit := e.limit(k); e.expects(k) {
	case toFail:
		if !got.failed || got.wire == 0 {
			t.Errorf("%s: %s: no failure, or not told the other node, want one within %v", e.name, k.name, limit)
		}
		if late := max(got.verdict, got.wire); late > limit+noise {
			t.Errorf("%s: %s: seen after %v, limit %v", e.name, k.name, late, limit)
		}
	case toPass, foreign, blind:
		if got.failed || got.wire != 0 {
			t.Errorf("%s: %s: %+v, want nothing seen", e.name, k.name, got)
		}
	}
}
