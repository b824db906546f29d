// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStateFile(t *testing.T) {
	f := StateFile{filepath.Join(t.TempDir(), "new", "state")}
	if data, err := f.Load(); data != nil || err != nil {
		t.Fatalf("before: %q, %v", data, err)
	}
	if err := f.Remove(); err != nil {
		t.Fatalf("nothing to remove: %v", err)
	}
	for _, want := range []string{"a long first one", "second", ""} {
		if err := f.Save([]byte(want)); err != nil {
			t.Fatal(err)
		}
		if data, err := f.Load(); data == nil || string(data) != want || err != nil {
			t.Fatalf("%q, %v, want %q", data, err, want)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(f.Path)); len(entries) != 1 || err != nil {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := f.Remove(); err != nil {
		t.Fatal(err)
	}
	if data, err := f.Load(); data != nil || err != nil {
		t.Fatalf("after: %q, %v", data, err)
	}
}

// What a crash in the middle of a Save leaves does no harm.
func TestStateFileAfterACrash(t *testing.T) {
	f := StateFile{filepath.Join(t.TempDir(), "state")}
	if err := f.Save([]byte("good")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.Path+".new", []byte("a long half of the next one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := f.Load(); string(data) != "good" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if err := f.Save([]byte("next")); err != nil {
		t.Fatal(err)
	}
	if data, err := f.Load(); string(data) != "next" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

func TestStateFileErrors(t *testing.T) {
	dir := t.TempDir()
	big := StateFile{filepath.Join(dir, "big")}
	if err := os.WriteFile(big.Path, bytes.Repeat([]byte("x"), maxState+1), 0o600); err != nil {
		t.Fatal(err)
	}
	under := StateFile{filepath.Join(big.Path, "state")} // a file is no folder
	full := StateFile{filepath.Join(dir, "full", "state")}
	if err := os.MkdirAll(filepath.Join(full.Path, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	load := func(f StateFile) error { _, err := f.Load(); return err }
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"too big":              {load(big), "more than"},
		"no folder to read":    {load(under), "not a directory"},
		"a folder to read":     {load(full), "is a directory"},
		"no folder to save":    {under.Save(nil), "not a directory"},
		"a folder in the way":  {full.Save(nil), "file exists"},
		"a folder to remove":   {full.Remove(), "not empty"},
		"no folder to look at": {under.Remove(), "not a directory"},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, tt.err, tt.want)
		}
	}
}
