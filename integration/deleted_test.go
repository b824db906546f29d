// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
)

// Somebody deletes the VIP again and again: it is put back each time without an election,
// one line names the likely culprit, and so does the status, as long as it goes on.
func TestDeletedAgainAndAgain(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{"physical MAC": "", "virtual MAC": "  virtual_mac: true\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := runBoth(t, quick, more)
			p := watch(t, s)
			p.quiet(t, s.lb1, steady)
			const times = 5
			windows := []window{p.see(t, s, func() error {
				for range times {
					gone, err := s.lb1.deleteVIP(t)
					if err != nil {
						return err
					}
					t.Logf("the VIP is back after %v", gone)
				}
				return nil
			}, s.lb1)}
			result := p.judge(t, windows)
			t.Logf("lost 1 ms probes of %d deletions: %s", times, lost(result))
			if result[0].lost > 10*times {
				t.Errorf("%d probes lost", result[0].lost)
			}
			labtest.Await(t, func() error { return logged(s.lb1, "somebody deletes the addresses again and again") })
			status, err := s.lb1.status()
			labtest.Must(t, err)
			r := status.Routers[0]
			if r.Counters.Deletions != times || r.Counters.BecameActive != 1 || !strings.Contains(r.DeletedByOthers, "look for a script or an agent") {
				t.Errorf("status %+v", r)
			}
			for _, line := range []string{"somebody else deleted are put back", "again and again"} {
				if got := s.lb1.times(t, line); got != 1 {
					t.Errorf("%q is in the log %d times, want 1", line, got)
				}
			}
			if got := s.lb1.command(t, "status", "--config", s.lb1.configFile()); got.code != 0 || !strings.Contains(got.stdout, "deletes the addresses again and again") {
				t.Errorf("%+v", got)
			}
		})
	}
}

// Somebody deletes the VIP whenever it is there: that does not move it, and it is there
// again within a second of the last time.
func TestDeletedEndlessly(t *testing.T) {
	t.Parallel()
	s := run(t, quick, haproxy)
	before := elections(t, s)
	deleted := 0
	for begin := time.Now(); time.Since(begin) < calm; {
		err := s.lb1.deleteOnce()
		if err == nil {
			deleted++
		} else if !errors.Is(err, unix.EADDRNOTAVAIL) {
			t.Fatal(err)
		}
	}
	t.Logf("the VIP was deleted %d times in %v", deleted, calm)
	if deleted > 25*int(calm/time.Second+1) { // 20 times a second, and what a renewal puts back
		t.Errorf("put back %d times in %v", deleted, calm)
	}
	last := time.Now()
	labtest.Await(t, func() error { return s.look(s.lb1) })
	t.Logf("and it is back after %v", time.Since(last))
	if took := time.Since(last); took > time.Second+reaction {
		t.Errorf("back after %v", took)
	}
	if after := elections(t, s); after != before {
		t.Errorf("elections of lb1, lb2: %v, before %v", after, before)
	}
}

// deleteVIP deletes the IPv4 VIP, wherever it is, and returns how long it was gone.
func (n *node) deleteVIP(t *testing.T) (time.Duration, error) {
	start := time.Now()
	if err := n.deleteOnce(); err != nil {
		return 0, err
	}
	for ctx := labtest.Patient(t); ctx.Err() == nil; {
		if owns, err := n.owns(); owns || err != nil {
			return time.Since(start), err
		}
	}
	return 0, errors.New("the VIP does not come back")
}

// deleteOnce deletes the IPv4 VIP; EADDRNOTAVAIL when it is not there.
func (n *node) deleteOnce() error {
	found, err := n.addresses()
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return unix.EADDRNOTAVAIL
	}
	link, err := n.host.Handle().LinkByIndex(found[0].LinkIndex)
	if err != nil {
		return fmt.Errorf("find the VIP's interface: %w", err)
	}
	return n.host.Handle().AddrDel(link, &netlink.Addr{IPNet: found[0].IPNet})
}
