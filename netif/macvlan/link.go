// SPDX-License-Identifier: Apache-2.0

package macvlan

import (
	"bytes"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// group marks a link as ours: its IFLA_GROUP, the protocol number of VRRP. The kernel
// sets it as it makes the link, so that no crash leaves one without.
const group = 112

var (
	// ErrForeign: there is a link of that name already, made by somebody else. It is
	// never touched.
	ErrForeign = errors.New("a link of that name is there already and not ours")
	// ErrParent: the interface is not as expected, or is a macvlan itself. The kernel
	// would put the link beside such a one instead of on it.
	ErrParent = errors.New("the interface can't carry a virtual MAC")
)

// Link is one virtual link.
type Link struct {
	Name     string // such as "vrrp.51"; at most 15 bytes
	Parent   string // name of the interface that it is on
	Hardware string // its MAC address, "00:00:5e:00:01:33"
	IPv6     bool   // its family; else IPv4
}

// Ensure makes the link, down and without addresses, on the parent, which has that
// index; or it adopts the one that a run before left, with its addresses and whether
// it is up. One of ours that has another parent, MAC or mode is replaced. All settings
// are made, so it does no harm to repeat it.
//
// The error may wrap [ErrForeign], [ErrParent], [ErrSetting] or a system call's errno
// (EBUSY: the parent is a port of a bridge or a bond). What was made until then is for
// the next Ensure or Remove.
func Ensure(h *netlink.Handle, l Link, parentIndex int) (index int, err error) {
	if index, err = l.ensure(h, parentIndex); err != nil {
		return 0, fmt.Errorf("virtual link %s on %s: %w", l.Name, l.Parent, err)
	}
	return index, nil
}

func (l Link) ensure(h *netlink.Handle, parentIndex int) (int, error) {
	if err := l.checkParent(h, parentIndex); err != nil {
		return 0, err
	}
	if err := l.checkHost(); err != nil {
		return 0, err
	}
	link, err := l.adoptOrCreate(h, parentIndex)
	if err != nil {
		return 0, err
	}
	if err := l.configure(); err != nil {
		return 0, err
	}
	if !l.IPv6 {
		if err := l.claimParent(h, link); err != nil {
			return 0, err
		}
	}
	return link.Index, nil
}

// checkParent sees that the index is still the parent's: indexes are used again.
func (l Link) checkParent(h *netlink.Handle, index int) error {
	parent, err := h.LinkByIndex(index)
	if err != nil {
		return fmt.Errorf("find interface %d: %w", index, err)
	}
	if name := parent.Attrs().Name; name != l.Parent {
		return fmt.Errorf("%w: its index belongs to %s", ErrParent, name)
	}
	if parent.Type() == "macvlan" {
		return fmt.Errorf("%w: it is a macvlan itself", ErrParent)
	}
	return nil
}

func (l Link) adoptOrCreate(h *netlink.Handle, parentIndex int) (*netlink.Macvlan, error) {
	want, err := l.wanted(parentIndex)
	if err != nil {
		return nil, err
	}
	found, err := find(h, l.Name)
	if err != nil {
		return nil, err
	}
	if found != nil {
		if found.ParentIndex == want.ParentIndex && found.Mode == want.Mode &&
			bytes.Equal(found.HardwareAddr, want.HardwareAddr) {
			return found, nil
		}
		if err := remove(h, found); err != nil {
			return nil, fmt.Errorf("replace the one that is there: %w", err)
		}
	}
	if err := h.LinkAdd(want); err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	return want, nil // LinkAdd has set its index
}

func (l Link) wanted(parentIndex int) (*netlink.Macvlan, error) {
	hardware, err := net.ParseMAC(l.Hardware)
	if err != nil {
		return nil, err // names the address
	}
	link := &netlink.Macvlan{LinkAttrs: netlink.NewLinkAttrs(), Mode: netlink.MACVLAN_MODE_BRIDGE}
	link.Name, link.ParentIndex, link.HardwareAddr, link.Group = l.Name, parentIndex, hardware, group
	return link, nil
}

// find returns the link if it is ours, nil when there is none of that name.
func find(h *netlink.Handle, name string) (*netlink.Macvlan, error) {
	found, err := h.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find: %w", err)
	}
	link, ok := found.(*netlink.Macvlan)
	if !ok || link.Group != group {
		return nil, ErrForeign
	}
	return link, nil
}

// Remove deletes the link, and puts the parent's settings back when no other IPv4 link
// of ours is on it. Only l.Name counts. One that is gone already, or not ours, is no
// error.
func Remove(h *netlink.Handle, l Link) error {
	link, err := find(h, l.Name)
	if errors.Is(err, ErrForeign) || err == nil && link == nil {
		return nil
	}
	if err == nil {
		err = remove(h, link)
	}
	if err != nil {
		return fmt.Errorf("remove virtual link %s: %w", l.Name, err)
	}
	return nil
}

// remove puts back first: a crash in between leaves the link, which says what to put
// back.
func remove(h *netlink.Handle, link *netlink.Macvlan) error {
	if err := releaseParent(h, link); err != nil {
		return err
	}
	if err := h.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}
