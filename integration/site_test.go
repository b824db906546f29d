// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	ifname  = lab.Interface
	haproxy = "haproxy"
	nginx   = "nginx"
)

var (
	vip       = netip.MustParsePrefix(lab.VIP4)
	clientNet = netip.MustParsePrefix("192.0.2.1/24")
	networks  = map[string]netip.Prefix{
		"lb1": netip.MustParsePrefix("192.0.2.11/24"),
		"lb2": netip.MustParsePrefix("192.0.2.12/24"),
	}
)

// election is what decides who is Active, and when.
type election struct {
	better, other uint8 // the priorities of lb1 and lb2
	interval      time.Duration
}

// defaults are the priorities that the examples use, usual the ones that people
// are used to, and quick is for tests that don't measure.
var (
	defaults = election{254, 253, time.Second}
	usual    = election{100, 90, time.Second}
	quick    = election{254, 253, 200 * time.Millisecond}
)

func (e election) String() string { return fmt.Sprintf("%d/%d", e.better, e.other) }

// skew is Skew_Time of lb2 (RFC 9568 §6.1).
func (e election) skew() time.Duration { return e.interval * time.Duration(256-int(e.other)) / 256 }

// silence is Active_Down_Interval of lb2 (RFC 9568 §6.1).
func (e election) silence() time.Duration { return 3*e.interval + e.skew() }

// asking is how long lb2 takes to learn that lb1's host is gone, once an advert is
// overdue: a margin of 40 ms, and ten questions.
const asking = 240 * time.Millisecond

// lost is how long lb2 waits for adverts of a host that is gone.
func (e election) lost() time.Duration { return e.interval + asking + e.skew() }

// site is two load balancers and a client on a switch.
type site struct {
	election election
	lab      *lab.Site
	lan      *lab.Switch
	client   *lab.Namespace
	lb1, lb2 *node
}

// build lays out a site on which a web server runs, and vipd does not yet.
func build(t *testing.T, e election, web string) *site {
	t.Helper()
	l, err := lab.NewSite()
	labtest.Must(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &site{election: e, lab: l, lan: l.LAN, client: l.Client.Namespace}
	s.lb1, s.lb2 = newNode(t, l.LB1, e, web), newNode(t, l.LB2, e, web)
	return s
}

// run lays out a site, and waits until lb1 is Active.
func run(t *testing.T, e election, web string) *site {
	t.Helper()
	s := build(t, e, web)
	s.lb1.startVipd(t)
	s.lb2.startVipd(t)
	labtest.Await(t, func() error { return s.look(s.lb1) })
	return s
}

// look tells what is wrong with a site on which a node alone has the VIP.
func (s *site) look(want *node) error {
	for _, n := range []*node{s.lb1, s.lb2} {
		if err := n.look(n == want); err != nil {
			return fmt.Errorf("%s %w", n.host.Name(), err)
		}
	}
	return nil
}
