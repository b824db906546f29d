// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"vipd/config"
	"vipd/daemon"
	"vipd/host"
	"vipd/netif"
)

// networkPort is netif as the daemon wants it.
type networkPort struct {
	host     *netif.Host
	batch    []netif.Datagram
	managers func(daemon.Managers) // is told of what FindManagers has found
}

func (p *networkPort) Send(batch []daemon.Datagram, failed func(int, error)) {
	p.batch = p.batch[:0]
	for _, d := range batch {
		p.batch = append(p.batch, netif.Datagram(d))
	}
	p.host.Send(p.batch, failed)
}

func (p *networkPort) Unread(link int, ipv4 bool) bool { return p.host.Unread(link, ipv4) }

func (p *networkPort) Try(d daemon.Datagram) error { return p.host.Try(netif.Datagram(d)) }

func (p *networkPort) Set(key string, w daemon.Want)  { p.host.Set(key, wanted(w)) }
func (p *networkPort) Find(key string, w daemon.Want) { p.host.Find(key, wanted(w)) }

func wanted(w daemon.Want) netif.Want {
	want := netif.Want{VirtualLink: w.VirtualLink, Present: w.Present, Silent: w.Silent,
		Leaving: w.Leaving, Draining: w.Draining, Lease: w.Lease}
	for _, a := range w.Addresses {
		want.Addresses = append(want.Addresses, netif.Address(a))
	}
	for _, r := range w.Routes {
		want.Routes = append(want.Routes, netif.Route(r))
	}
	return want
}

func (p *networkPort) Pass(key string, to daemon.Passing) { p.host.Pass(key, netif.Passing(to)) }
func (p *networkPort) Count(key string)                   { p.host.Count(key) }
func (p *networkPort) CountPassed()                       { p.host.CountPassed() }

func (p *networkPort) Renew(key string)                { p.host.Renew(key) }
func (p *networkPort) Follow(routers []*config.Router) { p.host.Follow(followed(routers)) }

func (p *networkPort) Announce(key string, only ...netip.Addr) { p.host.Announce(key, only...) }

func (p *networkPort) Ask(q daemon.Question) error { return p.host.Ask(netif.Question(q)) }

func (p *networkPort) Probe(key string, at daemon.Address) { p.host.Probe(key, netif.Address(at)) }

// FindManagers looks beside the loop: it reads files. The daemon asks at most once a
// minute for each key.
func (p *networkPort) FindManagers(key, ifname string) {
	go func() {
		var index int
		if link, err := net.InterfaceByName(ifname); err == nil {
			index = link.Index
		}
		p.managers(daemon.Managers{Key: key, Managers: host.Managers("/", ifname, index)})
	}()
}

func holding(h netif.Holding) daemon.Holding {
	return daemon.Holding{
		Key: h.Key, Held: h.Held, Added: h.Added, PutBack: h.PutBack,
		Expired: errors.Is(h.Err, netif.ErrExpired), Err: h.Err,
	}
}

func passing(p netif.PassingState) daemon.PassingState {
	return daemon.PassingState{Key: p.Key, Err: p.Err}
}

// timerPort is host's timer and clock as the daemon wants them.
type timerPort struct{ *host.Timer }

func (timerPort) Now() time.Time             { return host.Now() }
func (timerPort) Wall(t time.Time) time.Time { return host.Wall(t) }
