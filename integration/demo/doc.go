// SPDX-License-Identifier: Apache-2.0

// Demo shows what vipd does. It lays out two load balancers and a client as network
// namespaces on this machine, runs real HAProxy or nginx and vipd on them, lets
// things fail, and measures how long the client waited. Nothing outside the
// namespaces is touched, and nothing is left behind.
package main
