// SPDX-License-Identifier: Apache-2.0

package health_test

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

// fill puts the tables into the document.
func (r *report) fill(t *testing.T, path string) {
	t.Helper()
	labtest.Must(t, lab.Fill(path, "kinds", r.overview()))
	for _, s := range scenes() {
		labtest.Must(t, lab.Fill(path, s.name, r.table(s, verdict)))
		if s.asked {
			labtest.Must(t, lab.Fill(path, s.name+" client", r.table(s, client)))
		}
	}
	labtest.Must(t, lab.Fill(path, "told", r.told()))
}

// overview has a line for each kind: what it sees, how soon, and what it does not see.
func (r *report) overview() string {
	table := head("kind", "passes when", "sees, after ms", "does not see")
	for _, k := range kinds() {
		var sees, misses []string
		for _, name := range r.events("") {
			trials := r.of("", name, k)
			if len(wires(trials)) > 0 {
				sees = append(sees, name+": "+verdict(trials))
			} else if len(trials) > 0 && trials[0].expected == blind {
				misses = append(misses, name)
			}
		}
		if k.never != "" {
			misses = append(misses, k.never)
		}
		table += line(code(k.name), k.passes, strings.Join(sees, "; "), strings.Join(misses, "; "))
	}
	return table
}

// kinds are all of them, each once.
func kinds() (all []*kind) {
	for _, s := range scenes() {
		for _, k := range s.kinds {
			if !slices.Contains(all, k) {
				all = append(all, k)
			}
		}
	}
	return all
}

// table has a line for each event, and a column for each kind.
func (r *report) table(s scene, cell func([]trial) string) string {
	names := []string{"event"}
	for _, k := range s.kinds {
		names = append(names, code(k.name))
	}
	table := head(names...)
	for _, name := range r.events(s.name) {
		cells := []string{name}
		for _, k := range s.kinds {
			cells = append(cells, cell(r.of(s.name, name, k)))
		}
		table += line(cells...)
	}
	return table
}

// verdict is what a kind made of an event: how soon it failed, or that it did not.
func verdict(trials []trial) string {
	times := wires(trials)
	switch {
	case trials[0].expected == foreign:
		return ""
	case len(times) == len(trials):
		return spread(times)
	case len(times) > 0:
		return fmt.Sprintf("%s, %d of %d", spread(times), len(times), len(trials))
	case trials[0].expected == blind:
		return "**not seen**"
	}
	return "passes"
}

// client is for how long a client of the kind's address had no answer.
func client(trials []trial) string {
	times, broken := outages(trials)
	if broken {
		return "**to the end**"
	}
	return spread(times)
}

// told is how long after a verdict the other node is told.
func (r *report) told() string {
	var times []time.Duration
	for _, t := range r.trials {
		if t.seen.failed && t.seen.wire != 0 {
			times = append(times, max(0, t.seen.wire-t.seen.verdict))
		}
	}
	return fmt.Sprintf("From the verdict, whose time has whole milliseconds, to the lower priority on the wire, in ms: %s, of %d.\n", spread(times), len(times))
}

func head(names ...string) string {
	return line(names...) + "|" + strings.Repeat("---|", len(names)) + "\n"
}

func line(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// code sets the first word of a name as code.
func code(name string) string {
	word, rest, _ := strings.Cut(name, ",")
	if rest != "" {
		rest = "," + rest
	}
	return "`" + word + "`" + rest
}

// The document has a row for all that is tried, in each of its tables.
func TestDocumentIsComplete(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "..", "docs", "health.md"))
	labtest.Must(t, err)
	for _, k := range kinds() {
		wantRows(t, string(file), code(k.name), 1)
	}
	rows := map[string]int{}
	for _, e := range slices.Concat(underHAProxy(&service{}), underNginx(&service{})) {
		rows[e.name] += 2 // the verdicts, and what the client saw
	}
	for _, e := range others(nil, nil, nil) {
		rows[e.name]++
	}
	for name, want := range rows {
		wantRows(t, string(file), name, want)
	}
}

func wantRows(t *testing.T, document, name string, want int) {
	t.Helper()
	if got := strings.Count(document, "\n| "+name+" | "); got != want {
		t.Errorf("docs/health.md has %d rows for %q, want %d: run docs/update health", got, name, want)
	}
}
