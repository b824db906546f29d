// SPDX-License-Identifier: Apache-2.0

// Package vrrpsim is a LAN in which everything goes wrong, in a time of its own:
// several nodes with real routers and groups of package vrrp, which send each
// other real packets, with real tallies of package health; and, among them, a
// small router that knows RFC 9568 and nothing else. What is modelled is what is
// around them: the clock, the network, the kernel's addresses with their leases,
// and the daemon's loop, which takes its news before its deadlines.
//
// There is no goroutine, no sleep and no clock. A seed makes a world, and the same
// seed makes the same one: a world that fails is found again by its seed.
//
// Three ways lead in. [Random] makes a world of a seed: nodes, faults, and when all
// has come to rest, experiments. [Scenario] runs a script, as in testdata. [Faults]
// reads the faults from bytes, for the fuzzer. In each of them every step is looked
// at:
//
//	invariants.go  what holds after each step of a node, and between two nodes
//	quiet.go       what holds when nothing goes wrong any more
//	probes_*.go    what follows one fault on a LAN that is well, and how soon
//
// The rest of the house:
//
//	world.go       time, and what happens next
//	clock.go       a node's clock, which drifts and stops
//	lan.go         the packets' ways, and what becomes of them
//	node.go        a host, and the lives of its daemon
//	daemon.go      the daemon's loop
//	engine.go      what a daemon runs, and its configuration
//	asking.go      the daemons' questions whether a host is there
//	rfc.go         the router that knows RFC 9568 alone
//	nic.go         the kernel's addresses, and the worker that sets them
//	checks.go      the services' checks
//	faults.go      what can go wrong
//	random.go      worlds made by chance
//	stage.go       the place of the experiments
//	scenario.go    scripts
//	trace.go       what has happened
//
// Left out: VRRPv2, unicast, and a router that owns its addresses (priority 255).
package vrrpsim
