// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// hintsRule is the priority of our routing rule, just before the main table's.
	hintsRule     = 32765
	hintsMark     = 112
	hintsProtocol = 112 // rtm_protocol of what is vipd's
)

// withoutHints makes the kernel look for the socket of each packet of a family. Of those
// that a driver hands over together it does so for the first one to an address alone: the
// others take its route as a hint, and with it early demux is left out (ip_list_rcv, since
// Linux 5.5). It has no hints in a network namespace that has ever had a routing rule
// besides the kernel's: so one is made that changes nothing, and goes at once.
func (f *Filter) withoutHints(ipv4 bool) error {
	if f.hintless[ipv4] {
		return nil
	}
	rule := netlink.NewRule()
	mask := ^uint32(0)
	rule.Family, rule.Priority, rule.Table = netlink.FAMILY_V6, hintsRule, unix.RT_TABLE_MAIN
	rule.Mark, rule.Mask, rule.Protocol = hintsMark, &mask, hintsProtocol
	if ipv4 {
		rule.Family = netlink.FAMILY_V4
	}
	err := f.neighbors.handle.RuleAdd(rule)
	if errors.Is(err, unix.EEXIST) { // a run before was interrupted
		err = nil
	}
	if err == nil {
		err = f.neighbors.handle.RuleDel(rule)
	}
	if err != nil {
		return fmt.Errorf("make and remove a routing rule, so that the kernel looks for the connection of each segment: %w", err)
	}
	f.hintless[ipv4] = true
	return nil
}
