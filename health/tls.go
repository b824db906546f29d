// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"net"
)

// TLS is the check of a service that speaks TLS: a handshake must succeed, with a
// certificate that is valid. Whether it is, is a matter of the wall clock.
type TLS struct {
	// Address is "host:port"; the host is an IP address or localhost. Required.
	Address string
	// Certificate is what is demanded of the server's.
	Certificate
}

func (t TLS) prober(*Check) Prober { return t }

// Probe connects, and shakes hands.
func (t TLS) Probe(ctx context.Context) error {
	host, _, err := net.SplitHostPort(t.Address)
	if err != nil {
		return err
	}
	return converse(ctx, "tcp", t.Address, func(conn net.Conn) error {
		return t.Certificate.converse(ctx, conn, host, func(net.Conn) error { return nil })
	})
}
