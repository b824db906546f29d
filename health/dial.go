// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// maxAnswer bounds what is read of one answer, in bytes.
const maxAnswer = 64 << 10

// converse connects to address, runs talk and closes the connection. The end of
// ctx ends the connecting as well as any read or write that talk is in.
func converse(ctx context.Context, network, address string, talk func(net.Conn) error) error {
	dialer := net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: refuseDNS}}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return fmt.Errorf("%s: %w", address, plain(err))
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	return talk(conn)
}

// refuseDNS is how a check's resolver reaches DNS servers: not at all, or a check
// would measure them instead. /etc/hosts is read for localhost.
func refuseDNS(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("a check asks no DNS server")
}

// plain leaves the kernel's word of an error, "connection refused", without the
// layers that Go has put around it.
func plain(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}
