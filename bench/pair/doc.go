// SPDX-License-Identifier: Apache-2.0

// Package pair is two load balancers with many virtual routers, for the benchmarks: vipd
// or keepalived runs on both, with the same routers, priorities and intervals, and is
// looked at from outside. A host beside them hears the adverts and the announcements of
// addresses (gratuitous ARP, unsolicited neighbor advertisements) and tells from them who
// has what since when: see [Watch].
//
// An interface has 255 VRIDs, so that there is a LAN with an interface of each node for
// 250 routers.
package pair
