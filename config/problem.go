// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with the file, at its place.
type Problem struct {
	File         string
	Line, Column int    // from 1; 0: the file as a whole
	Path         string // routers[0].vrid; empty: the file as a whole
	Text         string
	Warning      bool // it works, but hardly as meant
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Warning {
		b.WriteString("warning: ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Problems are all there are, by line.
type Problems []Problem

// Failed reports whether one of them is more than a warning.
func (ps Problems) Failed() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning })
}

// add keeps each problem once: the file is read for every node that it names.
func (ps *Problems) add(p Problem) {
	if !slices.Contains(*ps, p) {
		*ps = append(*ps, p)
	}
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}
