// SPDX-License-Identifier: Apache-2.0

// Package lab builds small networks out of network namespaces, runs real
// programs in them and measures what a client sees. The integration tests and the
// demo are written with it.
//
// A [Namespace] is a host, a [Switch] the LAN between hosts, a [Cable] what
// connects them. [HAProxy], [Nginx] and [Vipd] are the programs, a [Capture] reads
// frames off a wire, and a [Probe] is a client whose [Sample]s say when it was
// served, and by whom.
//
// Nothing outlives the process that made it, not even after SIGKILL: namespaces
// have no name in /run/netns, and the kernel ends every child with its parent.
//
// Linux and root only.
package lab
