// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"net/netip"
)

// VirtualMAC is the virtual router MAC address (RFC 9568 §7.3).
func VirtualMAC(vrid uint8, ipv4 bool) string {
	family := 2
	if ipv4 {
		family = 1
	}
	return fmt.Sprintf("00:00:5e:00:%02x:%02x", family, vrid)
}

// VirtualLinkLocal is the link-local address of an IPv6 virtual router that has
// none configured: the one that its virtual MAC would make (RFC 9568 §7.3).
func VirtualLinkLocal(vrid uint8) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: 0x02, 10: 0x5e, 0xff, 0xfe, 0x00, 0x02, vrid})
}
