// SPDX-License-Identifier: Apache-2.0

package config

import (
	"iter"
	"log/slog"
	"net/netip"
	"time"

	"vipd/health"
	"vipd/vrrp"
)

// DefaultPath is where the file is looked for.
const DefaultPath = "/etc/vipd/vipd.yaml"

// Config is the file as one node sees it.
type Config struct {
	Node    string // this node's name
	Log     Log
	API     string // path of the UNIX socket
	Routers []Router
	Checks  []Check
}

// Log says what is logged, and how.
type Log struct {
	Level slog.Level
	JSON  bool
}

// Router is one router of the file: a virtual router for each family that it has
// advertised addresses of.
type Router struct {
	// Params is what the families have in common: Addresses and Peers are empty.
	vrrp.Params
	Name       string
	Interface  string        // where the adverts go
	Families   []Family      // one or two, IPv4 first; they move together
	Lease      time.Duration // whole seconds; 0: off
	StartGrace time.Duration // how long the first verdicts are waited for
	ProbeEvery time.Duration // between questions to the Active's host, 50 ms–1 s; 0: on doubt only
	VirtualMAC bool          // the RFC's virtual MAC (RFC 9568 §7.3), on a macvlan
	Accept     bool          // Accept_Mode (RFC 9568 §6.1): packets to the addresses are answered
	Checks     []string      // names of Config.Checks; its group's are among them
	Group      string        // that it moves together with; empty: none
	Tracked    []TrackedInterface

	place value
}

// Forget lets go of the text that the configuration was read from, for whoever keeps it:
// the tree of it takes more memory than all the rest. [Host] needs it.
func (c *Config) Forget() {
	for i := range c.Routers {
		c.Routers[i].place = value{}
	}
	for i := range c.Checks {
		c.Checks[i].place = value{}
	}
}

// Prefixes lists all virtual addresses, with their networks' length, by family; in
// each as written, a derived one first.
func (r *Router) Prefixes() []netip.Prefix {
	var all []netip.Prefix
	for i := range r.Families {
		for _, a := range r.Families[i].Held {
			all = append(all, a.Prefix)
		}
	}
	return all
}

// Check is one health check, with what its verdict costs.
type Check struct {
	health.Check
	Rise, Fall int // results in a row that change the verdict; from 1 up
	Damping    health.Damping
	Penalty    Penalty

	place value
}

// Check returns the check of that name. Config has been checked: it is there.
func (c *Config) Check(name string) *Check {
	for i := range c.Checks {
		if c.Checks[i].Name == name {
			return &c.Checks[i]
		}
	}
	return nil
}

// families lists all families of all routers.
func (c *Config) families() iter.Seq2[*Router, *Family] {
	return func(yield func(*Router, *Family) bool) {
		for i := range c.Routers {
			for j := range c.Routers[i].Families {
				if !yield(&c.Routers[i], &c.Routers[i].Families[j]) {
					return
				}
			}
		}
	}
}

// Virtual lists all virtual addresses, advertised or not.
func (c *Config) Virtual() []netip.Addr {
	return c.addresses(func(*Router) bool { return true })
}

// Refused lists the virtual addresses that packets are not accepted for.
func (c *Config) Refused() []netip.Addr {
	return c.addresses(func(r *Router) bool { return !r.Accept })
}

// addresses lists the virtual addresses of some routers.
func (c *Config) addresses(of func(*Router) bool) []netip.Addr {
	var all []netip.Addr
	for router, f := range c.families() {
		for _, a := range f.Held {
			if of(router) {
				all = append(all, a.Prefix.Addr())
			}
		}
	}
	return all
}
