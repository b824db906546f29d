// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"os"
	"strings"
)

// endOfPlace is the line that ends each place in a document.
const endOfPlace = "<!-- end -->\n"

// Fill writes what was measured into a document: what stands between a line
// "<!-- NAME -->" and the next line "<!-- end -->" is replaced by content, which ends
// with a newline.
func Fill(path, name, content string) error {
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	begin := "<!-- " + name + " -->\n"
	before, rest, found := strings.Cut(string(file), begin)
	_, after, ended := strings.Cut(rest, endOfPlace)
	if !found || !ended {
		return fmt.Errorf("fill %s: there is no place for %q", path, name)
	}
	return os.WriteFile(path, []byte(before+begin+content+endOfPlace+after), 0o644)
}
