// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// maxLog bounds what is shown of a node's log of one episode, in bytes.
const maxLog = 16 << 10

// logMarks is how long the log of each node is.
func (x *run) logMarks() []int64 {
	marks := make([]int64, len(x.nodes))
	for i, n := range x.nodes {
		if info, err := os.Stat(n.vipd.Log()); err == nil {
			marks[i] = info.Size()
		}
	}
	return marks
}

// logsSince is what the nodes have logged since, for people.
func (x *run) logsSince(marks []int64) string {
	var b strings.Builder
	for i, n := range x.nodes {
		text, err := readFrom(n.vipd.Log(), marks[i])
		if err != nil {
			text = err.Error()
		}
		fmt.Fprintf(&b, "    the log of %s:\n", n.name())
		for line := range strings.Lines(text) {
			b.WriteString("      " + line)
		}
	}
	return b.String()
}

func readFrom(path string, mark int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.NewSectionReader(file, mark, maxLog))
	return string(text), err
}
