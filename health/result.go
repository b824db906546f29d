// SPDX-License-Identifier: Apache-2.0

package health

import (
	"errors"
	"strings"
	"time"
	"unicode"
)

// maxDetail bounds a Result's Detail, in bytes.
const maxDetail = 1 << 10

// Result is one probe's outcome.
type Result struct {
	// Check is the name of the check.
	Check string
	// OK: the service can serve.
	OK bool
	// Sure: the failure is no matter of counting. The watched process has ended and
	// there is no other in its place, or the service says itself that it is stopping.
	// OK is false; it is a verdict at once, whatever fall says.
	Sure bool
	// Excused: it would be Sure, but for the check's grace. OK is false, and it counts
	// for nothing yet.
	Excused bool
	// Unmade: the probe could not be made for want of something on this side, such as
	// file descriptors. OK is false, and it says nothing about the service.
	Unmade bool
	// Warning: the service can serve, and what Detail says will keep it from that if nobody
	// does anything. OK is true.
	Warning bool
	// Detail says why not, for people, in at most 1 KiB, one line, printable:
	// "HTTP 503". When OK it is empty, but for a certificate that expires soon and
	// for what a script has printed.
	Detail string
	// Took is how long the probe took.
	Took time.Duration
}

// remark is how a Prober reports a success that there is something to say about.
type remark struct {
	text string
	warn bool // it is a Warning
}

func (r remark) Error() string { return r.text }

// succeeded reports whether a probe that returned err found the service well.
func succeeded(err error) bool {
	_, remarked := errors.AsType[remark](err)
	return err == nil || remarked
}

// partError is how a Prober says which part of what it asked has failed.
type partError struct {
	part string
	error
}

func (e partError) Error() string { return e.part + ": " + e.error.Error() }
func (e partError) Unwrap() error { return e.error }

// shortage is how a Prober reports a want of this host that its error does not show.
type shortage struct{ error }

func (s shortage) Unwrap() error { return s.error }

// sure is how a Prober reports a failure that is no matter of counting.
type sure struct{ error }

func (s sure) Unwrap() error { return s.error }

// printable makes one short line of printable characters from any text.
func printable(s string) string {
	const ellipsis = "…"
	if len(s) > maxDetail {
		s = strings.ToValidUTF8(s[:maxDetail-len(ellipsis)], "") + ellipsis
	}
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
