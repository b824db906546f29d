// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"vipd/integration/lab"
)

const httpPort = 80

// vip is the address that the client uses.
var vip = netip.MustParsePrefix(lab.VIP4)

// stage is two load balancers and a client on a switch.
type stage struct {
	vipd     string // the program
	service  service
	election election
	drain    string        // the value of `drain`; with a proxy for the large page. Empty: the play
	steady   time.Duration // how long one node must have served the client at the end of an act
	patience time.Duration // bounds an act: the rise of a check, Active_Down_Interval, a start

	site     *lab.Site
	lb1, lb2 *node
	probe    *lab.Probe
}

// build lays out everything and starts it. The stage must be closed, also after an
// error.
func (s *stage) build() (err error) {
	if s.site, err = lab.NewSite(); err != nil {
		return err
	}
	if s.lb1, err = s.newNode(s.site.LB1); err != nil {
		return err
	}
	if s.lb2, err = s.newNode(s.site.LB2); err != nil {
		return err
	}
	s.probe, err = lab.StartHTTPProbe(s.site.Client.Namespace, netip.AddrPortFrom(vip.Addr(), httpPort))
	if err != nil {
		return err
	}
	s.site.OnClose(s.probe.Stop)
	return s.probe.Prefer()
}

// close ends everything and removes it.
func (s *stage) close() error {
	if s.site == nil {
		return nil
	}
	return s.site.Close()
}

// newNode starts the programs of a load balancer.
func (s *stage) newNode(host *lab.Host) (*node, error) {
	web, err := s.startWeb(host)
	if err != nil {
		return nil, err
	}
	s.site.OnClose(web.Kill)
	config := filepath.Join(host.Dir, "vipd.yaml")
	if err := os.WriteFile(config, []byte(s.config(host, web.Check())), 0o600); err != nil {
		return nil, err
	}
	vipd, err := lab.StartVipd(host.Namespace, s.vipd, config, filepath.Join(host.Dir, "vipd.log"))
	if err != nil {
		return nil, err
	}
	s.site.OnClose(vipd.Stop)
	return &node{host: host, web: web, vipd: vipd}, nil
}

// startWeb starts what the clients talk to.
func (s *stage) startWeb(host *lab.Host) (lab.WebServer, error) {
	if s.drain != "" {
		return lab.StartProxy(host.Namespace, host.Dir)
	}
	return lab.StartWebServer(s.service.program, host.Namespace, host.Dir)
}

// config is vipd's configuration file. The nodes share one file system here, so
// their paths differ; on real nodes the rest is one file for both, too.
func (s *stage) config(host *lab.Host, check string) string {
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
  drain: %s
checks:
- name: web
  %s
  interval: 1s
  timeout: 1s
  rise: 2
  fall: 2
  penalty: lowest
`, host.Name(), filepath.Join(host.Dir, "vipd.sock"), lab.Interface, s.election.better, s.election.other, s.election.interval, vip, cmp.Or(s.drain, "off"), check)
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
