// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

func TestLogWriterKeepsTheOrder(t *testing.T) {
	var out bytes.Buffer
	l := NewLogWriter(&out)
	var want strings.Builder
	for i := range 100 {
		fmt.Fprintf(l, "line %d\n", i)
		fmt.Fprintf(&want, "line %d\n", i)
	}
	l.Close()
	l.Close()
	if out.String() != want.String() {
		t.Errorf("got %q", out.String())
	}
}

// A reader that hangs: the writer does not wait, and Close does not for ever.
func TestLogWriterNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe() // nobody reads yet
		l := NewLogWriter(w)
		const lines = 2 * logQueue
		for range lines {
			if n, err := l.Write([]byte("line\n")); n != 5 || err != nil {
				t.Fatal(n, err)
			}
		}
		l.Close() // returns, although nobody has read a line
		var out bytes.Buffer
		read := make(chan struct{})
		go func() {
			defer close(read)
			io.Copy(&out, r)
		}()
		<-l.done
		w.Close()
		<-read
		if got := strings.Count(out.String(), "line\n"); got < logQueue || got == lines {
			t.Errorf("%d of %d lines came through", got, lines)
		}
		if !strings.Contains(out.String(), "log lines were dropped") {
			t.Error("nobody was told of the dropped lines")
		}
	})
}

func TestLogWriterTellsOfDroppedLines(t *testing.T) {
	var out bytes.Buffer
	l := NewLogWriter(&out)
	l.dropped.Store(3)
	fmt.Fprintln(l, "next")
	l.Close()
	if want := "3 log lines were dropped: whoever reads the log is too slow\nnext\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestLogWriterCutsLongLines(t *testing.T) {
	var out bytes.Buffer
	l := NewLogWriter(&out)
	l.Write(bytes.Repeat([]byte("x"), 2*maxLogLine))
	l.Close()
	if out.Len() != maxLogLine || !strings.HasSuffix(out.String(), "x\n") {
		t.Errorf("%d bytes", out.Len())
	}
}
