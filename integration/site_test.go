// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vipd/integration/lab"
)

const ifname = "eth0"

var (
	vip       = netip.MustParsePrefix("192.0.2.100/24")
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

// site is two load balancers and a client on a switch.
type site struct {
	election election
	dir      string
	lan      *lab.Switch
	client   *lab.Namespace
	lb1, lb2 *node
}

// service starts what the load balancers run, and says how vipd checks it.
type service func(n *lab.Namespace, dir string) (lab.WebServer, string, error)

func haproxy(n *lab.Namespace, dir string) (lab.WebServer, string, error) {
	h, err := lab.StartHAProxy(n, dir)
	if err != nil {
		return nil, "", err
	}
	return h, fmt.Sprintf("haproxy: {socket: %q}", h.Socket()), nil
}

func nginx(n *lab.Namespace, dir string) (lab.WebServer, string, error) {
	x, err := lab.StartNginx(n, dir)
	if err != nil {
		return nil, "", err
	}
	return x, fmt.Sprintf("nginx: {pid_file: %q, url: %q}", x.PIDFile(), x.URL()), nil
}

// build lays out a site on which the service runs, and vipd does not yet.
func build(t *testing.T, e election, serve service) *site {
	t.Helper()
	s := &site{election: e, dir: tempDir(t)}
	var err error
	s.lan, err = lab.NewSwitch()
	must(t, err)
	t.Cleanup(func() { s.lan.Close() })
	s.client = newHost(t, "client")
	_, err = s.lan.Plug(s.client, ifname, clientNet.String())
	must(t, err)
	s.lb1, s.lb2 = s.addNode(t, "lb1", serve), s.addNode(t, "lb2", serve)
	return s
}

// run lays out a site, and waits until lb1 is Active.
func run(t *testing.T, e election, serve service) *site {
	t.Helper()
	s := build(t, e, serve)
	s.lb1.startVipd(t)
	s.lb2.startVipd(t)
	await(t, func() error { return s.look(s.lb1) })
	return s
}

// tempDir is short: the name of a UNIX socket must fit into 107 bytes.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vipd-test-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func newHost(t *testing.T, name string) *lab.Namespace {
	t.Helper()
	host, err := lab.NewNamespace(name)
	must(t, err)
	t.Cleanup(func() { host.Close() })
	return host
}

func (s *site) addNode(t *testing.T, name string, serve service) *node {
	t.Helper()
	n := &node{host: newHost(t, name), dir: filepath.Join(s.dir, name), webUp: true}
	must(t, os.Mkdir(n.dir, 0o700))
	var err error
	n.cable, err = s.lan.Plug(n.host, ifname, networks[name].String())
	must(t, err)
	n.web, n.check, err = serve(n.host, n.dir)
	must(t, err)
	t.Cleanup(func() { n.web.Kill() })
	n.configure(t, n.config(s.election, ifname))
	return n
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
