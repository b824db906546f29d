// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bufio"
	"encoding/json"
	"io"
	"sync"
	"time"
)

// Sample is one question of a probe, and what became of it.
type Sample struct {
	Start    time.Time     `json:"start"`    // when it was asked
	Duration time.Duration `json:"duration"` // until the answer, or until it was given up
	OK       bool          `json:"ok"`       // answered in time
	Server   string        `json:"server"`   // the name of the host that answered
}

// Outage is the longest time in which nobody who asked got an answer: the longest
// gap between the starts of consecutive answered samples from one moment to
// another. The two moments count as answered, so that a time without any answer is
// an outage as long as itself. The samples are in the order of their start; those
// of the whole time must be in.
func Outage(samples []Sample, from, to time.Time) time.Duration {
	longest, last := time.Duration(0), from
	for _, s := range samples {
		if s.OK && !s.Start.Before(from) && !s.Start.After(to) {
			longest, last = max(longest, s.Start.Sub(last)), s.Start
		}
	}
	return max(longest, to.Sub(last))
}

// Lost is how many samples that started from one moment to another were not
// answered in time.
func Lost(samples []Sample, from, to time.Time) int {
	lost := 0
	for _, s := range samples {
		if !s.OK && !s.Start.Before(from) && !s.Start.After(to) {
			lost++
		}
	}
	return lost
}

// Stretch is a run of answers by one server.
type Stretch struct {
	Server   string
	From, To time.Time // the starts of the first and of the last sample
	Answers  int
}

// Servers is who answered, one after another. The samples are in the order of
// their start.
func Servers(samples []Sample) []Stretch {
	var stretches []Stretch
	for _, s := range samples {
		if !s.OK {
			continue
		}
		if last := len(stretches) - 1; last >= 0 && stretches[last].Server == s.Server {
			stretches[last].To = s.Start
			stretches[last].Answers++
			continue
		}
		stretches = append(stretches, Stretch{Server: s.Server, From: s.Start, To: s.Start, Answers: 1})
	}
	return stretches
}

// flushInterval is how long a sample may wait for others: a reader that is woken for
// each one would cost more than the probe.
const flushInterval = 5 * time.Millisecond

// sampleWriter writes samples as lines, from many goroutines, some at once. A write can
// fail only when the parent has gone, which ends this process, too.
type sampleWriter struct {
	mu      sync.Mutex // guards what follows
	encoder *json.Encoder
	lines   *bufio.Writer
	waits   bool // a flush will come
}

func newSampleWriter(w io.Writer) *sampleWriter {
	lines := bufio.NewWriter(w)
	return &sampleWriter{encoder: json.NewEncoder(lines), lines: lines}
}

func (w *sampleWriter) write(s Sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.encoder.Encode(s)
	if !w.waits {
		w.waits = true
		time.AfterFunc(flushInterval, w.flush)
	}
}

// flush writes what is left.
func (w *sampleWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = false
	w.lines.Flush()
}
