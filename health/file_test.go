// SPDX-License-Identifier: Apache-2.0

package health

import (
	"math"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestFile(t *testing.T) {
	tests := map[string]struct {
		text     string
		min, max int64
		want     string
	}{
		"the number":                {"0\n", 0, 0, ""},
		"without a newline":         {"7", 0, 7, ""},
		"negative":                  {"-3\n", -3, 7, ""},
		"only a least":              {"9999999\n", 1, math.MaxInt64, ""},
		"too small":                 {"0\n", 1, math.MaxInt64, "0 in "},
		"too small, and by how far": {"0\n", 1, math.MaxInt64, " is less than 1"},
		"too large":                 {"8\n", 0, 7, " is more than 7"},
		"empty":                     {"", 0, 7, "no whole number in "},
		"a word":                    {"yes\n", 0, 7, `no whole number in `},
		"a fraction":                {"1.5\n", 0, 7, "no whole number in "},
		"two numbers":               {"1 2\n", 0, 7, "no whole number in "},
		"beyond 64 bits":            {"9223372036854775808\n", 0, math.MaxInt64, "no whole number in "},
		"binary junk":               {"\x00\xff1", 0, 7, "no whole number in "},
		"far too long":              {strings.Repeat("1", 1<<20), 0, math.MaxInt64, "no whole number in "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := write(t, t.TempDir(), "number", test.text)
			demand(t, probeOnce(t, File{path, test.min, test.max}), test.want)
		})
	}
}

// None of these may hold the check up, or pass.
func TestFileThatIsNone(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ path, want string }{
		"missing":             {filepath.Join(dir, "none"), "no such file or directory"},
		"a directory":         {dir, "is not a regular file"},
		"a FIFO":              {fifo, "is not a regular file"},
		"a device":            {"/dev/zero", "is not a regular file"},
		"below a file":        {"/proc/version/number", "not a directory"},
		"a path far too long": {"/" + strings.Repeat("x", 300), "file name too long"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			demand(t, probeOnce(t, File{test.path, math.MinInt64, math.MaxInt64}), test.want)
		})
	}
}
