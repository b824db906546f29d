// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"time"
)

const (
	// logEvery is how often one thing about one peer may be logged.
	logEvery = time.Minute
	// maxLogged bounds how many peers and reasons are told apart in that time. A
	// flood from forged addresses shares what is left.
	maxLogged = 32
)

// limiter bounds log lines that anybody on the link can cause. No packet, good or
// bad, resets it.
type limiter struct {
	lines map[logged]*line
}

type logged struct {
	peer netip.Addr
	word string
}

type line struct {
	last       time.Time
	suppressed uint64
}

func newLimiter() limiter { return limiter{lines: map[logged]*line{}} }

// allow reports whether a line may be logged now, and how many like it have not
// been since the last.
func (l *limiter) allow(now time.Time, peer netip.Addr, word string) (ok bool, suppressed uint64) {
	key := logged{peer, word}
	if l.lines[key] == nil && len(l.lines) >= maxLogged {
		l.forget(now)
	}
	if l.lines[key] == nil && len(l.lines) >= maxLogged {
		key = logged{} // shared by all the others
	}
	entry := l.lines[key]
	if entry == nil {
		l.lines[key] = &line{last: now}
		return true, 0
	}
	if now.Sub(entry.last) < logEvery {
		entry.suppressed++
		return false, 0
	}
	suppressed = entry.suppressed
	*entry = line{last: now}
	return true, suppressed
}

// forget makes room: what was not logged lately and hides nothing.
func (l *limiter) forget(now time.Time) {
	for key, entry := range l.lines {
		if now.Sub(entry.last) >= logEvery {
			delete(l.lines, key)
		}
	}
}

// logBounded logs a warning about a peer, at a bounded rate.
func (d *Daemon) logBounded(peer netip.Addr, word, text string, args ...any) {
	ok, suppressed := d.limit.allow(d.now, peer, word)
	if ok {
		d.log.Warn(text, append([]any{"reason", word, "source", peer, "suppressed", suppressed}, args...)...)
	}
}
