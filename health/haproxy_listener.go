// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
)

// listener is what must answer beside an HAProxy's socket.
type listener struct{ Prober }

// Probe asks the listener. What it returns says that it is the listener's.
func (l *listener) Probe(ctx context.Context) error {
	err := l.Prober.Probe(ctx)
	if err == nil {
		return nil
	}
	if r, ok := errors.AsType[remark](err); ok {
		return remark{text: "listener: " + r.text, warn: r.warn}
	}
	return partError{"listener", err}
}
