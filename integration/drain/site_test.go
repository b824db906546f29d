// SPDX-License-Identifier: Apache-2.0

package drain_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vipd/api"
	"vipd/daemon"
	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// off and long are values of `drain`.
const (
	off  = "off"
	long = "10m"
)

var vips = []netip.Prefix{netip.MustParsePrefix(lab.VIP4), netip.MustParsePrefix(lab.VIP6)}

// node is a load balancer: a proxy, the application behind it, and vipd.
type node struct {
	*lab.Host
	*lab.Vipd
}

// site is a client and load balancers, of which the first one has the highest priority.
type site struct {
	*lab.Site
	nodes []*node
}

// settings are what changes in the configuration.
type settings struct {
	drain     string
	interval  string // empty: 200ms
	addresses string // more of them, after a comma
	more      string // lines of the router
	alone     bool   // no other scene runs: vipd is a real-time process, as by default
}

// flags are for `vipd run`. Of many real-time processes on two processors, each may have
// to wait a tenth of a second for every other one (SCHED_RR), and with it the kernel's
// work queues.
func (c settings) flags() []string { return []string{fmt.Sprintf("--realtime=%v", c.alone)} }

// run lays out a site of two or three nodes, and waits until lb1 is Active.
func run(t *testing.T, nodes int, drain string) *site {
	t.Helper()
	return runWith(t, nodes, settings{drain: drain, alone: true}, func(*lab.Site) {})
}

// runWith is run with more settings, and with what is to be prepared before vipd starts.
func runWith(t *testing.T, nodes int, c settings, prepare func(*lab.Site)) *site {
	t.Helper()
	l, err := lab.NewSite()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, l.Close()) })
	prepare(l)
	s := &site{Site: l}
	hosts := []*lab.Host{l.LB1, l.LB2}
	if nodes == 3 {
		lb3, err := l.AddHost("lb3", 13)
		labtest.Must(t, err)
		hosts = append(hosts, lb3)
	}
	for _, host := range hosts {
		s.nodes = append(s.nodes, start(t, host, c))
	}
	labtest.Await(t, func() error { return s.active(s.nodes[0]) })
	return s
}

// start starts all that a load balancer needs.
func start(t *testing.T, host *lab.Host, c settings) *node {
	t.Helper()
	n := &node{Host: host}
	_, err := lab.StartBackend(host.Namespace)
	labtest.Must(t, err)
	proxy, err := lab.StartProxy(host.Namespace, host.Dir)
	labtest.Must(t, err)
	t.Cleanup(func() { proxy.Kill() })
	labtest.Must(t, os.WriteFile(n.file("vipd.yaml"), []byte(n.config(c)), 0o600))
	n.Vipd, err = lab.StartVipd(host.Namespace, program(), n.file("vipd.yaml"), n.file("vipd.log"), c.flags()...)
	labtest.Must(t, err)
	t.Cleanup(func() {
		n.Vipd.Kill()
		if t.Failed() {
			t.Logf("the log of vipd on %s ends with:\n%s", host.Name(), n.LogTail())
		}
	})
	return n
}

func (n *node) file(name string) string { return filepath.Join(n.Dir, name) }

func (n *node) config(c settings) string {
	return fmt.Sprintf(`node: %s
api: %q
routers:
- name: web
  interface: %s
  vrid: 51
  priority: {lb1: 254, lb2: 253, lb3: 252}
  advert_interval: %s
  drain: %s
  addresses: [%v, "%v"%s]
%s`, n.Host.Name(), n.file("vipd.sock"), lab.Interface, cmp.Or(c.interval, "200ms"), c.drain, vips[0], vips[1], c.addresses, c.more)
}

// routers are the states of both families.
func (n *node) routers() ([]daemon.RouterStatus, error) {
	status, _, err := api.Status(context.Background(), n.file("vipd.sock"))
	if err == nil && len(status.Routers) != len(vips) {
		err = fmt.Errorf("%s has %d routers", n.Host.Name(), len(status.Routers))
	}
	return status.Routers, err
}

// active tells what is wrong with a site on which a node alone is Active. The others may
// drain.
func (s *site) active(want *node) error {
	for _, n := range s.nodes {
		routers, err := n.routers()
		if err != nil {
			return err
		}
		for _, r := range routers {
			if (r.State == "active") != (n == want) || n == want && r.Phase != "" {
				return fmt.Errorf("%s is in the state %s %s (%s)", n.Host.Name(), r.State, r.Phase, r.Reason)
			}
		}
	}
	return nil
}

// settled tells what is wrong with a site on which a node is Active, and nothing is left
// of those before it.
func (s *site) settled(want *node) error {
	if err := s.active(want); err != nil {
		return err
	}
	for _, n := range s.nodes {
		routers, err := n.routers()
		if err != nil {
			return err
		}
		for _, r := range routers {
			if r.Phase != "" || r.Passing != nil {
				return fmt.Errorf("%s is in the phase %q and passes on %+v", n.Host.Name(), r.Phase, r.Passing)
			}
		}
		if err := n.has(n == want); err != nil {
			return err
		}
	}
	return nil
}

// has tells what is wrong with a node that has the addresses, or has none of them.
func (n *node) has(want bool) error {
	for _, vip := range vips {
		found, err := n.Addresses(vip.Addr())
		if err != nil {
			return err
		}
		if (len(found) == 1) != want || len(found) > 1 {
			return fmt.Errorf("%s has %v, want any: %v", n.Host.Name(), found, want)
		}
	}
	return nil
}

// command has vipd on a node do something.
func (n *node) command(t *testing.T, arguments ...string) {
	t.Helper()
	if answer, err := n.Command(labtest.Patient(t), arguments...); err != nil {
		t.Fatalf("%v: %v", strings.TrimSpace(answer), err)
	}
}

// move moves the addresses: away from lb1 to lb2, or back.
func (s *site) move(t *testing.T, away bool) {
	t.Helper()
	to, arguments := s.nodes[0], []string{"resign", "--undo", "web"}
	if away {
		to, arguments = s.nodes[1], []string{"resign", "web"}
	}
	s.nodes[0].command(t, arguments...)
	labtest.Await(t, func() error { return s.active(to) })
}

// showStatus puts into the document what both nodes say in the middle of a drain.
func (s *site) showStatus(t *testing.T) {
	t.Helper()
	if document() == "" {
		return
	}
	labtest.Await(t, func() error { return s.nodes[0].counted() })
	says := "```\n"
	for _, n := range s.nodes {
		text, err := n.Command(labtest.Patient(t), "status")
		labtest.Must(t, err)
		says += n.Host.Name() + "# vipd status\n" + text + "\n"
	}
	fill(t, "status", strings.TrimSuffix(says, "\n")+"```\n")
}

// counted tells what is wrong with a node that shall know how many connections are left.
func (n *node) counted() error {
	routers, err := n.routers()
	for _, r := range routers {
		if r.Draining == nil || r.Draining.Connections == nil {
			err = errors.Join(err, fmt.Errorf("%s has not counted", n.Host.Name()))
		}
	}
	return err
}
