// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rulesPage maps each rule of the RFC to the function and the tests that hold it.
const rulesPage = "../docs/rfc9568.md"

// ruleRow is one row of its tables.
type ruleRow struct {
	rule        string
	held, tests []string // the names in its columns
	reason      bool     // it says why it has no test, or why it is different
}

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	// excuse is how a reason begins; what it means stands at the head of the page.
	excuse = regexp.MustCompile(`^(netif|not built yet|choice|nothing to do): \S`)
)

// ruleRows reads the tables.
func ruleRows(t *testing.T) []ruleRow {
	t.Helper()
	page, err := os.ReadFile(rulesPage)
	if err != nil {
		t.Fatal(err)
	}
	var rows []ruleRow
	for _, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|--") || strings.TrimSpace(cells[0]) == "§" {
			continue
		}
		if len(cells) != 4 {
			t.Errorf("%d columns, want 4: %s", len(cells), line)
			continue
		}
		rows = append(rows, ruleRow{
			rule: line, held: spans(cells[2]), tests: tests(spans(cells[3])),
			reason: excuse.MatchString(strings.TrimSpace(cells[3])),
		})
	}
	if len(rows) == 0 {
		t.Fatal("no rules")
	}
	return rows
}

func spans(cell string) []string {
	var names []string
	for _, m := range codeSpan.FindAllStringSubmatch(cell, -1) {
		names = append(names, m[1])
	}
	return names
}

// tests leaves out what is no test.
func tests(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return !strings.Contains(name, "Test") })
}

// functions lists the functions and methods of a file of the repository.
func functions(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Errorf("%s: %v", rulesPage, err)
		return nil
	}
	var names []string
	for _, decl := range parsed.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

// testsOf lists the tests of a package.
func testsOf(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("%s: no tests in %s (%v)", rulesPage, dir, err)
	}
	var names []string
	for _, file := range files {
		names = append(names, functions(t, filepath.Join(dir, filepath.Base(file)))...)
	}
	return names
}

// Every name on the page exists, so that it can't rot.
func TestRulesPageNamesWhatExists(t *testing.T) {
	known := map[string][]string{}
	look := func(key string, list func(*testing.T, string) []string) []string {
		if _, ok := known[key]; !ok {
			known[key] = list(t, key)
		}
		return known[key]
	}
	for _, row := range ruleRows(t) {
		for _, held := range row.held {
			file, function, ok := strings.Cut(held, ":")
			if !strings.Contains(file, "/") {
				file = "vrrp/" + file
			}
			if !ok || !slices.Contains(look(file, functions), function) {
				t.Errorf("no function %s, named in\n%s", held, row.rule)
			}
		}
		for _, test := range row.tests {
			dir, name, ok := strings.Cut(test, ".")
			if !ok {
				dir, name = "vrrp", test
			}
			if !slices.Contains(look(dir, testsOf), name) {
				t.Errorf("no test %s, named in\n%s", test, row.rule)
			}
		}
	}
}

// A rule has a place and a test, or it says why not.
func TestRulesPageHasNoEmptyRow(t *testing.T) {
	for _, row := range ruleRows(t) {
		if len(row.tests) == 0 && !row.reason {
			t.Errorf("no test, and no reason:\n%s", row.rule)
		}
		if len(row.held) == 0 && !row.reason {
			t.Errorf("held by nobody, and no reason:\n%s", row.rule)
		}
	}
}

// Every test that is named after the RFC stands on the page.
func TestRulesPageHasEveryTestOfTheRFC(t *testing.T) {
	var named []string
	for _, row := range ruleRows(t) {
		named = append(named, row.tests...)
	}
	for _, test := range testsOf(t, "vrrp") {
		if strings.HasPrefix(test, "TestRFC") && !slices.Contains(named, test) {
			t.Errorf("%s does not have %s", rulesPage, test)
		}
	}
}
