// SPDX-License-Identifier: Apache-2.0

package drain_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// few is how many conversations of a kind a scene needs.
const few = 3

// drains is a site whose lb1 drains some conversations, and whose lb2 serves.
func drains(t *testing.T, c settings) (*site, *load) {
	t.Helper()
	t.Parallel()
	s := runWith(t, 2, c, func(*lab.Site) {})
	l := s.begin(t, few)
	s.move(t, true)
	l.served(t, s.nodes[1])
	l.goOn(t, 3)
	l.unbroken(t)
	return s, l
}

// unbroken wants every conversation to go on.
func (l *load) unbroken(t *testing.T) {
	t.Helper()
	for _, c := range l.talks {
		for _, b := range c.Broken() {
			t.Errorf("%s, %s mode: %+v", c.family, c.mode, b)
		}
	}
}

// isReset waits until every conversation was reset: no client hangs.
func (l *load) isReset(t *testing.T) {
	t.Helper()
	labtest.Await(t, func() error {
		if broken := l.broken(); broken != few*len(l.talks) {
			return fmt.Errorf("%d conversations are broken", broken)
		}
		return nil
	})
	for _, c := range l.talks {
		for _, b := range c.Broken() {
			if b.Reason != "connection reset by peer" {
				t.Errorf("%s, %s mode: %+v", c.family, c.mode, b)
			}
		}
	}
	l.end(t)
}

func TestTimeIsOver(t *testing.T) {
	s, l := drains(t, settings{drain: "3s"})
	l.isReset(t)
	labtest.Await(t, func() error { return s.settled(s.nodes[1]) })
}

func TestOldNodeStops(t *testing.T) {
	s, l := drains(t, settings{drain: long})
	labtest.Must(t, s.nodes[0].Vipd.Stop())
	l.isReset(t)
	labtest.Await(t, func() error { return s.nodes[0].has(false) })
}

func TestOldNodeCrashes(t *testing.T) {
	s, l := drains(t, settings{drain: long})
	labtest.Must(t, s.nodes[0].Vipd.Kill())
	l.isReset(t)
	labtest.Await(t, func() error { return s.nodes[0].has(false) })
}

func TestOldNodeCrashesAndIsBack(t *testing.T) {
	s, l := drains(t, settings{drain: long, more: "  preempt: false\n"})
	labtest.Must(t, s.nodes[0].Vipd.Kill())
	labtest.Must(t, s.nodes[0].Vipd.Restart())
	l.isReset(t)
	labtest.Await(t, func() error { return s.settled(s.nodes[1]) })
}

func TestOldHostDies(t *testing.T) {
	s, l := drains(t, settings{drain: long})
	labtest.Must(t, s.nodes[0].Vanish())
	l.isReset(t)
	labtest.Await(t, func() error {
		routers, err := s.nodes[1].routers()
		for _, r := range routers {
			if r.Passing != nil {
				err = errors.Join(err, fmt.Errorf("passes on to %v", r.Passing.To))
			}
		}
		return err
	})
}

// The new node's vipd is back in time, and goes on passing.
func TestNewNodeCrashesAndIsBack(t *testing.T) {
	s, l := drains(t, settings{drain: long, interval: "1s"})
	labtest.Must(t, s.nodes[1].Vipd.Kill())
	labtest.Must(t, s.nodes[1].Vipd.Restart())
	labtest.Await(t, func() error { return s.active(s.nodes[1]) })
	l.goOn(t, 50)
	l.unbroken(t)
	l.end(t)
	labtest.Await(t, func() error { return s.settled(s.nodes[1]) })
}

// The old node takes over again: its connections are where they were.
func TestNewHostDies(t *testing.T) {
	s, l := drains(t, settings{drain: long})
	labtest.Must(t, s.nodes[1].Vanish())
	l.served(t, s.nodes[0])
	l.goOn(t, 3)
	l.unbroken(t)
	l.end(t)
}

// Each node passes to the one before it; back on the first one, nothing goes round.
func TestThreeNodes(t *testing.T) {
	t.Parallel()
	s := runWith(t, 3, settings{drain: long}, func(*lab.Site) {})
	var loads []*load
	for i := range s.nodes {
		l := s.begin(t, few)
		loads = append(loads, l)
		next, third := s.nodes[(i+1)%3], s.nodes[(i+2)%3]
		third.command(t, "maintenance", "on") // so that it is known who takes over
		s.nodes[i].command(t, "resign", "web")
		l.served(t, next)
		third.command(t, "maintenance", "off")
		for _, l := range loads {
			l.goOn(t, 3)
			l.unbroken(t)
		}
	}
	for i, l := range loads {
		l.end(t)
		l.stayed(t, s.nodes[i])
	}
	labtest.Await(t, func() error { return s.settled(s.nodes[0]) })
}

func TestVariants(t *testing.T) {
	for _, tt := range []struct{ name, more string }{
		{"virtual MAC", "  virtual_mac: true\n"},
		{"unicast", "  unicast: {lb1: [192.0.2.11, \"2001:db8::11\"], lb2: [192.0.2.12, \"2001:db8::12\"], lb3: [192.0.2.13, \"2001:db8::13\"]}\n"},
		{"without a lease", "  lease: off\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := drains(t, settings{drain: long, more: tt.more})
			s.move(t, false)
			l.served(t, s.nodes[0])
			l.goOn(t, 3)
			l.unbroken(t)
			l.end(t)
			labtest.Await(t, func() error { return s.settled(s.nodes[0]) })
		})
	}
}

// The drivers of real interfaces hand several packets over at once.
func TestBatches(t *testing.T) {
	s := runWith(t, 2, settings{drain: long, alone: true}, func(l *lab.Site) {
		for _, host := range []*lab.Host{l.LB1, l.LB2} {
			labtest.Must(t, host.Cable.InBatches(host.Namespace, lab.Interface))
		}
	})
	first := s.begin(t, 25)
	d := s.download(t)
	s.move(t, true)
	first.served(t, s.nodes[1])
	second := s.begin(t, 25)
	for _, away := range []bool{false, true} {
		second.goOn(t, 5)
		s.move(t, away)
	}
	second.goOn(t, 5)
	first.unbroken(t)
	second.unbroken(t)
	if d.Broken() != nil {
		t.Errorf("the download is broken: %+v", d.Broken())
	}
	labtest.Must(t, d.Stop())
	first.end(t)
	second.end(t)
	labtest.Await(t, func() error { return s.settled(s.nodes[1]) })
}

// An address on another interface: its segments come to the old node by the router's own.
func TestOtherInterface(t *testing.T) {
	t.Parallel()
	s := runWith(t, 2, settings{drain: long, addresses: ", {address: 198.51.100.100/24, interface: eth1}"}, func(l *lab.Site) {
		lan, err := lab.NewSwitch()
		labtest.Must(t, err)
		l.OnClose(lan.Close)
		for i, host := range []*lab.Host{l.Client, l.LB1, l.LB2} {
			_, err := lan.Plug(host.Namespace, "eth1", fmt.Sprintf("198.51.100.%d/24", 1+i))
			labtest.Must(t, err)
		}
	})
	c, err := lab.StartConversations(s.Client.Namespace, netip.MustParseAddrPort("198.51.100.100:80"), few, exchangePeriod)
	labtest.Must(t, err)
	s.move(t, true)
	moved := time.Now()
	labtest.Await(t, func() error {
		if n := len(c.Spells(moved)); n < 10 && len(c.Broken()) == 0 {
			return fmt.Errorf("%d tenths of a second", n)
		}
		return nil
	})
	if broken := c.Broken(); len(broken) > 0 {
		t.Errorf("%+v", broken)
	}
	labtest.Must(t, c.Stop())
}
