// SPDX-License-Identifier: Apache-2.0

package health

import (
	"strings"
	"time"
	"unicode"
)

// maxDetail bounds a Result's Detail, in bytes.
const maxDetail = 200

// Result is one probe's outcome.
type Result struct {
	// Check is the name of the check.
	Check string
	// OK: the service can serve.
	OK bool
	// Died: the watched process ended and there is no other in its place. OK is
	// false; it is a verdict at once, whatever fall says.
	Died bool
	// Unmade: the probe could not be made for want of something on this side, such as
	// file descriptors. OK is false, and it says nothing about the service.
	Unmade bool
	// Detail says why not, for people, in at most 200 bytes, one line, printable:
	// "HTTP 503". It is empty when OK.
	Detail string
	// Took is how long the probe took.
	Took time.Duration
}

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
