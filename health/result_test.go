// SPDX-License-Identifier: Apache-2.0

package health

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"plain":                        {"HTTP 503", "HTTP 503"},
		"empty":                        {"", ""},
		"letters of any script stay":   {"Füße 雪", "Füße 雪"},
		"a second line":                {"a\nb\r\nc", "a?b??c"},
		"a terminal's escape sequence": {"\x1b[2Jx\x07", "?[2Jx?"},
		"text that runs backwards":     {"a\u202eb", "a?b"},
		"binary junk":                  {"a\xff\xfe\x00b", "a???b"},
		"just short enough":            {strings.Repeat("x", 1024), strings.Repeat("x", 1024)},
		"too long":                     {strings.Repeat("x", 1025), strings.Repeat("x", 1021) + "…"},
		"cut within a character":       {strings.Repeat("é", 1024), strings.Repeat("é", 510) + "…"},
		"long and never a character":   {strings.Repeat("\xff", 3000), "…"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := printable(test.in)
			if got != test.want {
				t.Errorf("%q becomes %q, want %q", test.in, got, test.want)
			}
			if len(got) > maxDetail || !utf8.ValidString(got) {
				t.Errorf("%d bytes, valid: %v", len(got), utf8.ValidString(got))
			}
		})
	}
}
