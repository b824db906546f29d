// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// askForProcesses tells whether somebody in the calling thread's network namespace can
// ask the kernel to tell of the ends of processes (the proc connector). Linux answers in
// the first namespace only: elsewhere even an empty message is refused.
func askForProcesses() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_CONNECTOR)
	if err != nil {
		return fmt.Errorf("open the proc connector: %w", err)
	}
	defer unix.Close(fd)
	message := make([]byte, unix.SizeofNlMsghdr)
	binary.NativeEndian.PutUint32(message, unix.SizeofNlMsghdr)
	err = unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	if errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("the kernel tells of processes in the first network namespace only: ask the proc connector: %w", err)
	}
	return nil
}
