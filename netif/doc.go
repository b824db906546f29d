// SPDX-License-Identifier: Apache-2.0

// Package netif is the network side of Linux: it follows interfaces, receives and
// sends packets of IP protocol 112, keeps leased addresses on interfaces, and
// announces them by gratuitous ARP. It knows nothing of VRRP.
//
// A [Host] takes desired state ([Host.Set]) and reports what is true ([Events]).
// Its methods return at once: whatever may wait for the kernel's RTNL lock, which
// others can hold for seconds, is done by goroutines of its own:
//
//	watcher    the only reader of netlink notifications; tells of links ([Link])
//	port       one per followed interface that exists: reads its packets, and the
//	           answers to [Host.Ask]
//	keeper     the only writer of addresses; tells what is held ([Holding])
//	announcer  sends the gratuitous ARPs
//	prober     asks whether another host has an address
//	filter     keeps the kernel silent about addresses, and has segments passed on
//	           ([Host.Pass]); see package filter
//
// An address that another node has taken over may drain ([Want].Draining): it stays on
// the loopback interface for the connections that there are, unseen by the LAN.
//
// What a run leaves behind (after a crash, or [Host.Keep]) the next one finds by
// [Host.Find]: the kernel is the state file.
//
// All of it happens in one network namespace: the one that the process is in.
package netif
