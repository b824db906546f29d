// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// ErrEarlyDemux: the kernel does not look for a segment's connection before the packet
// filter sees it. Then nobody can tell which ones belong to this host.
var ErrEarlyDemux = errors.New("segments can't be passed on while the kernel's early demux is off")

// earlyDemux makes sure that it is on. These settings are of both families.
func earlyDemux() error {
	for _, setting := range []string{"ip_early_demux", "tcp_early_demux"} {
		value, err := os.ReadFile("/proc/sys/net/ipv4/" + setting)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrEarlyDemux, err)
		}
		if strings.TrimSpace(string(value)) == "0" {
			return fmt.Errorf("%w: set sysctl net.ipv4.%s to 1", ErrEarlyDemux, setting)
		}
	}
	return nil
}
