// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"maps"
	"slices"

	"vipd/config"
	"vipd/health"
)

// tracked judges the interfaces that a router tracks. One that the network has not told
// of yet is unknown; at the start that takes milliseconds.
func (d *Daemon) tracked(c *config.Router) []verdict {
	var all []verdict
	for _, t := range c.Tracked {
		v := verdict{"interface " + t.Name, health.Unknown, t.Penalty}
		switch l, told := d.links[t.Name]; {
		case !told:
		case l.Index != 0 && l.Up:
			v.verdict = health.Pass
		default:
			v.verdict = health.Fail
		}
		all = append(all, v)
	}
	return all
}

// awaitsVerdicts tells whether a router has anything that may say that it must not run.
func (r *router) awaitsVerdicts() bool { return len(r.checks)+len(r.config.Tracked) > 0 }

// knowsTracked tells whether the network has told of all interfaces that a router tracks.
func (d *Daemon) knowsTracked(c *config.Router) bool {
	return !slices.ContainsFunc(c.Tracked, func(t config.TrackedInterface) bool {
		_, told := d.links[t.Name]
		return !told
	})
}

// forgetLinks forgets what was told of interfaces that no router names any more: it is
// true no longer when one names them again.
func (d *Daemon) forgetLinks(routers []*config.Router) {
	named := map[string]bool{}
	for _, c := range routers {
		for _, ifname := range c.Interfaces() {
			named[ifname] = true
		}
		for _, t := range c.Tracked {
			named[t.Name] = true
		}
	}
	maps.DeleteFunc(d.links, func(ifname string, _ Link) bool { return !named[ifname] })
}
