// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"vipd/integration/lab"
)

const (
	ifname   = "eth0"
	httpPort = 80
)

// vip is the address that the client uses.
var vip = netip.MustParsePrefix("192.0.2.100/24")

// stage is two load balancers and a client on a switch.
type stage struct {
	vipd     string // the program
	service  service
	election election
	steady   time.Duration // how long one node must have served the client at the end of an act
	patience time.Duration // bounds an act: the rise of a check, Active_Down_Interval, a start

	dir      string
	lan      *lab.Switch
	client   *lab.Namespace
	lb1, lb2 *node
	probe    *lab.Probe
	cleanup  []func() error // to be called from the last to the first
}

// build lays out everything and starts it. The stage must be closed, also after an
// error.
func (s *stage) build() (err error) {
	if s.dir, err = os.MkdirTemp("", "vipd-demo-"); err != nil {
		return err
	}
	s.onClose(func() error { return os.RemoveAll(s.dir) })
	if s.lan, err = lab.NewSwitch(); err != nil {
		return err
	}
	s.onClose(s.lan.Close)
	if s.client, _, err = s.plug("client", "192.0.2.1/24"); err != nil {
		return err
	}
	if s.lb1, err = s.addNode("lb1", "192.0.2.11/24"); err != nil {
		return err
	}
	if s.lb2, err = s.addNode("lb2", "192.0.2.12/24"); err != nil {
		return err
	}
	s.probe, err = lab.StartHTTPProbe(s.client, netip.AddrPortFrom(vip.Addr(), httpPort))
	if err != nil {
		return err
	}
	s.onClose(s.probe.Stop)
	return s.probe.Prefer()
}

func (s *stage) onClose(f func() error) { s.cleanup = append(s.cleanup, f) }

// close ends everything and removes it.
func (s *stage) close() error {
	var errs []error
	for _, f := range slices.Backward(s.cleanup) {
		errs = append(errs, f())
	}
	s.cleanup = nil
	return errors.Join(errs...)
}

func (s *stage) plug(name, address string) (*lab.Namespace, *lab.Cable, error) {
	host, err := lab.NewNamespace(name)
	if err != nil {
		return nil, nil, err
	}
	s.onClose(host.Close)
	cable, err := s.lan.Plug(host, ifname, address)
	return host, cable, err
}

// addNode adds a load balancer and starts its programs.
func (s *stage) addNode(name, address string) (*node, error) {
	host, cable, err := s.plug(name, address)
	if err != nil {
		return nil, err
	}
	n := &node{host: host, cable: cable}
	dir := filepath.Join(s.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	web, check, err := s.service.start(host, dir)
	if err != nil {
		return nil, err
	}
	s.onClose(web.Kill)
	n.web, n.webUp = web, true
	config := filepath.Join(dir, "vipd.yaml")
	if err := os.WriteFile(config, []byte(s.config(name, dir, check)), 0o600); err != nil {
		return nil, err
	}
	if n.vipd, err = lab.StartVipd(host, s.vipd, config, filepath.Join(dir, "vipd.log")); err != nil {
		return nil, err
	}
	s.onClose(n.vipd.Stop)
	n.vipdUp = true
	return n, nil
}

// config is vipd's configuration file. The nodes share one file system here, so
// their paths differ; on real nodes the rest is one file for both, too.
func (s *stage) config(name, dir, check string) string {
	return fmt.Sprintf(`node: %s
api: %q
routers:
- name: web
  interface: %s
  vrid: 51
  priority: {lb1: %d, lb2: %d}
  advert_interval: %v
  addresses: [%v]
  checks: [web]
checks:
- name: web
  %s
  interval: 1s
  timeout: 1s
  rise: 2
  fall: 2
  penalty: lowest
`, name, filepath.Join(dir, "vipd.sock"), ifname, s.election.better, s.election.other, s.election.interval, vip, check)
}

// settled waits until a node alone owns the VIP, and both nodes say that all is as
// the play left it.
func (s *stage) settled(ctx context.Context, want *node) error {
	for {
		err := s.look(want)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(lookInterval):
		}
	}
}

// look tells what is not settled.
func (s *stage) look(want *node) error {
	for _, n := range []*node{s.lb1, s.lb2} {
		if err := n.look(n == want); err != nil {
			return fmt.Errorf("%s %w", n.host.Name(), err)
		}
	}
	return nil
}
