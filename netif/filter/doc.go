// SPDX-License-Identifier: Apache-2.0

// Package filter keeps nftables tables of our own, called vipd. They do four things
// for virtual addresses:
//
//	refuse   packets to an address are dropped, neighbour discovery excepted
//	         (RFC 9568 §6.1, Accept_Mode false); the same for the daemon's whole life
//	silence  for a moment, the host no longer claims an address by ARP or ND, yet it
//	         goes on serving packets to it (make before break)
//	drain    the host never claims an IPv4 address by ARP that it still serves on its
//	         loopback interface
//	pass     TCP segments to an address that belong to no connection of this host are
//	         passed on to the node that has served it before
//
// The tables inet vipd and arp vipd are always there. As nft would list them, with
// whatever is not needed left out:
//
//	table inet vipd {
//		set silent6 { type ipv6_addr; }
//		set refuse4 { type ipv4_addr; }
//		set refuse6 { type ipv6_addr; }
//		chain input {
//			type filter hook input priority filter - 10; policy accept;
//			ip daddr @refuse4 drop
//			icmpv6 type nd-neighbor-solicit-nd-neighbor-advert accept
//			ip6 daddr @refuse6 drop
//		}
//		chain output {
//			type filter hook output priority filter - 10; policy accept;
//			icmpv6 type nd-neighbor-advert icmpv6 taddr @silent6 drop
//			icmpv6 type 131-143 ip6 saddr @silent6 drop
//		}
//	}
//	table arp vipd {
//		set silent4 { type ipv4_addr; }
//		set draining { type ipv4_addr; }
//		map own { type ipv4_addr : ipv4_addr; }
//		chain output {
//			type filter hook output priority filter - 10; policy accept;
//			arp saddr ip @silent4 drop
//			arp operation reply arp saddr ip @draining drop
//			arp saddr ip set arp saddr ip map @own
//		}
//	}
//
// The kernel's requests are silenced with its answers: they too carry the address
// beside our hardware address, and whoever is asked believes them. Packet sockets pass
// none of these hooks, raw ICMPv6 sockets do.
//
// The tables ip vipd and ip6 vipd are there while something is passed on:
//
//	table ip vipd {
//		set passed { type ipv4_addr; flags timeout; }
//		map to { type ipv4_addr : ipv4_addr; flags timeout; }
//		map by { type ipv4_addr : iface_index; flags timeout; }
//		set targets { type ether_addr; flags timeout; }
//		chain input {
//			type filter hook input priority filter - 10; policy accept;
//			iif "lo" accept
//			ip daddr @passed goto pass
//		}
//		chain pass {
//			icmp type destination-unreachable goto copy
//			meta l4proto != tcp accept
//			tcp flags & syn == syn accept
//			meta cgroup >= 0 counter name "own" accept
//			socket mark >= 0 goto send
//			socket transparent <= 1 goto copy
//			goto send
//		}
//		chain send {
//			ether saddr @targets counter name "target" accept
//			limit rate over 200000/second burst 20000 packets counter name "limited" drop
//			counter name "passed" dup to ip daddr map @to device ip daddr map @by drop
//		}
//		chain copy { ... }       as send, but all of it is accepted here, too
//		chain defragment { meta l4proto tcp tproxy to :1 }
//	}
//
// No connection tracking takes part: its table may be full, others may exempt the
// traffic, and it takes up connections in their middle. What tells our own segments is
// the socket that early demux has found; without that nothing is passed on. A SYN cookie's
// ACK has no socket: while the kernel sends cookies (a SYN flood), it is passed on, and
// its connection is not made.
//
// The elements end by themselves, so that nothing is passed on for long when this process
// has died. A target must be a neighbour; what comes from its hardware address goes no
// further, so that two hosts that pass on to each other make no loop. (nft shows the
// interfaces of map by with their bytes the wrong way round.)
//
// An address counts on every interface: zones are ignored. Tables of others are never
// touched. All of it happens in the network namespace that the process is in.
package filter
