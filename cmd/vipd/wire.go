// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net/netip"
	"time"

	"vipd/config"
	"vipd/daemon"
	"vipd/host"
	"vipd/netif"
)

// networkPort is netif as the daemon wants it.
type networkPort struct {
	host  *netif.Host
	batch []netif.Datagram
}

func (p *networkPort) Send(batch []daemon.Datagram, failed func(int, error)) {
	p.batch = p.batch[:0]
	for _, d := range batch {
		p.batch = append(p.batch, netif.Datagram(d))
	}
	p.host.Send(p.batch, failed)
}

func (p *networkPort) Set(key string, w daemon.Want)  { p.host.Set(key, wanted(w)) }
func (p *networkPort) Find(key string, w daemon.Want) { p.host.Find(key, wanted(w)) }

func wanted(w daemon.Want) netif.Want {
	want := netif.Want{VirtualLink: w.VirtualLink, Present: w.Present, Silent: w.Silent, Leaving: w.Leaving, Lease: w.Lease}
	for _, a := range w.Addresses {
		want.Addresses = append(want.Addresses, netif.Address(a))
	}
	for _, r := range w.Routes {
		want.Routes = append(want.Routes, netif.Route(r))
	}
	return want
}

func (p *networkPort) Renew(key string)                { p.host.Renew(key) }
func (p *networkPort) Follow(routers []*config.Router) { p.host.Follow(followed(routers)) }

func (p *networkPort) Announce(key string, only ...netip.Addr) { p.host.Announce(key, only...) }

func (p *networkPort) Probe(key string, at daemon.Address) { p.host.Probe(key, netif.Address(at)) }

func holding(h netif.Holding) daemon.Holding {
	return daemon.Holding{Key: h.Key, Held: h.Held, Added: h.Added, Expired: errors.Is(h.Err, netif.ErrExpired), Err: h.Err}
}

// timerPort is host's timer and clock as the daemon wants them.
type timerPort struct{ *host.Timer }

func (timerPort) Now() time.Time             { return host.Now() }
func (timerPort) Wall(t time.Time) time.Time { return host.Wall(t) }
