// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vipd/bench/figure"
	"vipd/bench/outage"
	"vipd/integration/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }

// ordered is a command line with files of the test.
func ordered(t *testing.T) order {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return order{vipd: own, markdown: filepath.Join(dir, "bench.md"), json: filepath.Join(dir, "bench.json")}
}

func TestCheck(t *testing.T) {
	o := ordered(t)
	o.only, o.daemon, o.quick, o.times = "outage.*IPv6", "keepalived", true, 2
	r, err := o.check(nil)
	if err != nil || len(r.Daemons) != 1 || r.Daemons[0] != figure.Keepalived || !r.Quick || r.Repetitions() != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	for name, tt := range map[string]struct {
		change func(*order)
		rest   []string
		want   string
	}{
		"no vipd":         {func(o *order) { o.vipd = "/nonexistent/vipd" }, nil, "needs /nonexistent/vipd"},
		"no such daemon":  {func(o *order) { o.daemon = "vrrpd" }, nil, "neither vipd nor keepalived"},
		"no expression":   {func(o *order) { o.only = "(" }, nil, "-only"},
		"vipd not a flag": {func(*order) {}, []string{"bin/vipd"}, "bin/vipd"},
		"no such file":    {func(o *order) { o.json = "/nonexistent/bench.json" }, nil, "/nonexistent"},
	} {
		o := ordered(t)
		tt.change(&o)
		if _, err := o.check(tt.rest); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.want)
		}
	}
}

// measured adds a figure, and does something then.
func measured(name string, then func() error) part {
	return func(_ context.Context, r figure.Run, add func(figure.Figure)) error {
		r.Progress("measuring %s", name)
		add(figure.Figure{Part: "outage", Name: name, Vipd: figure.Samples{figure.Is(1)}})
		return then()
	}
}

func TestRun(t *testing.T) {
	fine := func() error { return nil }
	for name, tt := range map[string]struct {
		parts func(interrupt func()) []part
		want  string // the error
		files string // figures in the files
	}{
		"all well": {func(func()) []part { return []part{measured("kill", fine), measured("stop", fine)} }, "", "kill stop"},
		"a part fails": {func(func()) []part {
			return []part{measured("kill", func() error { return errors.New("no root") }), measured("stop", fine)}
		}, "no root", "kill stop"},
		"interrupted": {func(interrupt func()) []part {
			return []part{measured("kill", func() error { interrupt(); return nil }), measured("stop", fine)}
		}, "interrupted", "kill"},
		"nothing is wanted": {func(func()) []part { return nil }, "no figure matches", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each looks at the machine for a second
			ctx, cancel := context.WithCancel(t.Context())
			o, out := ordered(t), &strings.Builder{}
			err := o.run(ctx, figure.Run{}, tt.parts(cancel), out)
			if got := text(err); !strings.Contains(got, tt.want) || got != "" && tt.want == "" {
				t.Errorf("error %q, want %q", got, tt.want)
			}
			if got := figures(t, o.json); got != tt.files {
				t.Errorf("figures %q, want %q", got, tt.files)
			}
			markdown, _ := os.ReadFile(o.markdown)
			if tt.files != "" && (!strings.HasSuffix(out.String(), string(markdown)+"\n") || !strings.Contains(out.String(), "s  measuring kill\n")) {
				t.Errorf("printed:\n%s", out)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// figures are the names of those in a file; there may be none.
func figures(t *testing.T, file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	var report struct{ Figures []struct{ Name string } }
	if err := json.Unmarshal(content, &report); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range report.Figures {
		names = append(names, f.Name)
	}
	return strings.Join(names, " ")
}

// The document has a place for each table.
func TestDocument(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("..", "docs", "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"machine", outage.Lost, outage.Moved, "scale", "steadiness"} {
		if !strings.Contains(string(document), "\n<!-- "+part+": written by docs/update -->\n") {
			t.Errorf("docs/performance.md has no place for %q", part)
		}
	}
}
