// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"net"
)

// TCP is the check of a service that accepts connections: one is opened and
// closed, without a byte sent.
type TCP struct {
	// Address is "host:port"; the host is an IP address or localhost. Required.
	Address string
}

func (t TCP) prober(*Check) Prober { return t }

// Probe connects.
func (t TCP) Probe(ctx context.Context) error {
	return converse(ctx, "tcp", t.Address, func(net.Conn) error { return nil })
}
