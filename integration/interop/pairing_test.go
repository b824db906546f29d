// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"net/netip"
	"time"

	"vipd/integration/lab"
)

// interval is between adverts.
const interval = time.Second

// pairing is vipd and another daemon with configurations that belong together.
type pairing struct {
	name       string
	vip        netip.Addr
	vipd, peer launcher
	late       time.Duration // what the peer's first advert is late by, its fault
}

var (
	ip4   = netip.MustParsePrefix(lab.VIP4).Addr()
	ip6   = netip.MustParsePrefix(lab.VIP6).Addr()
	vips4 = []string{lab.VIP4}
	vips6 = []string{lab.VIP6}
	// full6 is vips6 as the RFC wants it.
	full6 = []string{linkLocalVIP, lab.VIP6}
	// pass is keepalived's password, and password is vipd's.
	pass     = "authentication {\n  auth_type PASS\n  auth_pass s3cret\n  }"
	password = "auth: {password: s3cret}"
)

const (
	virtualMAC = "virtual_mac: true"
	useVMAC    = "use_vmac"
)

func pairings() []pairing {
	return []pairing{
		{"keepalived, VRRPv2 with PASS", ip4, vipd(vips4, "version: 2", password), keepalived(2, vips4, pass), 0},
		{"keepalived, VRRPv2 (vipd: both)", ip4, vipd(vips4, "version: both"), keepalived(2, vips4), 0},
		{"keepalived, VRRPv3 IPv4", ip4, vipd(vips4), keepalived(3, vips4), 0},
		{"keepalived, VRRPv3 IPv6", ip6, vipd(vips6), keepalived(3, vips6), 0},
		{"keepalived, VRRPv3 unicast", ip4,
			vipd(vips4, "unicast: {lb1: [192.0.2.11], lb2: [192.0.2.12]}"),
			keepalived(3, vips4, "unicast_src_ip OWN", "unicast_peer {", "  PEER", "}"), 0},
		{"keepalived, virtual MAC IPv4", ip4, vipd(vips4, virtualMAC), keepalived(3, vips4, useVMAC), 0},
		{"keepalived, virtual MAC IPv6", ip6, vipd(vips6, virtualMAC), keepalived(3, full6, useVMAC), 0},
		{"FRR, virtual MAC IPv4", ip4, vipd(vips4, virtualMAC), frr(lab.VIP4), 0},
		{"FRR, virtual MAC IPv6", ip6, vipd(vips6, virtualMAC), frr(lab.VIP6), interval},
	}
}

// skew is Skew_Time of a router (RFC 9568 §6.1; of VRRPv2, RFC 3768 §6.1: the same
// at adverts every second).
func skew(priority uint8) time.Duration { return interval * time.Duration(256-int(priority)) / 256 }

// asking is how long vipd takes to learn that the Active's host is gone, once an advert
// is overdue: a margin of 40 ms, and ten questions.
const asking = 240 * time.Millisecond

// lost is how long a vipd waits for the adverts of a host that is gone.
func lost(priority uint8) time.Duration { return interval + asking + skew(priority) }

// silence is Active_Down_Interval of a router.
func silence(priority uint8) time.Duration { return 3*interval + skew(priority) }
