// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrNoNeighbor: a target is behind a router. What it sends back could not be told from
// what the router's other hosts send.
var ErrNoNeighbor = errors.New("segments can only be passed on to a neighbor")

// neighbors asks the kernel for its neighbours.
type neighbors struct{ handle *netlink.Handle }

func openNeighbors() (*neighbors, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink for neighbors: %w", err)
	}
	if err := handle.SetSocketTimeout(answerTime); err != nil {
		handle.Close()
		return nil, fmt.Errorf("bound the wait for neighbors: %w", err)
	}
	return &neighbors{handle}, nil
}

func (n *neighbors) close() {
	if n != nil {
		n.handle.Close()
	}
}

// check makes sure that there is no router on the way to a target.
func (n *neighbors) check(t target) error {
	routes, err := n.handle.RouteGetWithOptions(t.address.AsSlice(), &netlink.RouteGetOptions{OifIndex: t.link})
	switch {
	case err != nil:
		return fmt.Errorf("find the way to %v by interface index %d: %w", t.address, t.link, err)
	case slices.ContainsFunc(routes, func(r netlink.Route) bool { return r.Type == unix.RTN_LOCAL }):
		return fmt.Errorf("%w: %v is an address of this host", ErrNoNeighbor, t.address)
	case slices.ContainsFunc(routes, func(r netlink.Route) bool { return len(r.Gw) > 0 && !r.Gw.Equal(t.address.AsSlice()) }):
		return fmt.Errorf("%w: %v is behind a router", ErrNoNeighbor, t.address)
	}
	return nil
}

// hardware lists the Ethernet addresses of the targets, as far as they are known. The
// kernel is made to ask for the others, and unknown becomes true.
func (n *neighbors) hardware(targets []target, unknown bool) ([]net.HardwareAddr, bool) {
	var all []net.HardwareAddr
	for _, t := range targets {
		found := n.find(t)
		if found == nil {
			unknown = true
			n.ask(t)
			continue
		}
		if !slices.ContainsFunc(all, func(a net.HardwareAddr) bool { return bytes.Equal(a, found) }) {
			all = append(all, found)
		}
	}
	return all, unknown
}

// find returns nil for a neighbour that is not known.
func (n *neighbors) find(t target) net.HardwareAddr {
	const ethernet = 6
	family := netlink.FAMILY_V6
	if t.address.Is4() {
		family = netlink.FAMILY_V4
	}
	list, err := n.handle.NeighList(t.link, family)
	if err != nil {
		return nil
	}
	for _, neighbor := range list {
		if neighbor.IP.Equal(t.address.AsSlice()) && len(neighbor.HardwareAddr) == ethernet &&
			neighbor.State&(netlink.NUD_FAILED|netlink.NUD_INCOMPLETE) == 0 {
			return neighbor.HardwareAddr
		}
	}
	return nil
}

// ask makes the kernel ask for a neighbour, as if there were a packet for it. One that
// does not answer is none of our errors: what is passed on to it is lost.
func (n *neighbors) ask(t target) {
	_ = n.handle.NeighSet(&netlink.Neigh{
		LinkIndex: t.link,
		IP:        t.address.AsSlice(),
		Flags:     netlink.NTF_USE,
	})
}
