// SPDX-License-Identifier: Apache-2.0

// Package macvlan makes the links that carry a virtual router's MAC address (RFC 9568
// §7.3): one macvlan per virtual router and family, on the interface that the router
// runs on.
//
//	vrrp.51@eth0   00:00:5e:00:01:33  IPv4, virtual router 51
//	vrrp6.51@eth0  00:00:5e:00:02:33  IPv6
//
// A link is made down, and stays down unless its router is Active: down, it takes no
// frame and sends none. Its addresses are the virtual ones, and no others.
//
// The mode is bridge. In private mode, once the link is up, the kernel hands an advert
// whose source is our own virtual MAC, which is how another Active's look, to the link
// alone: a socket on the parent would not hear it.
//
// The kernel takes an address for the host's, not for one interface's, so the settings
// say where it is spoken of. Each entry names what goes wrong without it.
//
//	link    arp_ignore=1           it answers ARP for the node's own addresses too
//	        arp_announce=2         its ARP requests give the node's address the virtual MAC
//	        arp_filter=0           it answers nobody to whom the route leaves by the parent
//	        proxy_arp=0            it answers for every host behind the parent
//	        rp_filter=2            it drops what comes from hosts behind the parent
//	        promote_secondaries=1  the first address of a network takes the others along
//	        forwarding             as the parent; IPv6's is also the Router flag of the
//	                               kernel's neighbour advertisements
//	IPv4    disable_ipv6=1         it gets a link-local address
//	IPv6    addr_gen_mode=1        the same, and the address shows the virtual router's ID;
//	                               1 is none
//	        disable_ipv6=0         it takes no address where new interfaces have IPv6 off
//	        accept_ra=0 autoconf=0 it configures itself by router advertisements
//	parent  arp_ignore=1           it answers ARP for the virtual addresses, with its own MAC
//	        arp_announce=2         its ARP requests give the virtual address its own MAC
//
// The parent's two are changed for IPv4 only, and put back with the last link on it.
//
// What is under /proc/sys/net is that of the calling thread's network namespace, and
// the handle's namespace must be the same. A handle with RetryInterrupted spares errors
// on hosts whose links change often.
package macvlan
