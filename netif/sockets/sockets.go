// SPDX-License-Identifier: Apache-2.0

package sockets

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// resetTime bounds how long connections are reset.
const resetTime = 2 * time.Second

// Count is how many connections have one of the addresses as their local one. It takes
// the longer, the more connections the host has in the narrowest prefix that the
// addresses have in common. While connections come and go it is an estimate.
func Count(addresses []netip.Addr) (int, error) {
	count, err := count(addresses)
	if err != nil {
		return 0, fmt.Errorf("count the connections of %d addresses: %w", len(addresses), err)
	}
	return count, nil
}

func count(addresses []netip.Addr) (int, error) {
	dump, err := open()
	if err != nil {
		return 0, err
	}
	defer dump.close()
	count := 0
	err = dump.connections(addresses, func(socketID) error {
		count++
		return nil
	})
	if errors.Is(err, nl.ErrDumpInterrupted) {
		err = nil
	}
	return count, err
}

// Reset ends the connections that have one of the addresses as their local one, and
// returns how many that were. The kernel sends each peer a RST, by the route that it has
// for it, from the address: so the address must still be there. The program of each reads
// ECONNABORTED. A half-open connection is forgotten.
//
// It gives up after two seconds; then the error says how many are left. The error wraps
// [os.ErrPermission] without CAP_NET_ADMIN, and [errors.ErrUnsupported] on a kernel without
// CONFIG_INET_DIAG_DESTROY.
func Reset(addresses []netip.Addr) (int, error) {
	ended, err := reset(addresses, time.Now().Add(resetTime))
	if err != nil {
		return ended, fmt.Errorf("reset the connections of %d addresses: %w", len(addresses), err)
	}
	return ended, nil
}

// reset goes on until a dump has nothing more: one in which connections end may leave
// some out.
func reset(addresses []netip.Addr, deadline time.Time) (ended int, err error) {
	dump, err := open()
	if err != nil {
		return 0, err
	}
	defer dump.close()
	orders, err := open()
	if err != nil {
		return 0, err
	}
	defer orders.close()
	for {
		found, left := 0, 0
		err := dump.connections(addresses, func(id socketID) error {
			if found++; time.Now().After(deadline) {
				left++
				return nil
			}
			gone, err := orders.destroy(id)
			if gone {
				ended++
			}
			return err
		})
		switch {
		case err != nil && !errors.Is(err, nl.ErrDumpInterrupted):
			return ended, err
		case left > 0:
			return ended, fmt.Errorf("%d are left after %v", left, resetTime)
		case found == 0 && (err == nil || time.Now().After(deadline)):
			return ended, nil
		}
	}
}

// destroy has the kernel end a connection. It tells whether there was one: it may have
// ended by itself.
func (s *diagSocket) destroy(id socketID) (bool, error) {
	request := nl.NewNetlinkRequest(unix.SOCK_DESTROY, unix.NLM_F_ACK)
	request.AddRawData(id.request(0))
	err := s.execute(request, func([]byte) bool { return true })
	switch {
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case errors.Is(err, unix.EOPNOTSUPP):
		return false, fmt.Errorf("the kernel can't end connections (CONFIG_INET_DIAG_DESTROY): %w", err)
	}
	return err == nil, err
}
