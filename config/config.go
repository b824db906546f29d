// SPDX-License-Identifier: Apache-2.0

package config

import (
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

// Router is one virtual router.
type Router struct {
	vrrp.Params
	Name       string
	Interface  string
	Prefixes   []netip.Prefix // the virtual addresses, with their networks' length
	Lease      time.Duration  // whole seconds; 0: off
	StartGrace time.Duration  // how long the first verdicts are waited for
	Checks     []string       // names of Config.Checks

	place value
}

// Check is one health check, with what its verdict costs.
type Check struct {
	health.Check
	Rise, Fall int // results in a row that change the verdict; from 1 up
	Penalty    Penalty

	place value
}

// Penalty is what a failing check does to a router.
type Penalty struct {
	// Fault takes the router out: it goes to Initialize.
	Fault bool
	// Less is taken off the priority, 1–253. 0, without Fault: the priority is 1,
	// the lowest possible.
	Less int
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

// Virtual lists all virtual addresses.
func (c *Config) Virtual() []netip.Addr {
	var all []netip.Addr
	for i := range c.Routers {
		all = append(all, c.Routers[i].Addresses...)
	}
	return all
}
