// SPDX-License-Identifier: Apache-2.0

// Package vrrp is the protocol: the election of one Active router among several,
// as RFC 9568 (VRRPv3) and RFC 3768 (VRRPv2) describe it, and nothing else.
//
// The package is pure. It opens no socket, starts no goroutine, takes no lock,
// writes no log and reads no clock; the import rules in deps_test.go hold it to
// that. A [Router] is given an input and the time, and answers with effects:
//
//	fx = router.Step(now, input, fx[:0])
//	next := router.Deadline()
//
// The same inputs at the same times give the same effects, always. Whoever calls
// carries the effects out in their order, which is part of the contract, and
// calls again with a [Tick] when the deadline has come. A Tick that is early,
// late or doubled does no harm.
//
// Where to find a rule:
//
//	advert.go      RFC 9568 §5.2: the packet; Parse is the first half of §7.1
//	receive.go     §7.1: the checks that need the router
//	timers.go      §6.1: Skew_Time, Active_Down_Interval; the lease
//	initialize.go  §6.4.1, and what keeps a router in Initialize
//	backup.go      §6.4.2
//	active.go      §6.4.3
//	transmit.go    §7.2: the packets, their versions and checksums
//	handover.go    what goes beyond the RFC: a resignation by a lower priority
//	releasing.go   what goes beyond the RFC: make before break
//	doubt.go       what goes beyond the RFC: an Active whose host is gone
//	hostwatch.go   whether a host is there, for all routers that follow it
//	drain.go       what goes beyond the RFC: established connections
//	resign.go      what goes beyond the RFC: a planned switchover
//	resume.go      what goes beyond the RFC: a crash that changed nothing
//	announce.go    when gratuitous ARP is due
//	group.go       routers that move together
package vrrp
