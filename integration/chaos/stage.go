// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"vipd/integration/lab"
)

const (
	vrid     = 51
	httpPort = 80
	// lookInterval is how often is looked whether all is well again, and calm for how
	// long it must be.
	lookInterval = 50 * time.Millisecond
	calm         = time.Second
)

// vip4 and vip6 are the addresses that the nodes share.
var vip4, vip6 = netip.MustParsePrefix(lab.VIP4), netip.MustParsePrefix(lab.VIP6)

// stage is three load balancers, a client, and a host that asks who has the addresses.
type stage struct {
	vipd   string // the program
	timers timers

	site     *lab.Site
	nodes    []*node // by falling priority
	recorder *recorder
}

// build lays out everything, and starts it. The stage must be closed, also after an
// error.
func (s *stage) build() (err error) {
	if s.site, err = lab.NewSite(); err != nil {
		return err
	}
	lb3, err := s.site.AddHost("lb3", 13)
	if err != nil {
		return err
	}
	for i, host := range []*lab.Host{s.site.LB1, s.site.LB2, lb3} {
		n := &node{host: host, priority: s.timers.priorities[i], interval: s.timers.interval.String()}
		if err := s.start(n); err != nil {
			return err
		}
		s.nodes = append(s.nodes, n)
	}
	return nil
}

// start starts the programs of a load balancer. Its own IPv6 address outlives a link
// that is down, as those do that a network manager sets again.
func (s *stage) start(n *node) (err error) {
	if err := n.host.Sysctl("net/ipv6/conf/"+lab.Interface+"/keep_addr_on_down", "1"); err != nil {
		return err
	}
	if n.web, err = lab.StartHAProxy(n.host.Namespace, n.host.Dir); err != nil {
		return err
	}
	s.site.OnClose(n.web.Kill)
	echo, err := lab.StartEcho(n.host.Namespace)
	if err != nil {
		return err
	}
	s.site.OnClose(echo.Stop)
	if err := errors.Join(echo.Prefer(), n.configure(n.config(n.priority, ""))); err != nil {
		return err
	}
	if n.vipd, err = lab.StartVipd(n.host.Namespace, s.vipd, n.file(), filepath.Join(n.host.Dir, "vipd.log")); err != nil {
		return err
	}
	s.site.OnClose(n.vipd.Kill) // a stopped process would not hear SIGTERM
	return nil
}

// watch starts the probes and the questions.
func (s *stage) watch() error {
	asker, err := s.site.AddHost("asker", 20)
	if err != nil {
		return err
	}
	s.recorder = &recorder{
		keep:    s.timers.silence() + time.Second,
		senders: make(map[string]string),
		probes:  make(map[string]*lab.Probe),
		packets: make(map[string][]lab.Packet),
		asked:   map[netip.Addr][]time.Time{vip4.Addr(): nil, vip6.Addr(): nil},
	}
	for _, n := range s.nodes {
		link, err := n.link()
		if err != nil {
			return err
		}
		s.recorder.senders[link.Attrs().HardwareAddr.String()] = n.name()
	}
	return errors.Join(s.probe(), s.ask(asker))
}

// ask starts the questions of the third host, and the capture of what it hears.
func (s *stage) ask(from *lab.Host) (err error) {
	if s.recorder.capture, err = lab.StartCapture(from.Namespace, lab.Interface); err != nil {
		return err
	}
	s.site.OnClose(s.recorder.capture.Close)
	for _, vip := range []netip.Prefix{vip4, vip6} {
		asker, err := lab.StartAsker(from.Namespace, lab.Interface, vip.Addr())
		if err != nil {
			return err
		}
		s.site.OnClose(asker.Stop)
	}
	return nil
}

// probe starts the client.
func (s *stage) probe() (err error) {
	client := s.site.Client.Namespace
	if s.recorder.requests, err = lab.StartHTTPProbe(client, netip.AddrPortFrom(vip4.Addr(), httpPort)); err != nil {
		return err
	}
	s.site.OnClose(s.recorder.requests.Stop)
	for vip, period := range map[netip.Addr]time.Duration{vip4.Addr(): time.Millisecond, vip6.Addr(): askedEvery} {
		probe, err := lab.StartUDPProbe(client, vip, period)
		if err != nil {
			return err
		}
		s.site.OnClose(probe.Stop)
		if err := probe.Prefer(); err != nil {
			return err
		}
		s.recorder.probes[vip.String()] = probe
	}
	return s.recorder.requests.Prefer()
}

// settled waits until the best node alone owns the VIPs and all run as configured,
// and that is so still after a while.
func (s *stage) settled(ctx context.Context) error {
	calmSince := time.Time{} // zero: it is not
	for {
		err := s.look(ctx)
		switch {
		case err != nil:
			calmSince = time.Time{}
		case calmSince.IsZero():
			calmSince = time.Now()
		case time.Since(calmSince) >= calm:
			return nil
		}
		select {
		case <-ctx.Done():
			return cmp.Or(err, ctx.Err())
		case <-time.After(lookInterval):
		}
	}
}

// look tells what is not as it should be when nothing is wrong.
func (s *stage) look(ctx context.Context) error {
	for i, n := range s.nodes {
		if err := n.look(ctx, i == 0); err != nil {
			return fmt.Errorf("%s %w", n.name(), err)
		}
	}
	return nil
}

// close ends everything and removes it.
func (s *stage) close() error {
	if s.site == nil {
		return nil
	}
	return s.site.Close()
}
