// SPDX-License-Identifier: Apache-2.0

// Chaos lets things go wrong, at random but by a seed, on three load balancers with
// real HAProxy and vipd in network namespaces of this machine. A client asks all the
// time, and a third host who has the addresses; at the end a report says what both
// saw, beside the limits. Nothing outside the namespaces is touched, and nothing is
// left behind.
package main
