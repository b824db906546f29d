// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"fmt"
	"strings"
	"time"

	"vipd/vrrp"
)

// tailLength is how much of its end a trace keeps.
const tailLength = 60

// trace is what happened. It keeps a hash of everything, and the last lines.
type trace struct {
	hash  uint64
	tail  [tailLength]entry
	count int
	sink  func(entry) // hears what is kept; may be nil
}

// entry is one thing that happened.
type entry struct {
	at     time.Duration
	node   *node // nil: the world
	member int
	effect vrrp.Effect // or
	text   string
	dull   bool // the same again: it is not kept
}

// FNV-1a.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func (t *trace) reset() { t.hash = fnvOffset }

func (t *trace) add(e entry) {
	t.mix(uint64(e.at))
	if e.node != nil {
		t.mix(uint64(e.node.id + 1))
	}
	t.mix(uint64(e.member))
	t.mix(fingerprint(e.effect))
	for i := range len(e.text) {
		t.mix(uint64(e.text[i]))
	}
	if e.dull {
		return
	}
	t.tail[t.count%tailLength] = e
	t.count++
	if t.sink != nil {
		t.sink(e)
	}
}

func (t *trace) mix(v uint64) { t.hash = (t.hash ^ v) * fnvPrime }

// fingerprint tells effects apart.
func fingerprint(effect vrrp.Effect) uint64 {
	switch e := effect.(type) {
	case vrrp.Transition:
		return 1 | uint64(e.From)<<8 | uint64(e.To)<<16 | uint64(e.Reason)<<24
	case vrrp.Send:
		return 2 | uint64(e.Priority)<<8
	case vrrp.Own:
		if e.Wanted {
			return 3 | 1<<8
		}
		return 3
	case vrrp.Announce:
		return 4
	case vrrp.Silence:
		return 7
	case vrrp.Refused:
		return 5 | uint64(e.Reject)<<8
	case vrrp.Follow:
		b := e.Source.As16()
		return 8 | uint64(b[15])<<8
	case vrrp.Doubt:
		return 9
	case vrrp.Drain:
		return 10
	case vrrp.Report:
		b := e.To.As16()
		if e.Last {
			return 13 | uint64(b[15])<<8
		}
		return 11 | uint64(b[15])<<8
	case vrrp.Pass:
		b := e.To.As16()
		return 12 | uint64(b[15])<<8
	case vrrp.Notice:
		return 6 | uint64(e.Kind)<<8
	}
	return 0
}

// last is the end of the trace, in lines.
func (t *trace) last() string {
	var b strings.Builder
	for i := max(0, t.count-tailLength); i < t.count; i++ {
		b.WriteString(t.tail[i%tailLength].String() + "\n")
	}
	return b.String()
}

func (e entry) String() string {
	line := fmt.Sprintf("%13.6f ", e.at.Seconds())
	if e.node == nil {
		return line + e.text
	}
	line += e.node.name
	if len(e.node.nics) > 1 && (e.effect != nil || strings.HasPrefix(e.text, "holds")) {
		line += [...]string{"/4", "/6"}[e.member]
	}
	return line + " " + e.text + word(e.effect)
}

// word is an effect in short.
func word(effect vrrp.Effect) string {
	switch e := effect.(type) {
	case vrrp.Transition:
		return fmt.Sprintf("%v → %v (%v)", e.From, e.To, e.Reason)
	case vrrp.Send:
		return fmt.Sprintf("sends %d", e.Priority)
	case vrrp.Own:
		return map[bool]string{true: "wants its addresses", false: "gives its addresses up"}[e.Wanted]
	case vrrp.Silence:
		return "falls silent"
	case vrrp.Drain:
		return "drains"
	case vrrp.Report:
		return map[bool]string{false: "reports to ", true: "reports the last time to "}[e.Last] + e.To.String()
	case vrrp.Pass:
		if !e.To.IsValid() {
			return "passes nothing on"
		}
		return "passes on to " + e.To.String()
	case vrrp.Announce:
		return "announces"
	case vrrp.Follow:
		if !e.Source.IsValid() {
			return "follows nobody"
		}
		return "follows " + e.Source.String()
	case vrrp.Doubt:
		return "is in doubt"
	case vrrp.Refused:
		return "refuses an advert: " + e.Reject.String()
	case vrrp.Notice:
		return "notices: " + e.Kind.String()
	}
	return ""
}
