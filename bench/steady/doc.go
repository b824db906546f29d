// SPDX-License-Identifier: Apache-2.0

// Package steady is the part of the benchmark in which nothing happens but that the
// machine is busy: programs that only compute want both of its processors, twice. How
// often does a Backup take over from an Active that lives, and how regular are the
// adverts, with daemons that are scheduled as all programs, and before them (SCHED_RR)?
package steady
