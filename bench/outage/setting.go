// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"fmt"
	"net/netip"
	"time"

	"vipd/integration/lab"
)

// hostProbe is the line of a router by which vipd asks the Active's host all the time.
const hostProbe = "probe: 100ms"

// tracker is how HAProxy is watched: by vipd with its haproxy check.
type tracker string

const (
	nothing tracker = ""              // nobody watches; HAProxy does not run
	script  tracker = "vrrp_script"   // by keepalived with `killall -0`, each second
	process tracker = "track_process" // by keepalived, told by the kernel
)

// setting is with what is measured.
type setting struct {
	interval      time.Duration // of the adverts
	better, other uint8         // the priorities of lb1 and lb2
	ipv6          bool
	virtualMAC    bool
	hostProbe     string // a line of vipd's router
	tracker       tracker
}

// base is what all others differ from in one point.
func base() setting { return setting{interval: time.Second, better: 254, other: 253} }

// but is the base with something else.
func but(change func(*setting)) setting {
	s := base()
	change(&s)
	return s
}

func (s setting) String() string {
	family := "IPv4"
	if s.ipv6 {
		family = "IPv6"
	}
	text := fmt.Sprintf("%v, %s, %d/%d", s.interval, family, s.better, s.other)
	if s.virtualMAC {
		text += ", virtual MAC"
	}
	if s.hostProbe != "" {
		text += ", vipd with `" + s.hostProbe + "`"
	}
	if s.tracker != nothing {
		text += ", keepalived with `" + string(s.tracker) + "`"
	}
	return text
}

// vip is the address that is watched.
func (s setting) vip() string {
	if s.ipv6 {
		return lab.VIP6
	}
	return lab.VIP4
}

// vips are a node's addresses, and moreVIPs those after one was added.
func (s setting) vips() []string     { return []string{s.vip()} }
func (s setting) moreVIPs() []string { return append(s.vips(), "192.0.2.101/24") }

// address is the watched one without its prefix length.
func (s setting) address() netip.Addr { return netip.MustParsePrefix(s.vip()).Addr() }

// advert is how long two nodes that hear each other again need at most to know it.
func (s setting) advert() time.Duration { return s.interval }

// skew is how long lb2 waits after a resignation: Skew_Time, RFC 9568 §6.1.
func (s setting) skew() time.Duration { return s.interval * time.Duration(256-int(s.other)) / 256 }

// silence is how long lb2 waits for adverts: Active_Down_Interval, RFC 9568 §6.1.
func (s setting) silence() time.Duration { return 3*s.interval + s.skew() }

// listening is the same of lb1, when it returns.
func (s setting) listening() time.Duration {
	return 3*s.interval + s.interval*time.Duration(256-int(s.better))/256
}
