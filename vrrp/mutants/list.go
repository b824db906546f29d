// SPDX-License-Identifier: Apache-2.0

package main

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed broken/*.txt
var broken embed.FS

// mutant is one rule, broken.
type mutant struct {
	file     string // of package vrrp
	line     int    // of the rule, in the list
	rule     string
	old, new string
}

func (m mutant) String() string { return m.file + ": " + m.rule }

// list reads all mutants, in the order of the files' names; or those of the named
// files, which are written without their .go.
func list(only []string) ([]mutant, error) {
	entries, err := broken.ReadDir("broken")
	if err != nil {
		return nil, fmt.Errorf("reading the list: %w", err)
	}
	var all []mutant
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".txt")
		if len(only) > 0 && !slices.Contains(only, name) {
			continue
		}
		text, err := broken.ReadFile(path.Join("broken", entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading the list: %w", err)
		}
		some, err := parse(name+".go", string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), err)
		}
		all = append(all, some...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no mutants of %q", only)
	}
	return all, nil
}

// parse reads the mutants of one file.
func parse(file, text string) ([]mutant, error) {
	var all []mutant
	var rule string
	var old, new []string
	begin := 0
	for i, line := range strings.Split(text+"\n\n", "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "- "):
			old = append(old, line[2:])
		case strings.HasPrefix(line, "+ "):
			new = append(new, line[2:])
		case line != "" && rule == "":
			rule, begin = line, i+1
		case line != "":
			return nil, fmt.Errorf("line %d: neither - nor +: %q", i+1, line)
		case rule != "" || len(old)+len(new) > 0:
			m := mutant{file, begin, rule, strings.Join(old, "\n"), strings.Join(new, "\n")}
			if m.rule == "" || m.old == "" || m.old == m.new {
				return nil, fmt.Errorf("before line %d: a mutant has a rule, and lines - and + that differ", i+1)
			}
			all = append(all, m)
			rule, old, new = "", nil, nil
		}
	}
	return all, nil
}

// apply breaks the rule in the file's source.
func (m mutant) apply(source string) (string, error) {
	if n := strings.Count(source, m.old); n != 1 {
		return "", fmt.Errorf("%s, line %d of its list: the old text occurs %d times, not once:\n%s", m, m.line, n, m.old)
	}
	return strings.Replace(source, m.old, m.new, 1), nil
}
