// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	// pkg is what is broken and tested.
	pkg = "vipd/vrrp"
	// testTimeout ends tests that a mutant has made endless; they take well under a
	// second.
	testTimeout = 10 * time.Second
	// fastBuild is what the compiler is told: to optimise takes longer than to test.
	fastBuild = "-gcflags=-N -l -dwarf=0"
	// buildTimeout is added to it for the compiler, on a slow and busy machine.
	buildTimeout = 2 * time.Minute
)

// errSurvived is a mutant that no test has noticed.
var errSurvived = errors.New("no test fails")

// bench is where mutants are tried.
type bench struct {
	source  string // the package's folder
	scratch string // a folder for broken files, one for each mutant
}

// newBench finds the package, and makes the scratch folder.
func newBench(ctx context.Context) (*bench, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", pkg).Output()
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", pkg, err)
	}
	scratch, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return nil, fmt.Errorf("making a scratch folder: %w", err)
	}
	return &bench{strings.TrimSpace(string(out)), scratch}, nil
}

func (b *bench) close() error { return os.RemoveAll(b.scratch) }

// try runs the tests against a mutant, and returns the first test that fails.
func (b *bench) try(ctx context.Context, m mutant) (string, error) {
	overlay, err := b.overlay(m)
	if err != nil {
		return "", err
	}
	failed, out, err := b.test(ctx, "-overlay", overlay)
	switch {
	case err != nil:
		return "", err
	case !failed:
		return "", errSurvived
	case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
		return "", fmt.Errorf("it does not compile:\n%s", out)
	}
	return noticedBy(out), nil
}

// overlay writes the broken file, and the list of replaced files that -overlay
// takes.
func (b *bench) overlay(m mutant) (string, error) {
	original := filepath.Join(b.source, m.file)
	source, err := os.ReadFile(original)
	if err != nil {
		return "", fmt.Errorf("reading what is to be broken: %w", err)
	}
	changed, err := m.apply(string(source))
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(b.scratch, "")
	if err != nil {
		return "", fmt.Errorf("making a folder for %s: %w", m, err)
	}
	copied, list := filepath.Join(dir, m.file), filepath.Join(dir, "overlay.json")
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {original: copied}})
	if err != nil {
		return "", fmt.Errorf("listing %s: %w", m, err)
	}
	if err := errors.Join(os.WriteFile(copied, []byte(changed), 0o600), os.WriteFile(list, replaced, 0o600)); err != nil {
		return "", fmt.Errorf("writing %s: %w", m, err)
	}
	return list, nil
}

// test runs the package's tests with more flags. It reports whether they failed,
// and what they wrote; an error if they could not be run.
func (b *bench) test(ctx context.Context, flags ...string) (failed bool, out string, err error) {
	ctx, cancel := context.WithTimeout(ctx, testTimeout+buildTimeout)
	defer cancel()
	args := append([]string{"test", "-count=1", "-failfast", "-vet=off", fastBuild, "-ldflags=-s -w",
		"-timeout", testTimeout.String()}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = b.source
	cmd.WaitDelay = time.Second
	all, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return false, "", fmt.Errorf("go test: %w", ctx.Err())
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return true, string(all), nil
	}
	if err != nil {
		return false, "", fmt.Errorf("go test: %w", err)
	}
	return false, string(all), nil
}

var (
	failedTest  = regexp.MustCompile(`(?m)^ *--- FAIL: (.+) \(.*\)$`)
	runningTest = regexp.MustCompile(`(?m)^\trunning tests:\n\t\t(\S+) `)
)

// noticedBy finds the test that failed: the innermost, where it has parts.
func noticedBy(out string) string {
	if m := runningTest.FindStringSubmatch(out); m != nil {
		return m[1] + " (it did not end)"
	}
	if all := failedTest.FindAllStringSubmatch(out, -1); all != nil {
		return all[len(all)-1][1]
	}
	return "a crash outside of the tests"
}
