// SPDX-License-Identifier: Apache-2.0

package vipd_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// arrows are the imports between our own packages, as docs/architecture.md draws
// them. What is not here is forbidden.
var arrows = map[string][]string{
	"vrrp":                    {},
	"vrrp/mutants":            {},
	"vrrp/vrrpsim":            {"vrrp", "health"},
	"health":                  {},
	"netif":                   {"netif/backoff", "netif/filter", "netif/macvlan", "netif/route", "netif/sockets"},
	"netif/backoff":           {},
	"netif/filter":            {"netif/backoff"},
	"netif/macvlan":           {},
	"netif/route":             {},
	"netif/sockets":           {},
	"host":                    {},
	"config":                  {"vrrp", "health"},
	"daemon":                  {"vrrp", "health", "config"},
	"api":                     {"daemon"},
	"cmd/vipd":                {"api", "config", "daemon", "host", "netif"},
	"integration/lab":         {},
	"integration/lab/labtest": {},
	"integration/demo":        {"integration/lab"},
	"integration/chaos":       {"api", "integration/lab"},
	"bench":                   {"bench/figure", "bench/outage", "bench/scale", "bench/steady", "integration/lab"},
	"bench/figure":            {},
	"bench/lease":             {"integration/lab", "vrrp"},
	"bench/outage":            {"bench/figure", "integration/lab"},
	"bench/pair":              {"bench/figure", "integration/lab", "vrrp"},
	"bench/scale":             {"bench/figure", "bench/pair", "integration/lab"},
	"bench/steady":            {"bench/figure", "bench/pair", "integration/lab"},
}

// forbidden are imports from outside, with the reason.
var forbidden = map[string]map[string]string{
	"vrrp": {
		"net":       "the core does no I/O (net/netip is fine)",
		"os":        "the core does no I/O",
		"log":       "the core does not log: it says why in its effects",
		"log/slog":  "the core does not log: it says why in its effects",
		"sync":      "the core has one owner, and no locks",
		"context":   "the core never waits",
		"math/rand": "the same inputs give the same effects",
	},
	"daemon": {
		"net":     "the loop does no I/O: see ports.go",
		"os":      "the loop does no I/O: see ports.go",
		"os/exec": "the loop does no I/O: see ports.go",
	},
	"config": {
		"os/exec": "reading a file starts nothing",
	},
}

// clock is what reads or waits for time: vrrp is given the time.
var clock = []string{"Now", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Since", "Until"}

const (
	maxFunction = 70 // lines
	licence     = "// SPDX-License-Identifier: Apache-2.0"
)

type source struct {
	path string // from the root, with slashes
	dir  string
	ast  *ast.File
	test bool
}

var positions = token.NewFileSet()

// sources parses every Go file of the repository.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && p != "." {
			return fs.SkipDir
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		file, err := parser.ParseFile(positions, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		p = filepath.ToSlash(p)
		all = append(all, source{p, path.Dir(p), file, strings.HasSuffix(p, "_test.go")})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func imports(s source) []string {
	var all []string
	for _, spec := range s.ast.Imports {
		all = append(all, strings.Trim(spec.Path.Value, `"`))
	}
	return all
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if s.test || s.dir == "." {
			continue
		}
		seen[s.dir] = true
		allowed, known := arrows[s.dir]
		if !known {
			t.Errorf("%s: package %s is not in the house: draw it in docs/architecture.md and in arrows", s.path, s.dir)
		}
		for _, imported := range imports(s) {
			if own, ours := strings.CutPrefix(imported, "vipd/"); ours && !slices.Contains(allowed, own) {
				t.Errorf("%s: %s may not import %s", s.path, s.dir, own)
			}
			if why, bad := forbidden[s.dir][imported]; bad {
				t.Errorf("%s: %s may not import %s: %s", s.path, s.dir, imported, why)
			}
		}
	}
	for dir := range arrows {
		if !seen[dir] {
			t.Errorf("arrows has a package %s that is not there", dir)
		}
	}
}

func TestTheCoreReadsNoClock(t *testing.T) {
	for _, s := range sources(t) {
		if s.dir != "vrrp" || s.test {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := selector.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, selector.Sel.Name) {
				t.Errorf("%v: time.%s: the core is given the time", positions.Position(n.Pos()), selector.Sel.Name)
			}
			return true
		})
		for _, decl := range s.ast.Decls {
			ast.Inspect(decl, func(n ast.Node) bool {
				if _, ok := n.(*ast.GoStmt); ok {
					t.Errorf("%v: the core starts no goroutine", positions.Position(n.Pos()))
				}
				return true
			})
		}
	}
}

func TestEachPackageHasOneComment(t *testing.T) {
	comments := map[string][]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if s.ast.Doc != nil {
			comments[s.dir] = append(comments[s.dir], s.path)
		} else if comments[s.dir] == nil {
			comments[s.dir] = []string{}
		}
	}
	for dir, files := range comments {
		if len(files) != 1 {
			t.Errorf("package %s has %d package comments: %v", dir, len(files), files)
		}
	}
}

func TestEachFileHasItsLicence(t *testing.T) {
	for _, s := range sources(t) {
		if len(s.ast.Comments) == 0 || s.ast.Comments[0].List[0].Text != licence {
			t.Errorf("%s: the first line is not %q", s.path, licence)
		}
	}
}

func TestFunctionsAreShort(t *testing.T) {
	for _, s := range sources(t) {
		for _, decl := range s.ast.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || s.test && strings.HasPrefix(f.Name.Name, "Test") { // tables are long
				continue
			}
			lines := positions.Position(f.End()).Line - positions.Position(f.Pos()).Line + 1
			if lines > maxFunction {
				t.Errorf("%s", fmt.Sprintf("%v: %s has %d lines: at most %d", positions.Position(f.Pos()), f.Name.Name, lines, maxFunction))
			}
		}
	}
}
