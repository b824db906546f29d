// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what happens into testdata; commit it only if you understand it")

// Each file is a script, a line of ----, and the trace that it leads to.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			script, want, _ := strings.Cut(string(content), "----\n")
			got, err := Scenario(script)
			if err != nil {
				t.Errorf("%v\n%s", err, got)
			}
			if *update {
				if err := os.WriteFile(file, []byte(script+"----\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestScriptErrors(t *testing.T) {
	for name, script := range map[string]string{
		"no lan":             "run 1s",
		"no nodes":           "lan",
		"unknown lan option": "lan a colour=red",
		"unknown command":    "lan a\nexplode a",
		"unknown node":       "lan a\nstart b",
		"unknown option":     "lan a\nstart a colour=red",
		"no number":          "lan a\nstart a prio=high",
		"no duration":        "lan a\nrun for ever",
		"no link":            "lan a b\ncut a>c",
		"no check":           "lan a\nstart a\nfail a",
		"lose without count": "lan a\nlose a",
		"late without time":  "lan a\nlate a",
	} {
		if _, err := Scenario(script); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
