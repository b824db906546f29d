// SPDX-License-Identifier: Apache-2.0

// Package lab builds small networks out of network namespaces, runs real
// programs in them and measures what a client sees. The integration tests and the
// demo are written with it.
//
// A [Namespace] is a host, a [Switch] the LAN between hosts, a [Cable] what
// connects them, and a [Site] the usual layout of these. [HAProxy] and [Nginx] are
// the web servers, [Vipd], [Keepalived] and [FRR] the VRRP daemons.
//
// A [Backend] is an application behind HAProxy ([StartProxy]); [Conversations] and a
// [Download] are its clients, who keep their connections.
//
// A [Probe] is a client whose [Sample]s say when it was served, and by whom. A
// [Capture] reads frames off a wire: [Claims] judges from them who was Active, and
// [Answers] whom an [Asker] was told to turn to. A [NeighborWatch] is what a host
// believes.
//
// Nothing outlives the process that made it, not even after SIGKILL: namespaces
// have no name in /run/netns, and the kernel ends every child with its parent.
//
// Linux and root only.
package lab
