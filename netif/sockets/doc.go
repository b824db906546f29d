// SPDX-License-Identifier: Apache-2.0

// Package sockets counts and resets the TCP connections of local addresses, by the
// kernel's socket diagnostics (sock_diag(7)), in the network namespace of the calling
// thread.
//
// A connection is a socket in any state but LISTEN, TIME_WAIT and CLOSE. A half-open one,
// of which a SYN was answered, is one; so is one that its program has closed, as long as
// it has something to deliver. When that is delivered the kernel has FIN_WAIT2 in the
// form of a TIME_WAIT, which is none any more.
//
// An IPv4 address has connections of both families: a listener of IPv6 that takes IPv4,
// too, accepts them as of ::ffff:a.b.c.d.
package sockets
