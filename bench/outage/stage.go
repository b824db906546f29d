// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"vipd/bench/figure"
	"vipd/integration/lab"
)

const (
	// probePeriod is how often the client asks.
	probePeriod = time.Millisecond
	// probeTimeout is when a datagram is lost: a LAN answers in much less.
	probeTimeout = 250 * time.Millisecond
	httpPort     = 80
	// lookInterval is the pace at which is looked whether something has come.
	lookInterval = 10 * time.Millisecond
)

// stage is a site with the same daemon on both nodes, and a client that asks their
// address all the time.
type stage struct {
	setting  setting
	site     *lab.Site
	lb1, lb2 *node
	capture  *lab.Capture // of what the client hears
	probe    *lab.Probe
	period   time.Duration // of the probe
}

// newStage lays out a site in which no daemon runs yet. It must be closed.
func newStage(with setting) (*stage, error) {
	site, err := lab.NewSite()
	if err != nil {
		return nil, err
	}
	s := &stage{setting: with, site: site, lb1: &node{Host: site.LB1, priority: with.better}, lb2: &node{Host: site.LB2, priority: with.other}}
	if err := s.build(); err != nil {
		return nil, errors.Join(err, site.Close())
	}
	return s, nil
}

func (s *stage) build() (err error) {
	for _, n := range []*node{s.lb1, s.lb2} {
		if err := s.serve(n); err != nil {
			return err
		}
	}
	if err := s.forgetful(); err != nil {
		return err
	}
	if s.capture, err = lab.StartCapture(s.site.Client.Namespace, lab.Interface); err != nil {
		return err
	}
	s.site.OnClose(s.capture.Close)
	client, address := s.site.Client.Namespace, s.setting.address()
	s.period = probePeriod
	if s.setting.tracker == nothing {
		s.probe, err = lab.StartImpatientUDPProbe(client, address, probePeriod, probeTimeout)
	} else {
		s.period = lab.HTTPPeriod
		s.probe, err = lab.StartHTTPProbe(client, netip.AddrPortFrom(address, httpPort))
	}
	if err != nil {
		return err
	}
	s.site.OnClose(s.probe.Stop)
	return s.probe.Precede()
}

// forgetful has the client's kernel drop what it can't send, as nobody has the address.
// It would send it later, and an outage would look shorter than it is.
func (s *stage) forgetful() error {
	queue := "/neigh/" + lab.Interface + "/unres_qlen_bytes"
	return errors.Join(s.site.Client.Sysctl("net/ipv4"+queue, "0"), s.site.Client.Sysctl("net/ipv6"+queue, "0"))
}

// serve starts what answers the client on a node.
func (s *stage) serve(n *node) (err error) {
	if s.setting.tracker != nothing {
		if n.haproxy, err = lab.StartNamedHAProxy(n.Namespace, n.Dir, n.haproxyName()); err != nil {
			return err
		}
		s.site.OnClose(n.haproxy.Kill)
		return nil
	}
	echo, err := lab.StartEcho(n.Namespace)
	if err != nil {
		return err
	}
	s.site.OnClose(echo.Stop)
	return echo.Precede()
}

// start starts a daemon on both nodes.
func (s *stage) start(d figure.Daemon, program string) error {
	for _, n := range []*node{s.lb1, s.lb2} {
		if err := n.launch(d, program, s.setting); err != nil {
			return err
		}
	}
	return nil
}

// end stops the daemons, and makes the site as it was before their start.
func (s *stage) end() error {
	stopped := make(chan error)
	go func() { stopped <- s.lb1.daemon.Stop() }()
	err := errors.Join(s.lb2.daemon.Stop(), <-stopped)
	if _, missing := s.lb1.Handle().LinkByName(lab.Interface); missing != nil {
		err = errors.Join(err, s.lb1.Return())
	}
	err = errors.Join(err, s.lb1.Cable.Restore())
	s.capture.Take()
	s.probe.Forget(time.Now())
	return err
}

func (s *stage) close() error {
	for _, n := range []*node{s.lb1, s.lb2} {
		if n.daemon != nil {
			n.daemon.Kill()
		}
	}
	return s.site.Close()
}

func (s *stage) kill() error    { return s.lb1.daemon.Kill() }
func (s *stage) stop() error    { return s.lb1.daemon.Stop() }
func (s *stage) restart() error { return s.lb1.daemon.Restart() }

// settle waits until lb1 alone has the address, and serves.
func (s *stage) settle(ctx context.Context) error {
	for {
		err := s.look()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		case <-time.After(lookInterval):
		}
	}
}

// look tells what is not as it should be before something happens to lb1.
func (s *stage) look() error {
	for _, n := range []*node{s.lb1, s.lb2} {
		found, err := n.Addresses(s.setting.address())
		if err != nil {
			return err
		}
		if has := len(found) > 0; has != (n == s.lb1) {
			return fmt.Errorf("%s has the address: %v", n.Name(), has)
		}
	}
	if _, served := s.steady(lb1); !served {
		return errors.New("lb1 does not serve steadily")
	}
	return nil
}

// steady tells whether a node alone has served for a while, up to the last answer, but
// for what a busy machine loses.
func (s *stage) steady(server string) (last time.Time, served bool) {
	const while = 300 * time.Millisecond
	answers := 0
	for _, sample := range s.probe.Samples(time.Now().Add(-while)) {
		if sample.OK && sample.Server != server {
			return last, false
		}
		if sample.OK {
			answers, last = answers+1, sample.Start
		}
	}
	return last, answers > int(while/s.period)*2/3
}

// logs are the ends of the daemons' logs, for people.
func (s *stage) logs() (text string) {
	if s == nil {
		return ""
	}
	for _, n := range []*node{s.lb1, s.lb2} {
		if n.daemon != nil {
			text += fmt.Sprintf("\nthe log on %s ends with:\n%s", n.Name(), n.daemon.LogTail())
		}
	}
	return text
}
