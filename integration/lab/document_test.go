// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"path/filepath"
	"testing"

	"vipd/integration/lab/labtest"
)

func TestFill(t *testing.T) {
	tests := map[string]struct{ name, before, after string }{
		"an empty place":         {"b", "x\n<!-- b -->\n<!-- end -->\ny\n", "x\n<!-- b -->\nnew\n<!-- end -->\ny\n"},
		"a full one":             {"b", "<!-- b -->\nold\nold\n<!-- end -->\n", "<!-- b -->\nnew\n<!-- end -->\n"},
		"the second of two":      {"b", "<!-- a -->\n1\n<!-- end -->\n<!-- b -->\n<!-- end -->\n", "<!-- a -->\n1\n<!-- end -->\n<!-- b -->\nnew\n<!-- end -->\n"},
		"one with a longer name": {"b", "<!-- b client -->\n<!-- end -->\n", ""},
		"no end":                 {"b", "<!-- b -->\nold\n", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "document.md")
			labtest.Must(t, os.WriteFile(path, []byte(test.before), 0o600))
			err := Fill(path, test.name, "new\n")
			got, readErr := os.ReadFile(path)
			labtest.Must(t, readErr)
			if (err != nil) != (test.after == "") || err == nil && string(got) != test.after {
				t.Errorf("error %v, text %q, want %q", err, got, test.after)
			}
			if err != nil && string(got) != test.before {
				t.Errorf("it failed, and wrote %q", got)
			}
		})
	}
}
