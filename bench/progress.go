// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress tells what goes on, a line for each thing.
type progress struct {
	begin time.Time
	mu    sync.Mutex // guards out
	out   io.Writer
}

func newProgress(out io.Writer) *progress { return &progress{begin: time.Now(), out: out} }

func (p *progress) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "%7.1f s  %s\n", time.Since(p.begin).Seconds(), fmt.Sprintf(format, args...))
}
