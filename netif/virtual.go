// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/netif/macvlan"
)

// errNoParent: there is no interface to put a virtual link on.
var errNoParent = errors.New("there is no such interface")

// virtualLinks are the interfaces with a virtual MAC. The keeper makes and removes
// them; the watcher says when one has gone.
type virtualLinks struct {
	handle   *netlink.Handle
	stations *stations // to find the parents

	mu          sync.Mutex // guards what follows
	byName      map[string]*virtualLink
	superfluous []*virtualLink
}

// virtualLink is one of them.
type virtualLink struct {
	macvlan.Link
	hardware net.HardwareAddr
	index    int // 0: not made
	parent   int // index of its parent
}

// openVirtualLinks opens the netlink handle of the keeper, for what is no address.
func openVirtualLinks(stations *stations, links []VirtualLink) (*virtualLinks, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	if err := handle.SetSocketTimeout(answerSeconds * time.Second); err != nil {
		handle.Close()
		return nil, fmt.Errorf("bound the wait for netlink: %w", err)
	}
	v := &virtualLinks{handle: handle, stations: stations, byName: make(map[string]*virtualLink)}
	if err := v.want(links); err != nil {
		handle.Close()
		return nil, err
	}
	return v, nil
}

// want says which links there may be. What is there of others is superfluous then.
func (v *virtualLinks) want(links []VirtualLink) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	wanted := make(map[string]*virtualLink, len(links))
	for _, l := range links {
		hardware, err := parseEthernet(l.Hardware)
		if err != nil {
			return fmt.Errorf("virtual link %s: %w", l.Name, err)
		}
		if wanted[l.Name] = v.byName[l.Name]; wanted[l.Name] == nil || wanted[l.Name].Link != l {
			wanted[l.Name] = &virtualLink{Link: l, hardware: hardware}
		}
	}
	for name, l := range v.byName {
		if wanted[name] == nil { // else Ensure replaces it
			v.superfluous = append(v.superfluous, l)
		}
	}
	v.byName = wanted
	return nil
}

// removeSuperfluous removes the links that are not wanted any more.
func (v *virtualLinks) removeSuperfluous() error {
	v.mu.Lock()
	superfluous := v.superfluous
	v.superfluous = nil
	v.mu.Unlock()
	var errs []error
	for _, l := range superfluous {
		errs = append(errs, macvlan.Remove(v.handle, l.Link))
	}
	return errors.Join(errs...)
}

// ensure makes the link, unless it is there. It may wait for the kernel.
func (v *virtualLinks) ensure(name string) (virtualLink, error) {
	v.mu.Lock()
	l := v.byName[name]
	v.mu.Unlock()
	if l == nil {
		return virtualLink{}, fmt.Errorf("virtual link %s: it is not one of the configuration", name)
	}
	parent := v.stations.indexOf(l.Parent)
	if parent == 0 {
		return virtualLink{}, fmt.Errorf("virtual link %s on %s: %w", name, l.Parent, errNoParent)
	}
	if made := v.get(name); made.index > 0 && made.parent == parent {
		return made, nil
	}
	index, err := macvlan.Ensure(v.handle, l.Link, parent)
	if err != nil {
		return virtualLink{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	l.index, l.parent = index, parent
	return *l, nil
}

// get is what is known of a link; its index is 0 when it is not made.
func (v *virtualLinks) get(name string) virtualLink {
	v.mu.Lock()
	defer v.mu.Unlock()
	if l := v.byName[name]; l != nil {
		return *l
	}
	return virtualLink{}
}

// at is the virtual link of an index.
func (v *virtualLinks) at(index int) (virtualLink, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range v.byName {
		if index > 0 && l.index == index {
			return *l, true
		}
	}
	return virtualLink{}, false
}

// forget makes the next ensure look whether a link is there.
func (v *virtualLinks) forget(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if l := v.byName[name]; l != nil {
		l.index = 0
	}
}

// removeAll removes the links, and puts back what was changed for them.
func (v *virtualLinks) removeAll() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	var errs []error
	for _, l := range v.byName {
		errs = append(errs, macvlan.Remove(v.handle, l.Link))
		l.index = 0
	}
	return errors.Join(errs...)
}
