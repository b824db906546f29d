// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// VRRPDaemon is a program that speaks VRRP: [Vipd], [Keepalived] or [FRR].
type VRRPDaemon interface {
	Stop() error
	Kill() error
	Restart() error
	LogTail() string
}

// hears tells whether somebody in n has a raw socket for VRRP, as every such
// program does once it takes part.
func hears(n *Namespace) bool {
	socket := fmt.Appendf(nil, ":%04X ", protocolVRRP) // the protocol stands in the place of a port
	return n.Do(func() error {
		for _, file := range []string{"raw", "raw6"} {
			table, err := os.ReadFile("/proc/thread-self/net/" + file)
			if err == nil && bytes.Contains(table, socket) {
				return nil
			}
		}
		return errors.New("nobody hears VRRP")
	}) == nil
}
