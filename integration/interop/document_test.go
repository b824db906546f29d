// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"

	"vipd/integration/lab/labtest"
)

// report is what docs/interop.md tells.
type report struct {
	Migration, Plain []step
	Rows             []row
	Faults           []fault
}

// document fills the measured figures into the text.
func (r report) document() ([]byte, error) {
	text, err := template.ParseFiles(filepath.Join("testdata", "interop.md"))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = text.Execute(&out, r)
	return out.Bytes(), err
}

// columns are the events, in their order.
var columns = []string{"stop", "start", "kill -9", "start", "cable out", "cable in", "raised", "lowered", "split"}

func head(more ...string) string {
	names := append(append([]string{"peer", "better"}, columns...), more...)
	return "| " + strings.Join(names, " | ") + " |\n|" + strings.Repeat("---|", len(names)) + "\n"
}

// Takeovers is the table of how long it took, and might.
func (r report) Takeovers() string {
	table := head()
	for _, row := range r.Rows {
		cells := []string{row.pairing, row.active}
		for _, e := range row.events {
			cells = append(cells, fmt.Sprintf("%d / %d", ms(e.took), ms(e.limit)))
		}
		table += line(cells)
	}
	return table
}

// Outages is the table of what the client saw.
func (r report) Outages() string {
	table := head("two own it", "two answer")
	for _, row := range r.Rows {
		cells := []string{row.pairing, row.active}
		for _, e := range row.events {
			cells = append(cells, fmt.Sprint(ms(e.outage)))
		}
		table += line(append(cells, fmt.Sprint(ms(row.owners)), fmt.Sprint(ms(row.answers))))
	}
	return table
}

// Peculiarities is the table of the peers' faults.
func (r report) Peculiarities() string {
	table := "| peer | what it does | remedy |\n|---|---|---|\n"
	for _, f := range r.Faults {
		table += line([]string{f.peer, f.what, f.remedy})
	}
	return table
}

// Lossless and Lossy are the tables of the migrations.
func (r report) Lossless() string { return steps(r.Migration) }
func (r report) Lossy() string    { return steps(r.Plain) }

func steps(all []step) string {
	table := "| step | longest wait | requests lost | datagrams lost | limits |\n|---|---|---|---|---|\n"
	for _, s := range all {
		table += line([]string{s.name, fmt.Sprintf("%d ms", ms(s.outage)), fmt.Sprint(s.http), fmt.Sprint(s.udp),
			fmt.Sprintf("%d, %d", s.maxHTTP(), s.maxUDP())})
	}
	return table
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

func ms(d time.Duration) int64 { return d.Round(time.Millisecond).Milliseconds() }

// The document has a row for all that is tested.
func TestDocumentIsComplete(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "..", "docs", "interop.md"))
	labtest.Must(t, err)
	text := string(file)
	for _, p := range pairings() {
		for _, active := range []string{"vipd", "peer"} {
			if start := fmt.Sprintf("| %s | %s |", p.name, active); strings.Count(text, start) != 2 {
				t.Errorf("docs/interop.md has not two rows %q: run docs/update", start)
			}
		}
	}
	for _, f := range faults() {
		if row := line([]string{f.peer, f.what, f.remedy}); !strings.Contains(text, row) {
			t.Errorf("docs/interop.md lacks %q: run docs/update", row)
		}
	}
}
