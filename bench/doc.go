// SPDX-License-Identifier: Apache-2.0

// Bench measures vipd and keepalived side by side: in turn, in one run, in the same
// namespaces, with the same priorities and intervals, from the outside. It prints what
// goes on, and writes the figures as Markdown and as JSON.
//
//	make bench                                     # all
//	make bench-quick                               # what matters most, few repetitions
//	bin/bench -only 'outage: cable.*IPv4' -vipd bin/vipd
//
// Linux and root only. Nothing outside of its network namespaces is touched, and nothing
// is left behind.
package main
