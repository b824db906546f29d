// SPDX-License-Identifier: Apache-2.0

// Package filter keeps two nftables tables of our own, inet vipd and arp vipd. They
// do two things for virtual addresses:
//
//	refuse   packets to an address are dropped, neighbour discovery excepted
//	         (RFC 9568 §6.1, Accept_Mode false); the same for the daemon's whole life
//	silence  for a moment, the host no longer claims an address by ARP or ND, yet it
//	         goes on serving packets to it (make before break)
//
// As nft would list them, with whatever is not needed left out:
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
//			icmpv6 type nd-neighbor-solicit ip6 saddr @silent6 drop
//		}
//	}
//	table arp vipd {
//		set silent4 { type ipv4_addr; }
//		chain output {
//			type filter hook output priority filter - 10; policy accept;
//			arp saddr ip @silent4 drop
//		}
//	}
//
// The kernel's requests are silenced with its answers: they too carry the address
// beside our hardware address, and whoever is asked believes them. Packet sockets pass
// none of these hooks, raw ICMPv6 sockets do.
//
// An address counts on every interface: zones are ignored. Tables of others are never
// touched. All of it happens in the network namespace that the process is in.
package filter
