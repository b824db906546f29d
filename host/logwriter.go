// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	logQueue   = 1024            // lines that wait to be written
	maxLogLine = 8 << 10         // bytes; longer ones are cut
	logFlush   = 2 * time.Second // how long Close waits for the reader of the log
)

// LogWriter writes lines without ever making the caller wait: a journal that
// hangs must not stop an advert. What does not fit into its queue is dropped, and
// the number of dropped lines is written when there is room again.
type LogWriter struct {
	to      io.Writer
	lines   chan []byte
	dropped atomic.Uint64
	closing sync.Once
	end     chan struct{} // closed by Close
	done    chan struct{} // closed when all is written
}

// NewLogWriter returns a LogWriter that writes to w from a goroutine of its own.
func NewLogWriter(w io.Writer) *LogWriter {
	l := &LogWriter{to: w, lines: make(chan []byte, logQueue), end: make(chan struct{}), done: make(chan struct{})}
	go l.write()
	return l
}

// Write queues one line. It never fails and never blocks.
func (l *LogWriter) Write(line []byte) (int, error) {
	own := append([]byte(nil), line[:min(len(line), maxLogLine)]...)
	if len(line) > maxLogLine {
		own[maxLogLine-1] = '\n'
	}
	select {
	case l.lines <- own:
	default:
		l.dropped.Add(1)
	}
	return len(line), nil
}

// write writes what is queued, and after Close what is left.
func (l *LogWriter) write() {
	defer close(l.done)
	for {
		select {
		case line := <-l.lines:
			l.put(line)
		case <-l.end:
			for range len(l.lines) {
				l.put(<-l.lines)
			}
			return
		}
	}
}

func (l *LogWriter) put(line []byte) {
	if n := l.dropped.Swap(0); n > 0 {
		fmt.Fprintf(l.to, "%d log lines were dropped: whoever reads the log is too slow\n", n)
	}
	_, _ = l.to.Write(line) // there is nobody to tell
}

// Close writes what is queued, and returns after two seconds at the latest. What
// is written later is lost.
func (l *LogWriter) Close() {
	l.closing.Do(func() { close(l.end) })
	timeout := time.NewTimer(logFlush)
	defer timeout.Stop()
	select {
	case <-l.done:
	case <-timeout.C:
	}
}
