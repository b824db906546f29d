// SPDX-License-Identifier: Apache-2.0

package reliability_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// table is a table of the document: what was measured of each event, in one number.
type table struct {
	name  string // of its place in the document
	limit func(limit) int
	value func(seen) int
}

func tables() []table {
	return []table{
		{"lost", func(l limit) int { return l.lost }, func(s seen) int { return s.lost }},
		{"two", func(l limit) int { return ms(l.two) }, func(s seen) int { return ms(max(s.advertised, s.answered)) }},
		{"none", nil, func(s seen) int { return ms(s.none) }},
	}
}

func ms(d time.Duration) int { return int(d.Round(time.Millisecond).Milliseconds()) }

// fill puts the figures into the places of a document that were made for them.
func (f *figures) fill(path string) error {
	for _, t := range tables() {
		if err := lab.Fill(path, t.name, f.table(t)); err != nil {
			return err
		}
	}
	return lab.Fill(path, "floor", f.floor())
}

func (f *figures) table(t table) string {
	head := []string{"event"}
	if t.limit != nil {
		head = append(head, "limit")
	}
	for _, s := range subjects() {
		head = append(head, s.name)
	}
	lines := line(head) + "|" + strings.Repeat("---|", len(head)) + "\n"
	for _, scene := range scenes() {
		for _, e := range scene.events {
			lines += line(f.row(t, e))
		}
	}
	return lines
}

func (f *figures) row(t table, e event) []string {
	cells := []string{e.name}
	if t.limit != nil {
		cells = append(cells, fmt.Sprint(t.limit(e.limit)))
	}
	for _, s := range subjects() {
		cells = append(cells, t.cell(f.seen[e.name][s.name], e.limitOf(s), s.name != keepalived.name))
	}
	return cells
}

// cell is the median and the greatest of what was measured, in bold if it is beyond a
// limit that holds.
func (t table) cell(all []seen, l limit, holds bool) string {
	if len(all) == 0 {
		return "–"
	}
	var values []int
	for _, s := range all {
		values = append(values, t.value(s))
	}
	slices.Sort(values)
	text := fmt.Sprintf("%d / %d", values[len(values)/2], values[len(values)-1])
	if holds && t.limit != nil && values[len(values)-1] > t.limit(l) {
		text = "**" + text + "**"
	}
	return text
}

// floor is how late the probe itself was.
func (f *figures) floor() string {
	var late []int
	for _, subjects := range f.seen {
		for _, all := range subjects {
			for _, s := range all {
				late = append(late, ms(s.late))
			}
		}
	}
	slices.Sort(late)
	return fmt.Sprintf("In the %d measurements of this run the longest time in which the client did not send was %d ms in the median, %d ms at most.\n",
		len(late), late[len(late)/2], late[len(late)-1])
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// The document has a row in each table for all that is measured.
func TestDocumentIsComplete(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "..", "docs", "reliability.md"))
	labtest.Must(t, err)
	for _, scene := range scenes() {
		for _, e := range scene.events {
			if got := strings.Count(string(file), "| "+e.name+" | "); got != len(tables()) {
				t.Errorf("docs/reliability.md has %q in %d tables, want %d: run docs/update", e.name, got, len(tables()))
			}
		}
	}
}
