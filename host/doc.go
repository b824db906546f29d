// SPDX-License-Identifier: Apache-2.0

// Package host is this process on Linux, without the network: a clock that
// neither jumps nor sleeps, a precise timer on it, the end of other processes as
// an event, and that a busy machine does not keep it waiting (Realtime,
// LockMemory).
//
// Now and Timer use CLOCK_BOOTTIME: it goes on while the machine sleeps and no
// administrator and no NTP daemon can set it. Timer and Processes wait in Go's
// netpoller, so that nothing that waits costs a thread.
package host
