// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"fmt"
	"net/netip"
	"time"

	"vipd/vrrp"
)

const (
	// Better and Worse are the two nodes.
	Better = 0
	Worse  = 1

	// perLAN is how many routers are on a LAN at most: an interface has 255 VRIDs.
	perLAN = 250
	// firstAddress leaves room for the nodes' own addresses in the networks.
	firstAddress = 256
)

// Setting is what the two nodes run.
type Setting struct {
	Routers  int // 1–1000
	VIPs     int // of each router, 1–1000; with many routers 1–200
	IPv6     bool
	Interval time.Duration // of the adverts
	RealTime bool          // both daemons are scheduled before all others (SCHED_RR)
}

// String is for people: "1000 routers, 1s", "1 router, 240 VIPs, 100ms".
func (s Setting) String() string {
	text := "1 router"
	if s.Routers > 1 {
		text = fmt.Sprintf("%d routers", s.Routers)
	}
	switch {
	case s.IPv6:
		text += fmt.Sprintf(", %d IPv6 VIPs", s.VIPs)
	case s.VIPs > 1:
		text += fmt.Sprintf(", %d VIPs", s.VIPs)
	}
	text += ", " + s.Interval.String()
	if s.RealTime {
		text += ", real-time"
	}
	return text
}

// Total is the number of all virtual addresses.
func (s Setting) Total() int { return s.Routers * s.VIPs }

// Skew is how long the worse node waits when the better one resigns.
func (s Setting) Skew() time.Duration { return vrrp.SkewTime(priority(Worse), s.Interval) }

// Silence is how long a node waits for an Active that says nothing.
func (s Setting) Silence(node int) time.Duration {
	return vrrp.ActiveDownInterval(priority(node), s.Interval)
}

func priority(node int) uint8 {
	if node == Better {
		return 200
	}
	return 100
}

// lans is how many LANs the routers need.
func (s Setting) lans() int { return (s.Routers + perLAN - 1) / perLAN }

// place is the LAN of a router and its VRID there.
func (s Setting) place(router int) (lan int, vrid uint8) {
	return router / perLAN, uint8(router%perLAN + 1)
}

// router is the router with a VRID on a LAN; false when there is none.
func (s Setting) router(lan int, vrid uint8) (int, bool) {
	router := lan*perLAN + int(vrid) - 1
	return router, 1 <= vrid && vrid <= perLAN && router < s.Routers
}

// vip is the i-th address of all: 10.1.1.0 on the first LAN, 2001:db8:0:1::100.
func (s Setting) vip(i int) netip.Addr {
	lan, n := i/(perLAN*s.VIPs), uint16(firstAddress+i%(perLAN*s.VIPs))
	if s.IPv6 {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 7: byte(lan + 1), 14: byte(n >> 8), 15: byte(n)})
	}
	return netip.AddrFrom4([4]byte{10, byte(lan + 1), byte(n >> 8), byte(n)})
}

// index is the inverse of vip, of an address as it stands in a packet. A router's
// own link-local address is none of them.
func (s Setting) index(lan int, address []byte) (int, bool) {
	if s.IPv6 != (len(address) == 16) || s.IPv6 && address[0] != 0x20 {
		return 0, false
	}
	last := address[len(address)-2:]
	n := int(last[0])<<8 | int(last[1])
	i := lan*perLAN*s.VIPs + n - firstAddress
	return i, n >= firstAddress && i < s.Total()
}

// own are a node's addresses on a LAN.
func own(lan int, node byte) []string {
	return []string{fmt.Sprintf("10.%d.0.%d/16", lan+1, node), fmt.Sprintf("2001:db8:0:%d::%d/64", lan+1, node)}
}

// ifname is the interface on a LAN, of both nodes.
func ifname(lan int) string { return fmt.Sprintf("eth%d", lan) }
