// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"fmt"
	"strconv"
	"strings"
)

var columns = []string{"", "setting", "limit", "goal", "vipd", "keepalived", "ratio", "n"}

// Table is the Markdown table of the figures of a part, and after it their problems;
// empty when it has none.
func (r Report) Table(part string) string {
	var rows, problems strings.Builder
	for _, f := range r.Figures {
		if f.Part != part {
			continue
		}
		if rows.Len() == 0 {
			rows.WriteString(row(columns) + strings.Repeat("|---", len(columns)) + "|\n")
		}
		rows.WriteString(f.row())
		if f.Problem != "" {
			fmt.Fprintf(&problems, "- %s, %s: %s\n", f.Name, f.Setting, oneLine(f.Problem))
		}
	}
	if problems.Len() > 0 {
		return rows.String() + "\nNot measured, or not each time:\n\n" + problems.String()
	}
	return rows.String()
}

func row(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// row is the figure's line of a table. vipd's median is bold when it misses its goal.
func (f Figure) row() string {
	name := f.Name
	if f.Unit != "" {
		name += ", " + f.Unit
	}
	return row([]string{name, f.Setting, bound(f.Limit), bound(f.Goal), f.Vipd.cell(f.Missed()), f.Keepalived.cell(false),
		orDash(f.Ratio()), f.repetitions()})
}

// cell is "min / median / max".
func (s Samples) cell(bold bool) string {
	if len(s) == 0 {
		return "–"
	}
	median := s.Median().String()
	if bold {
		median = "**" + median + "**"
	}
	return fmt.Sprintf("%v / %s / %v", s.Min(), median, s.Max())
}

// repetitions is how many samples there are: of each daemon, if they differ.
func (f Figure) repetitions() string {
	if len(f.Vipd) == len(f.Keepalived) {
		return strconv.Itoa(len(f.Vipd))
	}
	return fmt.Sprintf("%d, %d", len(f.Vipd), len(f.Keepalived))
}

// String is the value with three digits: "609", "0.07", "> 20000".
func (s Sample) String() string {
	if s.Censored {
		return "> " + number(s.Value)
	}
	return number(s.Value)
}

// number has three digits, or all before the point, and no zero at the end after it.
func number(v float64) string {
	switch {
	case v >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 9.995:
		return trim(strconv.FormatFloat(v, 'f', 1, 64))
	}
	return trim(strconv.FormatFloat(v, 'f', 2, 64))
}

func trim(text string) string { return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") }

func bound(v *float64) string {
	if v == nil {
		return "–"
	}
	return number(*v)
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// maxProblem bounds what a table tells of a problem, in bytes; JSON has all of it.
const maxProblem = 160

// oneLine is a text that can stand in a cell of a table.
func oneLine(text string) string {
	text = strings.NewReplacer("|", "/", "\n", " ").Replace(text)
	if len(text) > maxProblem {
		text = strings.ToValidUTF8(text[:maxProblem], "") + "…"
	}
	return text
}
