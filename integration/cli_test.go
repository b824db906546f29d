// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vipd/integration/lab/labtest"
)

// badConfig has three mistakes, and one of them is a typo in a key.
const badConfig = `routers:
- name: web
  interface: eth0
  vrid: 256
  priotity: 100
  addresses: [192.0.2.300/24]
`

// A script that is missing is a mistake, unless the file is for other hosts.
const scriptedConfig = `node: lb1
routers:
- name: web
  interface: eth0
  vrid: {lb1: 51, lb2: 51}
  addresses: [192.0.2.100/24]
  checks: [c]
checks: [{name: c, script: {command: [/nonexistent/check]}}]
`

func TestCommands(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	n := s.lb1
	good, bad := n.configFile(), filepath.Join(n.host.Dir, "bad.yaml")
	labtest.Must(t, os.WriteFile(bad, []byte("api: "+n.socket()+"\n"+badConfig), 0o600))
	scripted := filepath.Join(n.host.Dir, "scripted.yaml")
	labtest.Must(t, os.WriteFile(scripted, []byte(scriptedConfig), 0o600))
	elsewhere := filepath.Join(n.host.Dir, "elsewhere.yaml")
	labtest.Must(t, os.WriteFile(elsewhere, []byte(strings.Replace(scriptedConfig, "node: lb1\n", "", 1)), 0o600))
	mistakes := []string{bad + ":5:9: ", "vrid", bad + ":6:3: ", "priotity", bad + ":7:", "192.0.2.300"}
	for name, test := range map[string]struct {
		args           []string
		code           int
		stdout, stderr []string // parts of it; nil: it is empty
	}{
		"version":                   {args("version"), 0, args("vipd "), nil},
		"help":                      {args("--help"), 0, args("run", "check", "status", "reload", "plan", "version", "maintenance", "resign", "release"), nil},
		"check of a good file":      {args("check", good), 0, args("fine", "lb1, lb2"), nil},
		"check of a bad file":       {args("check", bad), 1, nil, mistakes},
		"check of no file":          {args("check", bad+"x"), 1, nil, args("no such file")},
		"check without a script":    {args("check", scripted), 1, nil, args(scripted+":8:", `check "c" would fail`, "/nonexistent/check: no such file")},
		"with the host":             {args("check", "--host", scripted), 1, nil, args(scripted+":8:", `check "c" would fail`, "/nonexistent/check: no such file")},
		"for other hosts":           {args("check", elsewhere), 0, args("fine for lb1, lb2"), args("the same priority")},
		"run with a bad file":       {args("run", "--config", bad), 1, nil, mistakes},
		"run without a file":        {args("run", "--config", bad+"x"), 1, nil, args("no such file")},
		"status without a daemon":   {args("status", "--config", good), 3, nil, args("not reachable", n.socket())},
		"status as JSON, without":   {args("status", "--json", "--config", good), 3, nil, args("not reachable")},
		"handoff without a daemon":  {args("handoff", "--config", good), 3, nil, args("not reachable", n.socket())},
		"handoff to a bad file":     {args("handoff", "--config", bad), 1, nil, mistakes},
		"status of a bad file":      {args("status", "--config", bad), 3, nil, append(mistakes, "not reachable: "+n.socket())},
		"status of no file":         {args("status", "--config", bad+"x"), 1, nil, args("no such file")},
		"maintenance of a bad file": {args("maintenance", "on", "--config", bad), 3, nil, append(mistakes, "not reachable")},
		"maintenance by nothing":    {args("maintenance"), 2, nil, args("0 arguments")},
		"reason for its end":        {args("maintenance", "off", "--reason", "x"), 2, nil, args("no reason")},
		"resign of two routers":     {args("resign", "a", "b"), 2, nil, args("2 arguments")},
		"release of a bad file":     {args("release", "--config", bad), 1, nil, mistakes},
		"reload without a daemon":   {args("reload", "--config", good), 3, nil, args("not reachable", n.socket())},
		"plan without a daemon":     {args("plan", good, "--config", good), 3, nil, args("not reachable", n.socket())},
		"plan of a bad file":        {args("plan", bad, "--config", good), 1, nil, mistakes},
		"plan without a file":       {args("plan"), 2, nil, args("0 arguments")},
		"unknown command":           {args("frobnicate"), 2, nil, args(`"frobnicate"`)},
		"unknown flag":              {args("run", "--frobnicate"), 2, nil, args("--frobnicate")},
		"unknown flag of vipd":      {args("--frobnicate"), 2, nil, args("--frobnicate")},
		"flag without its value":    {args("run", "--config"), 2, nil, args("--config")},
		"too many arguments":        {args("check", good, bad), 2, nil, args("2 arguments")},
		"run with an argument":      {args("run", good), 2, nil, args("1 arguments")},
	} {
		got := n.command(t, test.args...)
		if got.code != test.code || !says(got.stdout, test.stdout) || !says(got.stderr, test.stderr) {
			t.Errorf("%s: %+v, want %+v", name, got, test)
		}
	}
	if _, err := os.Stat(n.socket()); !os.IsNotExist(err) {
		t.Errorf("a socket is there: %v", err)
	}
	if owns, err := n.owns(); owns || err != nil {
		t.Errorf("the VIP is there: %v, %v", owns, err)
	}
}

func args(words ...string) []string { return words }

// says tells whether a text has all parts, or is empty when there are none.
func says(text string, parts []string) bool {
	if parts == nil {
		return text == ""
	}
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}

func TestSecondDaemonOnTheSameSocket(t *testing.T) {
	t.Parallel()
	s := build(t, quick, haproxy)
	s.lb1.startVipd(t)
	labtest.Await(t, func() error { return s.look(s.lb1) })
	got := s.lb1.command(t, "run", "--config", s.lb1.configFile())
	if got.code != 1 || !strings.Contains(got.stderr, "another vipd answers on it") || !strings.Contains(got.stderr, s.lb1.socket()) {
		t.Errorf("the second vipd: %+v", got)
	}
	mustRun(t, s.lb1)
	labtest.Throughout(t, calm, func() error { return s.look(s.lb1) })
}

func TestStatusText(t *testing.T) {
	t.Parallel()
	s := run(t, quick, haproxy)
	for n, want := range map[*node]map[string]string{
		s.lb1: {"ROUTER": "web", "STATE": "active", "REASON": "active-down", "PRIORITY": "254", "INTERFACE": "eth0", "VRID": "51", "ADDRESSES": vip.String()},
		s.lb2: {"ROUTER": "web", "STATE": "backup", "REASON": "started", "PRIORITY": "253", "INTERFACE": "eth0"},
	} {
		got := n.command(t, "status", "--config", n.configFile())
		if got.code != 0 || got.stderr != "" {
			t.Errorf("status of %s: %+v", n.host.Name(), got)
		}
		compareColumns(t, got.stdout, "ROUTER", want)
		compareColumns(t, got.stdout, "CHECK", map[string]string{"CHECK": "web", "VERDICT": "pass"})
	}
	got := s.lb2.command(t, "status", "--config", s.lb2.configFile())
	if want := "the Active is 192.0.2.11 with priority 254"; !strings.Contains(got.stdout, want) {
		t.Errorf("the Backup does not say %q:\n%s", want, got.stdout)
	}

	labtest.Must(t, s.lb1.web.Kill())
	labtest.Await(t, func() error { return s.look(s.lb2) })
	got = s.lb1.command(t, "status", "--config", s.lb1.configFile())
	compareColumns(t, got.stdout, "ROUTER", map[string]string{"STATE": "backup", "PRIORITY": "1 of 254"})
	compareColumns(t, got.stdout, "CHECK", map[string]string{"CHECK": "web", "VERDICT": "fail"})
}

// compareColumns compares the first row of a table with what is wanted of it. The
// table begins with the line of column names that starts with first.
func compareColumns(t *testing.T, text, first string, want map[string]string) {
	t.Helper()
	lines := strings.Split(text, "\n")
	head := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, first+" ") })
	if head < 0 || head+1 == len(lines) {
		t.Fatalf("no table with the column %s:\n%s", first, text)
	}
	for column, value := range want {
		at := strings.Index(lines[head], column)
		row := lines[head+1]
		if at < 0 || at >= len(row) || row[at:] != value && !strings.HasPrefix(row[at:], value+"  ") {
			t.Errorf("no %q under %s:\n%s", value, column, text)
		}
	}
}
