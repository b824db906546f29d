// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// calm is how long is looked whether something stays as it is: many adverts, and
// several Active_Down_Intervals.
const calm = 2 * time.Second

func TestInterfaceComesAndGoes(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	s.lb1.configure(t, s.lb1.config(quick, "eth1"))
	s.lb1.startVipd(t)
	for range 2 {
		awaitFault(t, s.lb1, "interface-missing")
		_, err := s.lan.Plug(s.lb1.host.Namespace, "eth1", "192.0.2.21/24")
		labtest.Must(t, err)
		labtest.Await(t, func() error { return errors.Join(s.lb1.is("active"), s.lb1.look(true)) })
		if got := s.lb1.command(t, "status", "--config", s.lb1.configFile()); got.code != 0 {
			t.Errorf("active: %+v", got)
		}
		link, err := s.lb1.host.Handle().LinkByName("eth1")
		labtest.Must(t, err)
		labtest.Must(t, s.lb1.host.Handle().LinkDel(link))
	}
	awaitFault(t, s.lb1, "interface-missing")
	mustRun(t, s.lb1)
}

// awaitFault waits until a node says that it may not run, and why.
func awaitFault(t *testing.T, n *node, why string) {
	t.Helper()
	labtest.Await(t, func() error {
		r, err := n.router()
		if err == nil && !strings.Contains(strings.Join(r.Blocked, " "), why) {
			err = fmt.Errorf("is in the state %s, blocked by %v", r.State, r.Blocked)
		}
		return err
	})
	got := n.command(t, "status", "--config", n.configFile())
	if got.code != 1 || !strings.Contains(got.stdout, "fault") || !strings.Contains(got.stdout, why) {
		t.Errorf("status in a fault: %+v", got)
	}
	if got := n.command(t, "status", "--json", "--config", n.configFile()); got.code != 1 || !strings.Contains(got.stdout, why) {
		t.Errorf("status as JSON in a fault: %+v", got)
	}
}

// A node whose service does not run never sends an advert, because the other one is
// better from the start.
func TestServiceDeadFromTheStart(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	c := startCapture(t, s.client)
	labtest.Must(t, s.lb1.web.Kill())
	s.lb1.startVipd(t)
	s.lb2.startVipd(t)
	labtest.Await(t, func() error { return s.look(s.lb2) })
	labtest.Throughout(t, calm, func() error { return s.look(s.lb2) })
	if adverts := matching(c, advertOf(s.lb1, time.Time{})); len(adverts) > 0 {
		t.Errorf("lb1 has sent %d adverts, the first with priority %d", len(adverts), adverts[0].Priority)
	}
}

func TestNobodyServes(t *testing.T) {
	t.Parallel()
	t.Run("the Backup's service dies first", func(t *testing.T) {
		s := run(t, quick, haproxy)
		labtest.Must(t, errors.Join(s.lb2.web.Kill(), s.lb1.web.Kill()))
		stays(t, s, s.lb1)
	})
	t.Run("the Active's service dies first", func(t *testing.T) {
		s := run(t, quick, haproxy)
		labtest.Must(t, s.lb1.web.Kill())
		labtest.Await(t, func() error { return s.look(s.lb2) })
		labtest.Must(t, s.lb2.web.Kill())
		stays(t, s, s.lb2)
	})
	t.Run("on the only node", func(t *testing.T) {
		s := build(t, quick, haproxy)
		labtest.Must(t, s.lb1.web.Kill())
		s.lb1.startVipd(t)
		labtest.Await(t, func() error { return s.look(s.lb1) })
		stays(t, s, s.lb1)
	})
}

// stays tells whether the VIP stays where it is, at the lowest priority.
func stays(t *testing.T, s *site, n *node) {
	t.Helper()
	labtest.Await(t, func() error {
		r, err := n.router()
		if err == nil && r.Priority != 1 {
			err = fmt.Errorf("has the priority %d", r.Priority)
		}
		return err
	})
	labtest.Throughout(t, calm, func() error { return s.look(n) })
}

// An address that the administrator set is not touched, not even at the end.
func TestForeignAddress(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	link, err := s.lb1.host.Handle().LinkByName(ifname)
	labtest.Must(t, err)
	address, err := netlink.ParseAddr(vip.String())
	labtest.Must(t, err)
	labtest.Must(t, s.lb1.host.Handle().AddrAdd(link, address))
	before, err := s.lb1.addresses()
	labtest.Must(t, err)

	s.lb1.startVipd(t)
	awaitFault(t, s.lb1, "address-failed")
	labtest.Throughout(t, calm, func() error { return s.lb1.is("initialize") })
	labtest.Must(t, s.lb1.vipd.Stop())
	after, err := s.lb1.addresses()
	labtest.Must(t, err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the address (-before +after):\n%s", diff)
	}
	if permanent := 1<<32 - 1; len(after) != 1 || after[0].ValidLft != permanent {
		t.Errorf("addresses %+v, want one that is permanent", after)
	}
}

// An address of ours that somebody deletes is put back, without an election.
func TestDeletedAddressComesBack(t *testing.T) {
	t.Parallel()
	s := run(t, defaults, haproxy)
	p := watch(t, s)
	c := startCapture(t, s.client)
	p.steady(t, time.Now(), s.lb1, steady)
	before, windows := elections(t, s), []window(nil)
	for range repetitions {
		var gone time.Duration
		windows = append(windows, p.see(t, s, func() (err error) {
			gone, err = s.lb1.deleteVIP(t)
			return err
		}, s.lb1))
		t.Logf("ip addr del: the VIP is back after %v", gone)
	}
	result := p.judge(t, windows)
	t.Logf("ip addr del: outages %v, lost UDP probes %s", spreadOf(result, seen.theOutage), lost(result))
	if mostlyOver(result, reaction) {
		t.Errorf("outages %v, limit %v", spreadOf(result, seen.theOutage), reaction)
	}
	if after := elections(t, s); after != before {
		t.Errorf("elections of lb1, lb2: %v, before %v", after, before)
	}
	if adverts := matching(c, func(p lab.Packet) bool { return p.Kind == lab.Advert && p.Source != s.lb1.address() }); len(adverts) > 0 {
		t.Errorf("others have sent adverts: %v", adverts)
	}
}

// elections are how often each node became Active.
func elections(t *testing.T, s *site) (won [2]uint64) {
	t.Helper()
	for i, n := range []*node{s.lb1, s.lb2} {
		r, err := n.router()
		labtest.Must(t, err)
		won[i] = r.Counters.BecameActive
	}
	return won
}
