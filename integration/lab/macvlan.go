// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/vishvananda/netlink"
)

// AddVirtualMAC makes the macvlan that FRR wants to be there for a virtual router on
// the parent interface: up, in bridge mode, with the virtual MAC of RFC 9568 §7.3 and
// the addresses, all of one family. Its name is vrrp4-VRID or vrrp6-VRID.
func (n *Namespace) AddVirtualMAC(parent string, vrid uint8, addresses ...string) error {
	name, family := fmt.Sprintf("vrrp4-%d", vrid), byte(1)
	if strings.Contains(strings.Join(addresses, ""), ":") {
		name, family = fmt.Sprintf("vrrp6-%d", vrid), 2
	}
	mac := net.HardwareAddr{0, 0, 0x5e, 0, family, vrid}
	if err := errors.Join(n.addMacvlan(parent, name, mac, addresses), n.answerOnce(parent, name)); err != nil {
		return fmt.Errorf("make %s in %s: %w", name, n.name, err)
	}
	return nil
}

func (n *Namespace) addMacvlan(parent, name string, mac net.HardwareAddr, addresses []string) error {
	base, err := n.handle.LinkByName(parent)
	if err != nil {
		return fmt.Errorf("find %s: %w", parent, err)
	}
	macvlan := &netlink.Macvlan{LinkAttrs: netlink.NewLinkAttrs(), Mode: netlink.MACVLAN_MODE_BRIDGE}
	macvlan.Name, macvlan.ParentIndex, macvlan.HardwareAddr = name, base.Attrs().Index, mac
	if err := n.handle.LinkAdd(macvlan); err != nil {
		return fmt.Errorf("add it: %w", err)
	}
	// A link-local address from the virtual MAC would be the same on every node.
	if err := n.Sysctl("net/ipv6/conf/"+name+"/addr_gen_mode", addrGenRandom); err != nil {
		return err
	}
	if err := addAddresses(n.handle, macvlan, addresses); err != nil {
		return err
	}
	return n.handle.LinkSetUp(macvlan)
}

// addrGenRandom is IN6_ADDR_GEN_MODE_RANDOM.
const addrGenRandom = "3"

// answerOnce has each of two interfaces on one LAN answer ARP for its own addresses
// only.
func (n *Namespace) answerOnce(names ...string) error {
	for _, name := range names {
		if err := n.Sysctl("net/ipv4/conf/"+name+"/arp_ignore", "1"); err != nil {
			return err
		}
	}
	return nil
}
