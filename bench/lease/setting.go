// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"time"

	"vipd/vrrp"
)

// setting is what a row of the table is measured with.
type setting struct {
	ipv6     bool
	vips     int
	interval time.Duration // of the adverts
	load     load
}

func (s setting) family() string {
	if s.ipv6 {
		return "IPv6"
	}
	return "IPv4"
}

func (s setting) String() string {
	return fmt.Sprintf("%s, %d VIPs, every %v, %v", s.family(), s.vips, s.interval, s.load)
}

// settings are all rows, in the table's order.
func settings() (all []setting) {
	for _, ipv6 := range []bool{false, true} {
		for _, vips := range []int{1, 100, 1000} {
			for _, interval := range []time.Duration{time.Second, 200 * time.Millisecond} {
				for _, l := range []load{idle, busy, locked} {
					all = append(all, setting{ipv6, vips, interval, l})
				}
			}
		}
	}
	return all
}

// renewPeriod is how often the first address is renewed: with each advert, at most
// three times a second.
func (s setting) renewPeriod() time.Duration {
	period := s.interval
	for period < time.Second/3 {
		period += s.interval
	}
	return period
}

// expected is what is left of a lease at least when nothing is late: that of the first
// address is renewed once in renewPeriod; of the others more is left.
func (s setting) expected() time.Duration {
	ipv6 := 0
	if s.ipv6 {
		ipv6 = s.vips
	}
	return vrrp.AutoLease(s.interval, ipv6) - s.renewPeriod()
}

// advertised is how many addresses stand in the adverts: over IPv4 all that have room,
// over IPv6 so many that an advert is one packet.
func (s setting) advertised() int {
	if s.ipv6 {
		return min(s.vips, 80)
	}
	return min(s.vips, vrrp.MaxAddresses)
}

// config is vipd's configuration.
func (s setting) config(socket string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `node: lb1
api: %q
routers:
- name: bench
  interface: eth0
  vrid: 51
  advert_interval: %v
  announce: {at: [0s]}
  addresses:
`, socket, s.interval)
	for i := range s.vips {
		fmt.Fprintf(&b, "  - {address: %s, advertised: %v}\n", s.vip(i), i < s.advertised())
	}
	return b.String()
}

// vip is the i-th address, outside of the interface's networks.
func (s setting) vip(i int) string {
	if s.ipv6 {
		return fmt.Sprintf("2001:db8:1::%x/128", i+1)
	}
	return fmt.Sprintf("198.18.%d.%d/32", i>>8, i&0xff)
}
