// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"os"
)

// Sysctl sets a kernel parameter of the namespace: "net/ipv6/conf/eth0/forwarding".
// The path has slashes, because the name of an interface may have dots.
func (n *Namespace) Sysctl(path, value string) error {
	err := n.Do(func() error {
		// What is under /proc/sys/net depends on the thread that opens it.
		return os.WriteFile("/proc/sys/"+path, []byte(value), 0)
	})
	if err != nil {
		return fmt.Errorf("set %s to %s in %s: %w", path, value, n.name, err)
	}
	return nil
}

// SkipDAD turns Duplicate Address Detection off for the interfaces that the
// namespace gets from now on: their IPv6 addresses, the link-local one too, can be
// used at once instead of after a second or two.
func (n *Namespace) SkipDAD() error {
	for _, conf := range []string{"all", "default"} { // the higher of all's and the interface's counts
		if err := n.Sysctl("net/ipv6/conf/"+conf+"/accept_dad", "0"); err != nil {
			return err
		}
	}
	return nil
}
