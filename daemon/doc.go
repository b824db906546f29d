// SPDX-License-Identifier: Apache-2.0

// Package daemon is the one loop that owns every router. Data flows one way:
//
//	reader → bytes and Meta → loop → vrrp.Parse → Step → apply
//	check  → Result → loop → Tally → priority from all verdicts → Step → apply
//
// Whoever has news posts an event to one bounded queue. The loop takes what is
// queued before it acts on deadlines, lets vrrp decide, carries the effects out,
// and sets one timer to the next deadline. It never waits for anything else: no
// netlink, no file, no log line.
package daemon
