// SPDX-License-Identifier: Apache-2.0

package vrrp

import "time"

const (
	// MinInterval and MaxInterval bound the Advertisement_Interval: 12 bits of
	// centiseconds, without 0 (RFC 9568 §5.2.7, erratum 8301).
	MinInterval = centisecond
	MaxInterval = 4095 * centisecond

	centisecond = 10 * time.Millisecond

	// missedAdverts is how many of the Active's adverts a Backup waits for (§6.1).
	missedAdverts = 3

	// leasePerPair is for how long a lease makes up for each pair of IPv6 addresses: with
	// each renewal the kernel looks at all of them. A third of the lease is then some twenty
	// times as long as it takes to renew them.
	leasePerPair = 10 * time.Microsecond
)

// SkewTime is RFC 9568 §6.1's Skew_Time: ((256 - priority) * interval) / 256. It
// is never 0, so that Backups of different priority do not all fire at once.
func SkewTime(priority uint8, interval time.Duration) time.Duration {
	return time.Duration(256-int(priority)) * interval / 256
}

// ActiveDownInterval is RFC 9568 §6.1's Active_Down_Interval: how long a Backup
// hears nothing until it takes over.
func ActiveDownInterval(priority uint8, interval time.Duration) time.Duration {
	return missedAdverts*interval + SkewTime(priority, interval)
}

// AutoLease is the kernel lifetime of addresses that adverts at this interval renew:
// longer than any Backup waits, long enough for that many IPv6 addresses, and in the
// kernel's unit, whole seconds.
func AutoLease(interval time.Duration, ipv6 int) time.Duration {
	lease := max((missedAdverts+1)*interval, time.Duration(ipv6*ipv6)*leasePerPair)
	return (lease + time.Second - 1).Truncate(time.Second)
}

// earliest returns the earlier of two deadlines, of which zero means none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// due reports whether a deadline is set and has come.
func due(deadline, now time.Time) bool {
	return !deadline.IsZero() && !now.Before(deadline)
}
