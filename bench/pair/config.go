// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"fmt"
	"strings"
)

// realTime is the priority of SCHED_RR that keepalived gets. vipd gives itself the same.
const realTime = 50

// advertised is how many addresses of a router stand in its adverts: over IPv4 all that
// have room, over IPv6 so many that an advert is one packet.
func (s Setting) advertised() int {
	if s.IPv6 {
		return min(s.VIPs, 80)
	}
	return min(s.VIPs, 255)
}

// vipdConfig is vipd's configuration of a node.
func (s Setting) vipdConfig(node, socket string, priority uint8) string {
	var b strings.Builder
	fmt.Fprintf(&b, "node: %s\napi: %q\nrouters:\n", node, socket)
	for r := range s.Routers {
		lan, vrid := s.place(r)
		fmt.Fprintf(&b, "- name: r%d\n  interface: %s\n  vrid: %d\n  priority: %d\n  advert_interval: %v\n  addresses:\n",
			r, ifname(lan), vrid, priority, s.Interval)
		for i := range s.VIPs {
			fmt.Fprintf(&b, "  - {address: %s, advertised: %v}\n", s.vip(r*s.VIPs+i), i < s.advertised())
		}
	}
	return b.String()
}

// keepalivedConfig is keepalived's configuration of a node. Real-time, it may compute for
// a second: by default it is killed after 10 ms, again and again with 50 routers.
func (s Setting) keepalivedConfig(priority uint8) string {
	var b strings.Builder
	if s.RealTime {
		fmt.Fprintf(&b, "global_defs {\n  vrrp_rt_priority %d\n  vrrp_rlimit_rttime 1000000\n}\n", realTime)
	}
	for r := range s.Routers {
		lan, vrid := s.place(r)
		fmt.Fprintf(&b, `vrrp_instance r%d {
  state BACKUP
  interface %s
  virtual_router_id %d
  priority %d
  advert_int %v
  version 3
  virtual_ipaddress {
`, r, ifname(lan), vrid, priority, s.Interval.Seconds())
		for i := range s.VIPs {
			if i == s.advertised() {
				b.WriteString("  }\n  virtual_ipaddress_excluded {\n")
			}
			fmt.Fprintf(&b, "    %s\n", s.vip(r*s.VIPs+i))
		}
		b.WriteString("  }\n}\n")
	}
	return b.String()
}
