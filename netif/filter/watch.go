// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"vipd/netif/backoff"
)

const (
	// receiveBuffer of the notifications' socket, in bytes: room for our own largest
	// change, some ten thousand addresses (what is lost of it would have it made again),
	// and for the large rulesets of others.
	receiveBuffer = 8 << 20
)

// newPause paces what somebody may undo again and again.
func newPause() *backoff.Backoff {
	return &backoff.Backoff{First: 10 * time.Millisecond, Longest: time.Second}
}

// subscribe opens a socket that hears of all changes of nftables.
func subscribe() (*nl.NetlinkSocket, error) {
	socket, err := nl.Subscribe(unix.NETLINK_NETFILTER, unix.NFNLGRP_NFTABLES)
	if err != nil {
		return nil, fmt.Errorf("subscribe to nftables: %w", err)
	}
	if socket.SetReceiveBufferSize(receiveBuffer, true) != nil { // not in a user namespace
		if err := socket.SetReceiveBufferSize(receiveBuffer, false); err != nil {
			return nil, errors.Join(fmt.Errorf("set the receive buffer: %w", err), socket.Close())
		}
	}
	return socket, nil
}

// watch has the tables made again when somebody else has changed them, until ctx ends.
func (f *Filter) watch(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { f.notifications.Close() })
	defer stop()
	pause := newPause()
	touched := false
	for {
		messages, from, err := f.notifications.Receive()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil: // most often ENOBUFS: they came faster than they were read
			f.spoil(fmt.Sprintf("notifications were lost: %v", err))
			touched = false
			if !pause.Wait(ctx) {
				return
			}
		case from.Pid == nl.PidKernel:
			touched = f.read(messages, touched)
		}
	}
}

// read takes notifications of a transaction, whose last is NFT_MSG_NEWGEN. It returns
// whether the transaction, if it has not ended, has touched our tables so far.
func (f *Filter) read(messages []syscall.NetlinkMessage, touched bool) bool {
	for _, m := range messages {
		switch {
		case m.Header.Type != unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWGEN:
			touched = touched || m.Header.Pid != f.kernel.port.Load() && isOurs(m)
		case touched:
			f.spoil("another process changed them")
			touched = false
		}
	}
	return touched
}

// isOurs tells whether a notification is about one of our tables. It begins with
// struct nfgenmsg; in all of them the first attribute is the table's name.
func isOurs(m syscall.NetlinkMessage) bool {
	const nfgenmsgLen = 4
	if m.Header.Type>>8 != unix.NFNL_SUBSYS_NFTABLES || len(m.Data) < nfgenmsgLen {
		return false
	}
	if familyName(nftables.TableFamily(m.Data[0])) == "" {
		return false
	}
	attributes, err := nl.ParseRouteAttr(m.Data[nfgenmsgLen:])
	if err != nil {
		return false
	}
	for _, a := range attributes {
		if a.Attr.Type == unix.NFTA_TABLE_NAME {
			return string(a.Value) == tableName+"\x00"
		}
	}
	return false
}
