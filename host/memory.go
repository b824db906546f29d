// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// LockMemory keeps all memory that this process has used, and will use, from being
// swapped out, or its program from being dropped: what a takeover needs must not wait
// for a disk. Pages are locked when they are touched first (MCL_ONFAULT, Linux 4.4):
// otherwise all that Go's runtime reserves would be filled.
//
// It needs an RLIMIT_MEMLOCK without limit, or CAP_IPC_LOCK. A number of bytes would
// not do: all address space counts, and the runtime ends the process when the kernel
// refuses it more.
func LockMemory() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return fmt.Errorf("lock memory: RLIMIT_MEMLOCK: %w", err)
	}
	if limit.Cur != unix.RLIM_INFINITY {
		// Under a limit of 0 the kernel goes by the capability alone.
		if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Max: limit.Max}); err != nil {
			return fmt.Errorf("lock memory: RLIMIT_MEMLOCK of 0: %w", err)
		}
		defer unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit)
	}
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		return fmt.Errorf("lock memory: %w: set LimitMEMLOCK=infinity in the unit, or give it CAP_IPC_LOCK", err)
	}
	return nil
}
