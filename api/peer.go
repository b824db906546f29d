// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// PID is the number of the process that listens on that socket, as the kernel says it
// (SO_PEERCRED, unix(7)).
func PID(ctx context.Context, socket string) (int, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %w", ErrUnreachable, socket, err)
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var credentials *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		credentials, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return 0, fmt.Errorf("who listens on %s: %w", socket, err)
	}
	return int(credentials.Pid), nil
}
