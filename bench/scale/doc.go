// SPDX-License-Identifier: Apache-2.0

// Package scale is the part of the benchmark that has many virtual routers, or many
// virtual addresses in one: how long until the last address is up, has moved or is back,
// how often it moved for nothing, and what that costs.
//
// Each repetition begins with nothing: the better node starts alone, and the worse one
// joins it; the better one is stopped, and comes back; both are left alone for a while,
// and looked at; the better one is killed. An address is up or has moved when a
// gratuitous ARP, or an unsolicited neighbor advertisement, has told the hosts.
//
// Who watches takes part in the cost: each frame is copied for the observer, at the
// sender's expense, which was 2 µs an advert, the same for both daemons. It reads what
// comes with less than a hundredth of a core. The memory is VmRSS of all processes of a
// daemon: what keepalived's two share counts twice.
package scale
