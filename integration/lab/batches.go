// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os/exec"
)

// InBatches has the interface ifname of n at the end of the cable take several packets at
// once, as the drivers of real ones do (NAPI). A veth pair does so when it shall put
// packets together (GRO) that come singly. With n == nil it is the namespace that this
// process is in.
func (c *Cable) InBatches(n *Namespace, ifname string) error {
	far := func() error { return offload(ifname, "gro", "on") }
	near := func() error { return offload(c.port.Attrs().Name, "tso", "off", "gso", "off") }
	if n == nil {
		return errors.Join(far(), c.lan.Do(near))
	}
	return errors.Join(n.Do(far), c.lan.Do(near))
}

func offload(ifname string, features ...string) error {
	out, err := exec.Command("ethtool", append([]string{"-K", ifname}, features...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ethtool -K %s %v: %w: %s", ifname, features, err, out)
	}
	return nil
}
