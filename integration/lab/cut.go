// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The states of a bridge's port that the lab uses: BR_STATE_* of linux/if_bridge.h.
// From all but disabled a bridge without spanning tree goes back to forwarding by itself.
const (
	portDisabled   = 0
	portForwarding = 3
)

// Cut drops all frames of a host, both ways, or lets them pass again. Unlike with
// [Cable.Pull] nobody loses a carrier, and the switch forgets nothing.
func (c *Cable) Cut(cut bool) error {
	state := uint8(portForwarding)
	if cut {
		state = portDisabled
	}
	if err := c.lan.Do(func() error { return c.setState(state) }); err != nil {
		return fmt.Errorf("cut %s (%v): %w", c.port.Attrs().Name, cut, err)
	}
	return nil
}

// setState does in the switch's namespace what `bridge link set dev PORT state` does.
func (c *Cable) setState(state uint8) error {
	request := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	message := nl.NewIfInfomsg(unix.AF_BRIDGE)
	message.Index = int32(c.port.Attrs().Index)
	request.AddData(message)
	port := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
	port.AddRtAttr(nl.IFLA_BRPORT_STATE, []byte{state})
	request.AddData(port)
	_, err := request.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
