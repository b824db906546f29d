// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"slices"

	"vipd/config"
	"vipd/daemon"
	"vipd/netif"
)

// openNetwork opens the network side, which tells the daemon what happens.
func openNetwork(c *config.Config, d *daemon.Daemon, log *slog.Logger) (*netif.Host, error) {
	return netif.Open(netif.Config{
		Followed: followedBy(c), Log: log,
		Events: netif.Events{
			Link:    func(l netif.Link) { d.PostLink(daemon.Link(l)) },
			Packet:  func(p netif.Packet) { d.PostPacket(daemon.Packet(p)) },
			Holding: func(h netif.Holding) { d.PostHolding(holding(h)) },
			Found:   func(f netif.Found) { d.PostFound(daemon.Found(f)) },
			Passing: func(p netif.PassingState) { d.PostPassing(passing(p)) },
			Connections: func(c netif.Connections) {
				d.PostConnections(daemon.Connections{Key: c.Key, Number: c.N, Err: c.Err})
			},
			Passed: func(p netif.Passed) {
				d.PostPassed(daemon.Passed{IPv4: daemon.PassCounts(p.IPv4), IPv6: daemon.PassCounts(p.IPv6), Err: p.Err})
			},
			Contested: func(key string) { d.PostContested(key) },
			Answered:  d.PostAnswered,
		},
	})
}

// followed is what the network follows for some routers.
func followed(routers []*config.Router) netif.Followed {
	var c config.Config
	for _, r := range routers {
		c.Routers = append(c.Routers, *r)
	}
	return followedBy(&c)
}

// followedBy is what the network follows for a configuration.
func followedBy(c *config.Config) netif.Followed {
	return netif.Followed{
		Interfaces: interfaces(c), Virtual: c.Virtual(), VirtualLinks: virtualLinks(c),
		Refuse: c.Refused(), Routes: hasRoutes(c),
	}
}

// interfaces lists the interfaces of a configuration, and the families whose adverts
// are received on each. Of one that is only tracked nothing but its state matters.
func interfaces(c *config.Config) []netif.Interface {
	var all []netif.Interface
	at := func(name string) *netif.Interface {
		i := slices.IndexFunc(all, func(f netif.Interface) bool { return f.Name == name })
		if i < 0 {
			all = append(all, netif.Interface{Name: name, StateOnly: true})
			i = len(all) - 1
		}
		return &all[i]
	}
	for i := range c.Routers {
		r := &c.Routers[i]
		for _, t := range r.Tracked {
			at(t.Name)
		}
		for _, name := range r.Interfaces() {
			at(name).StateOnly = false
		}
		own := at(r.Interface)
		for j := range r.Families {
			ipv4 := r.Families[j].IPv4()
			own.IPv4, own.IPv6 = own.IPv4 || ipv4, own.IPv6 || !ipv4
		}
	}
	return all
}

// virtualLinks lists the interfaces with a virtual MAC.
func virtualLinks(c *config.Config) []netif.VirtualLink {
	var all []netif.VirtualLink
	for i := range c.Routers {
		r := &c.Routers[i]
		if !r.VirtualMAC {
			continue
		}
		for j := range r.Families {
			f := &r.Families[j]
			all = append(all, netif.VirtualLink{
				Name: f.VirtualLink(), Parent: r.Interface, Hardware: f.VirtualMAC(), IPv6: !f.IPv4(),
			})
		}
	}
	return all
}

// hasRoutes tells whether routes come and go with the addresses.
func hasRoutes(c *config.Config) bool {
	for i := range c.Routers {
		for j := range c.Routers[i].Families {
			if len(c.Routers[i].Families[j].Routes) > 0 {
				return true
			}
		}
	}
	return false
}
