// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
)

const (
	tag = 112 // IFA_PROTO of vipd's addresses
	// tick is the unit of the kernel's stamps (ifa_cacheinfo).
	tick = time.Second / 100
	// recordBuffer is what the kernel queues for us, in bytes: some seconds of it.
	recordBuffer = 16 << 20
	ifaCacheinfo = 6
)

// news is what the kernel tells of an address of vipd's.
type news struct {
	at       time.Time // when we read it
	ip       netip.Addr
	there    bool
	lifetime time.Duration // given to it
	stamp    uint32        // when, in ticks
}

// record collects news of one namespace.
type record struct {
	socket *nl.NetlinkSocket
	ended  chan struct{}

	mu      sync.Mutex // guards what follows
	all     []news
	stopped bool
	err     error // why it ended before it was stopped
}

// startRecord records until stop.
func startRecord(n *lab.Namespace) (*record, error) {
	r := &record{ended: make(chan struct{})}
	err := n.Do(func() (err error) {
		r.socket, err = nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to netlink: %w", err)
	}
	if err := r.socket.SetReceiveBufferSize(recordBuffer, true); err != nil {
		r.socket.Close()
		return nil, fmt.Errorf("receive buffer: %w", err)
	}
	go r.run()
	return r, nil
}

func (r *record) run() {
	defer close(r.ended)
	for {
		messages, _, err := r.socket.Receive()
		now := time.Now()
		r.mu.Lock()
		for _, m := range messages {
			if n, ok := parse(m); ok {
				n.at = now
				r.all = append(r.all, n)
			}
		}
		if err != nil && !r.stopped {
			r.err = fmt.Errorf("hear of addresses: %w", err)
		}
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// stop ends the record. It is an error when news were lost.
func (r *record) stop() error {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.socket.Close()
	<-r.ended
	return r.err
}

// between are the news that were read from one moment to another.
func (r *record) between(from, to time.Time) []news {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.all), func(n news) bool { return n.at.Before(from) || n.at.After(to) })
}

// parse reads an RTM_NEWADDR or RTM_DELADDR of vipd's: struct ifaddrmsg, then attributes.
func parse(m syscall.NetlinkMessage) (n news, ours bool) {
	n.there = m.Header.Type == unix.RTM_NEWADDR
	if !n.there && m.Header.Type != unix.RTM_DELADDR || len(m.Data) < unix.SizeofIfAddrmsg {
		return n, false
	}
	attributes, err := nl.ParseRouteAttr(m.Data[unix.SizeofIfAddrmsg:])
	if err != nil {
		return n, false
	}
	for _, a := range attributes {
		switch a.Attr.Type {
		case unix.IFA_ADDRESS:
			n.ip, _ = netip.AddrFromSlice(a.Value)
		case netlink.IFA_PROTO:
			ours = len(a.Value) == 1 && a.Value[0] == tag
		case ifaCacheinfo: // preferred and valid lifetime, stamps of creation and renewal
			if len(a.Value) == unix.SizeofIfaCacheinfo {
				n.lifetime = time.Duration(binary.NativeEndian.Uint32(a.Value[4:])) * time.Second
				n.stamp = binary.NativeEndian.Uint32(a.Value[12:])
			}
		}
	}
	return n, ours
}
