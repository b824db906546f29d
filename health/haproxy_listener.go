// SPDX-License-Identifier: Apache-2.0

package health

import "context"

// listener is what must answer beside an HAProxy's socket.
type listener struct{ Prober }

// Probe asks the listener. What it returns says that it is the listener's.
func (l *listener) Probe(ctx context.Context) error {
	err := l.Prober.Probe(ctx)
	switch {
	case err == nil:
		return nil
	case succeeded(err):
		return remark("listener: " + err.Error())
	}
	return partError{"listener", err}
}
