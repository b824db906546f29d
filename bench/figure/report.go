// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"encoding/json"
	"slices"
	"strings"
)

// Report is a run's outcome.
type Report struct {
	Machine Machine  `json:"machine"`
	Figures []Figure `json:"figures"`
}

// Markdown is the machine, and the table of each part, each under a heading.
func (r Report) Markdown() string {
	var b strings.Builder
	b.WriteString("## Machine\n\n" + r.Machine.Markdown())
	for _, part := range r.parts() {
		b.WriteString("\n## " + strings.ToUpper(part[:1]) + part[1:] + "\n\n" + r.Table(part))
	}
	return b.String()
}

// parts are those that figures are of, in their order.
func (r Report) parts() (parts []string) {
	for _, f := range r.Figures {
		if !slices.Contains(parts, f.Part) {
			parts = append(parts, f.Part)
		}
	}
	return parts
}

// JSON is all that is known, with a newline at its end.
func (r Report) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}
