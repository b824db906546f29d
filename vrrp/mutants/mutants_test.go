// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The list can't rot between two runs of the command: what is to be broken is
// there, once.
func TestEveryMutantFits(t *testing.T) {
	mutants, err := list(nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range mutants {
		source, err := os.ReadFile(filepath.Join("..", m.file))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.apply(string(source)); err != nil {
			t.Error(err)
		}
		if seen[m.String()] {
			t.Errorf("%s: there are two with this name", m)
		}
		seen[m.String()] = true
	}
}

// Every file with a rule in it has mutants.
func TestEveryFileIsBroken(t *testing.T) {
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	noRules := map[string]bool{
		"doc": true, "effect": true, "input": true, "state": true, "reject": true, // names
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".go")
		if noRules[name] || strings.HasSuffix(name, "_test") {
			continue
		}
		if _, err := list([]string{name}); err != nil {
			t.Error(err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no rule", "- a\n+ b\n", "a mutant has a rule"},
		{"nothing is taken out", "rule\n+ b\n", "a mutant has a rule"},
		{"nothing changes", "rule\n- a\n+ a\n", "a mutant has a rule"},
		{"two rules", "rule\nrule\n- a\n+ b\n", "line 2: neither - nor +"},
		{"a change without a sign", "rule\n- a\nb\n", "line 3: neither - nor +"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parse("x.go", tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	got, err := parse("x.go", "# first\n\nrule\n- a\n- b\n+ c\n\n\nother\n- d")
	want := []mutant{{"x.go", 3, "rule", "a\nb", "c"}, {"x.go", 9, "other", "d", ""}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

func TestApply(t *testing.T) {
	m := mutant{"x.go", 1, "rule", "a >= b", "a > b"}
	if got, err := m.apply("if a >= b {"); err != nil || got != "if a > b {" {
		t.Errorf("%q, %v", got, err)
	}
	for _, source := range []string{"if a < b {", "if a >= b || a >= b {"} {
		if _, err := m.apply(source); err == nil {
			t.Errorf("%q: no error", source)
		}
	}
}

func TestNoticedBy(t *testing.T) {
	for _, tt := range []struct{ name, out, want string }{
		{"a test", "--- FAIL: TestA (0.00s)\n    a_test.go:3: no\nFAIL\n", "TestA"},
		{"a part of a test", "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\nFAIL\n", "TestA/b"},
		{"a panic", "--- FAIL: TestA (0.00s)\npanic: no [recovered]\n", "TestA"},
		{"an endless loop", "panic: test timed out after 10s\n\trunning tests:\n\t\tTestA (10s)\n", "TestA (it did not end)"},
		{"a fatal error", "fatal error: stack overflow\n", "a crash outside of the tests"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := noticedBy(tt.out); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
