// SPDX-License-Identifier: Apache-2.0

// Command lease measures what the renewal of leases costs, and whether it is ever
// late: with few and many addresses, on an idle machine, beside programs that use all
// processors, and beside some that hold the kernel's lock of network configuration
// (RTNL) for most of the time.
//
//	make bench-lease                          # all, about ten minutes
//	bin/bench-lease -only 'IPv4.*1s' -span 5s # the rows that match
//
// The real vipd runs in a network namespace of its own. What it did is told by the
// kernel: each renewal is an RTM_NEWADDR with the tick at which it was made, each lease
// that ended an RTM_DELADDR, and each advert a frame with its time stamp.
//
// Linux and root only.
package main
