// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wallClock is what makes wall-clock time of an instant, or an instant without Go's
// monotonic part: differences of such jump when somebody sets the clock.
var wallClock = []string{"Wall", "Unix", "UnixMilli", "UnixMicro", "UnixNano", "UTC", "Local", "In", "Format", "AppendFormat"}

// mayUseWallClock are the files that may, with the reason.
var mayUseWallClock = map[string]string{
	"host/clock.go":         "it is where instants without a wall clock are made, and turned into it for people",
	"host/timer.go":         "its instants are the time since boot, not of the day",
	"daemon/status.go":      "people are shown the time of day",
	"daemon/maintenance.go": "people are shown since when",
	"cmd/vipd/wire.go":      "it passes host.Wall on",
	"cmd/vipd/status.go":    "people are shown the time of day",
	"health/dial.go":        "a deadline that is long over, whatever the clock says",
}

// An administrator or an NTP daemon sets the clock, by an hour or by years, and no
// decision notices: nothing that decides reads it.
func TestNoDecisionReadsTheWallClock(t *testing.T) {
	used := map[string]bool{}
	for _, dir := range []string{"vrrp", "daemon", "netif", "health", "host", "api", "cmd"} {
		for _, path := range goFiles(t, filepath.Join("..", dir)) {
			name := filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))
			for _, place := range wallClockUses(t, path) {
				used[name] = true
				if mayUseWallClock[name] == "" {
					t.Errorf("%s: it may read the wall clock", place)
				}
			}
		}
	}
	for name := range mayUseWallClock {
		if !used[name] {
			t.Errorf("%s does not use the wall clock any more", name)
		}
	}
}

// goFiles lists the Go files below a directory that are part of the program.
func goFiles(t *testing.T, root string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && slices.Contains([]string{"vrrpsim", "mutants"}, entry.Name()) {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// wallClockUses lists the places in a file that call a function or method of wallClock,
// or a function of package time that takes a date.
func wallClockUses(t *testing.T, path string) (places []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, _ := selector.X.(*ast.Ident)
		dated := x != nil && x.Name == "time" && slices.Contains([]string{"Date", "Parse", "ParseInLocation"}, selector.Sel.Name)
		if dated || slices.Contains(wallClock, selector.Sel.Name) {
			places = append(places, files.Position(n.Pos()).String())
		}
		return true
	})
	return places
}
