// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"errors"
	"fmt"
)

// startReporter starts a helper whose lines are JSON, and reads the first into first: what
// it has begun.
func startReporter(n *Namespace, name, arg string, first any) (*helper, error) {
	h, err := startHelper(n, name, arg)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if h.lines.Scan() {
		err = json.Unmarshal(h.lines.Bytes(), first)
	} else {
		err = errors.New("it ended")
	}
	if err != nil {
		h.wait(nil)
		return nil, fmt.Errorf("start %s in %s: %w", name, n.name, errors.Join(err, h.err))
	}
	return h, nil
}

// follow gives each line to add, until the helper ends.
func follow[T any](h *helper, add func(T) error) {
	var failed error
	for failed == nil && h.lines.Scan() {
		var line T
		if failed = json.Unmarshal(h.lines.Bytes(), &line); failed == nil {
			failed = add(line)
		}
	}
	h.wait(failed)
}
