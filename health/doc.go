// SPDX-License-Identifier: Apache-2.0

// Package health finds out whether a service can serve. It knows nothing of
// VRRP: what a verdict means for a virtual router is decided elsewhere.
//
// A [Check] probes one service again and again and reports each [Result]; a
// [Tally] turns results into a [Verdict]. The two are apart so that one goroutine
// per check may wait for the outside world while the verdicts stay with whoever
// owns the tallies.
//
// Some kinds of checks know the process behind the service. Its end wakes the
// check, which asks once more at once: a reload has another process answer, a
// death has none (watch.go).
//
// A [Script] is a program of the administrator's. It runs only as long as nobody
// but root could have replaced it (verify.go), and never twice at a time.
//
// Whatever a check talks to is taken for hostile: each answer is bounded in time
// by the check's timeout, in memory by maxAnswer (an HAProxy's statistics by
// maxStatistics) and in the log by maxDetail. A check resolves no name, but for the
// one that it is a check of ([DNS]), and heeds no proxy variables.
package health
