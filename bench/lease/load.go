// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
)

// load is what else the machine does.
type load uint8

const (
	idle   load = iota
	busy        // two programs for each processor that only compute
	locked      // two that set interfaces of another namespace up and down
)

func (l load) String() string { return [...]string{"idle", "busy CPUs", "RTNL held"}[l] }

// start begins the load, and returns what ends it.
func (l load) start() (stop func() error, err error) {
	switch l {
	case busy:
		b, err := lab.StartBusy(2 * runtime.NumCPU())
		if err != nil {
			return nil, err
		}
		return b.Stop, nil
	case locked:
		return holdRTNL(2)
	}
	return func() error { return nil }, nil
}

// holdRTNL sets interfaces of another namespace up and down: the kernel does that under
// the lock of every namespace's configuration, and takes milliseconds for one with
// many addresses.
func holdRTNL(loops int) (stop func() error, err error) {
	host, err := lab.NewNamespace("neighbour")
	if err != nil {
		return nil, err
	}
	ends := make(chan struct{})
	failures := make([]error, loops)
	var all sync.WaitGroup
	stop = func() error {
		close(ends)
		all.Wait()
		return errors.Join(append(failures, host.Close())...)
	}
	err = errors.Join(host.SkipDAD(), host.Sysctl("net/ipv6/conf/default/keep_addr_on_down", "1"))
	for i := range loops {
		var handle *netlink.Handle
		var link netlink.Link
		if err == nil {
			handle, link, err = crowded(host, i)
		}
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		all.Go(func() {
			defer handle.Close()
			failures[i] = upAndDown(handle, link, ends)
		})
	}
	return stop, nil
}

// crowded makes an interface with many addresses, and a handle for it.
func crowded(host *lab.Namespace, i int) (handle *netlink.Handle, link netlink.Link, err error) {
	const addresses = 1000
	err = host.Do(func() (err error) {
		handle, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("open netlink: %w", err)
	}
	link = &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("v%d", i)}, PeerName: fmt.Sprintf("p%d", i)}
	err = handle.LinkAdd(link)
	for n := range addresses {
		ip := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, byte(i), 14: byte(n >> 8), 15: byte(n)})
		address := &netlink.Addr{IPNet: &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(128, 128)}, Flags: unix.IFA_F_NODAD}
		if err == nil {
			err = handle.AddrAdd(link, address)
		}
	}
	if err != nil {
		handle.Close()
		return nil, nil, fmt.Errorf("make an interface with many addresses: %w", err)
	}
	return handle, link, nil
}

func upAndDown(handle *netlink.Handle, link netlink.Link, ends <-chan struct{}) error {
	for {
		if err := errors.Join(handle.LinkSetUp(link), handle.LinkSetDown(link)); err != nil {
			return fmt.Errorf("set %s up and down: %w", link.Attrs().Name, err)
		}
		select {
		case <-ends:
			return nil
		default:
		}
	}
}
