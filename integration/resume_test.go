// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// restartPause is what a supervisor takes to start a daemon again: systemd's RestartSec,
// the check of the configuration, and some load.
const restartPause = 200 * time.Millisecond

// brisk has adverts too frequent to resume after a crash. A hand-off is promised from
// 200 ms up, where 250 ms are left for the restart: too little beside other tests.
var brisk = election{254, 253, 400 * time.Millisecond}

// crash kills a node's vipd, and starts it again after a while.
func (n *node) crash(after time.Duration) error {
	if err := n.vipd.Kill(); err != nil {
		return err
	}
	<-time.After(after)
	return n.vipd.Restart()
}

// stayed judges that a client and the Backup noticed nothing.
func stayed(t *testing.T, s *site, p probes, c *lab.Capture, windows []window) {
	t.Helper()
	t.Logf("lost 1 ms probes: %s", lost(p.judge(t, windows)))
	for _, got := range p.judge(t, windows) {
		if got.lost > 0 {
			t.Errorf("%d probes lost", got.lost)
		}
	}
	for _, packet := range matching(c, advertOf(s.lb2, windows[0].from)) {
		t.Errorf("the standby has moved: %v", packet)
	}
}

// A vipd that is killed and restarted goes on as if nothing had happened.
func TestResume(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{"physical MAC": "", "virtual MAC": "  virtual_mac: true\n", "preempt off": "  preempt: false\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := runBoth(t, defaults, more)
			p, c := watch(t, s), startCapture(t, s.client)
			p.quiet(t, s.lb1, steady)
			var windows []window
			for range repetitions {
				windows = append(windows, p.see(t, s, func() error { return s.lb1.crash(restartPause) }, s.lb1))
			}
			windows = append(windows, p.see(t, s, func() error {
				err := s.lb1.crash(restartPause)
				labtest.Await(t, func() error { return s.lb1.look(true) })
				return errors.Join(err, s.lb1.crash(restartPause))
			}, s.lb1))
			labtest.Throughout(t, 4*time.Second, func() error { return s.look(s.lb1) })
			windows = append(windows, window{windows[0].from, p.last(t)})
			stayed(t, s, p, c, windows)
			if got := s.lb1.times(t, "reason=resumed "); got != 2*(repetitions+2) {
				t.Errorf("resumed %d times, want %d, of two families", got, 2*(repetitions+2))
			}
		})
	}
}

// A vipd that hands off leaves everything to the next one.
func TestHandOff(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{"physical MAC": "", "virtual MAC": "  virtual_mac: true\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := runBoth(t, brisk, more)
			p, c := watch(t, s), startCapture(t, s.client)
			p.quiet(t, s.lb1, steady)
			var windows []window
			for range repetitions {
				windows = append(windows, p.see(t, s, func() error {
					if got := s.lb1.command(t, "handoff", "--config", s.lb1.configFile()); got.code != 0 {
						return fmt.Errorf("handoff: %+v", got)
					}
					if err := s.lb1.owning(true); err != nil {
						return err
					}
					<-time.After(restartPause)
					return s.lb1.vipd.Restart()
				}, s.lb1))
			}
			stayed(t, s, p, c, windows)
			if got := s.lb1.times(t, "reason=resumed "); got != 2*repetitions {
				t.Errorf("resumed %d times, want %d, of two families", got, 2*repetitions)
			}
		})
	}
}

// What must not be resumed is not: the other node, or whoever has the address, is let be.
func TestNothingToResume(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		crash  func(t *testing.T, s *site) error
		reason string // in the log
	}{
		"the other node has taken over": {
			func(t *testing.T, s *site) error {
				labtest.Must(t, s.lb1.vipd.Kill())
				labtest.Await(t, func() error { return s.lb1.owning(false) }) // by its lease
				return s.lb1.vipd.Restart()
			}, "it is not there",
		},
		"an address was added": {
			func(t *testing.T, s *site) error {
				labtest.Must(t, s.lb1.vipd.Kill())
				s.lb1.configure(t, strings.Replace(s.lb1.config(s.election, ifname), lab.VIP4, lab.VIP4+", 192.0.2.101/24", 1))
				return s.lb1.vipd.Restart()
			}, "192.0.2.101/32 on interface eth0",
		},
		"it was releasing": {
			func(t *testing.T, s *site) error {
				labtest.Must(t, s.lb2.vipd.Kill()) // or it would be over at once
				labtest.Must(t, s.lb1.vipd.Signal(syscall.SIGTERM))
				labtest.Await(t, func() error { return s.lb1.tagged(leavingTag) })
				err := s.lb1.crash(0)
				return errors.Join(err, s.lb2.vipd.Restart())
			}, "it was being released",
		},
		"it was stopped": {
			func(t *testing.T, s *site) error { return errors.Join(s.lb1.vipd.Stop(), s.lb1.vipd.Restart()) }, "it is not there",
		},
		"another host has the address": {
			func(t *testing.T, s *site) error {
				labtest.Must(t, s.lb1.vipd.Kill())
				thief, err := s.lab.AddHost("thief", 30)
				labtest.Must(t, err)
				link, err := thief.Handle().LinkByName(ifname)
				labtest.Must(t, err)
				address, err := netlink.ParseAddr(vip.Addr().String() + "/32")
				labtest.Must(t, err)
				labtest.Must(t, thief.Handle().AddrAdd(link, address))
				t.Cleanup(func() { _ = thief.Handle().AddrDel(link, address) })
				return s.lb1.vipd.Restart()
			}, "reason=resumed-too-late",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := run(t, defaults, haproxy)
			c := startCapture(t, s.client)
			said := s.lb1.times(t, row.reason) // at the first start, too
			labtest.Must(t, row.crash(t, s))
			restarted := time.Now()
			labtest.Await(t, func() error { return s.lb1.is("backup") })
			labtest.Await(t, func() error { return s.lb1.owning(false) })
			if took := time.Since(restarted); took > time.Second {
				t.Errorf("the address is gone after %v", took)
			}
			if s.lb1.times(t, row.reason) == said {
				t.Errorf("the log does not say %q", row.reason)
			}
			if adverts := matching(c, advertOf(s.lb1, restarted)); len(adverts) > 0 {
				t.Errorf("it has said %v", adverts)
			}
		})
	}
}

// Two vipd with different configurations on one host: the restart of one leaves the
// other's addresses alone.
func TestTwoOnOneHost(t *testing.T) {
	t.Parallel()
	s := build(t, defaults, haproxy)
	s.lb1.startVipd(t)
	other := &node{host: s.lb1.host, web: s.lb1.web}
	dir := t.TempDir()
	config := strings.NewReplacer("vrid: 51", "vrid: 52", lab.VIP4, "192.0.2.101/24", s.lb1.socket(), s.lb1.socket()+"2").
		Replace(s.lb1.config(defaults, ifname))
	file := filepath.Join(dir, "vipd.yaml")
	labtest.Must(t, os.WriteFile(file, []byte(config), 0o600))
	var err error
	other.vipd, err = lab.StartVipd(s.lb1.host.Namespace, program(), file, filepath.Join(dir, "vipd.log"))
	labtest.Must(t, err)
	t.Cleanup(func() { other.vipd.Kill() })
	labtest.Await(t, func() error { return s.lb1.is("active") })
	labtest.Await(t, func() error { return logged(other, "to=active") })
	labtest.Await(t, func() error { return s.lb1.owning(true) })
	labtest.Must(t, s.lb1.crash(restartPause))
	labtest.Await(t, func() error { return logged(s.lb1, "reason=resumed ") })
	labtest.Must(t, s.lb1.crash(lease)) // too late to resume
	labtest.Await(t, func() error { return s.lb1.is("backup") })
	found, err := s.lb1.host.Addresses(netip.MustParseAddr("192.0.2.101"))
	labtest.Must(t, err)
	if len(found) != 1 || found[0].Protocol != ourTag {
		t.Errorf("the other's address: %v", found)
	}
	if got := other.times(t, "msg=transition"); got != 2 { // to Backup, to Active
		t.Errorf("the other has moved: %d transitions", got)
	}
}

// ourTag marks what vipd has set, and leavingTag what a releasing vipd leaves behind.
const (
	ourTag     = 112
	leavingTag = 113
)

// tagged tells whether the node's VIP has a tag.
func (n *node) tagged(tag int) error {
	found, err := n.addresses()
	if err != nil {
		return err
	}
	if len(found) != 1 || found[0].Protocol != tag {
		return fmt.Errorf("has %v, want the VIP with the tag %d", found, tag)
	}
	return nil
}

func (n *node) owning(want bool) error {
	owns, err := n.owns()
	if err == nil && owns != want {
		err = fmt.Errorf("has the VIP: %v, want %v", owns, want)
	}
	return err
}

// times counts a text in the node's log.
func (n *node) times(t *testing.T, text string) int {
	t.Helper()
	log, err := os.ReadFile(n.vipd.Log())
	labtest.Must(t, err)
	return bytes.Count(log, []byte(text))
}
