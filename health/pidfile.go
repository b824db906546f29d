// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"strings"
)

// maxNumber bounds what is read of a file that holds one number, in bytes.
const maxNumber = 32

// readPIDFile returns the process that a PID file names.
func readPIDFile(path string) (int, error) {
	text, err := readSmall(path, maxNumber)
	if err != nil {
		return 0, err
	}
	pid := parsePID(strings.TrimSpace(string(text)))
	if pid == 0 {
		return 0, fmt.Errorf("no process in %s: %q", path, text)
	}
	return pid, nil
}
