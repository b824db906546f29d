// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// answerTime bounds one transaction with its answers. The kernel answers within
	// the send, so it is only reached when others hold the kernel's lock for that long.
	answerTime = 5 * time.Second
	// sendBuffer is room for the largest transaction, in bytes: some ten thousand
	// addresses.
	sendBuffer = 1 << 20
)

// kernel is the connection over which transactions go. One goroutine at a time uses it;
// only port may be read by others.
//
// It is closed as seldom as can be: the kernel then waits until what the last transaction
// has replaced is free, which takes up to seconds when it is busy, and no transaction of
// this network namespace begins meanwhile (nft_rcv_nl_event); nor, when one waits here, of
// any other (nfnetlink_rcv_batch).
type kernel struct {
	conn   *nftables.Conn // nil: closed
	socket *netlink.Conn  // of conn
	port   atomic.Uint32  // netlink port of the last connection: by it we know our own changes
}

// open connects, and makes sure that the kernel has nf_tables: a transaction for a
// subsystem that is not there gets one answer only, and the library waits for more.
func (k *kernel) open() error {
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(k.attach))
	if err != nil {
		return fmt.Errorf("open netlink for netfilter: %w", err)
	}
	k.conn = conn
	if err := k.socket.SetDeadline(time.Now().Add(answerTime)); err != nil {
		k.close()
		return fmt.Errorf("bound the wait: %w", err)
	}
	_, err = conn.ListTableOfFamily(tableName, nftables.TableFamilyINet)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		k.close()
		return fmt.Errorf("ask for nf_tables (needs CAP_NET_ADMIN, and CONFIG_NF_TABLES in the kernel): %w", err)
	}
	return nil
}

// attach is called with the socket of a new connection.
func (k *kernel) attach(socket *netlink.Conn) error {
	if err := socket.SetWriteBuffer(sendBuffer); err != nil {
		return fmt.Errorf("send buffer: %w", err)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var name unix.Sockaddr
	var failed error
	if err := raw.Control(func(fd uintptr) { name, failed = unix.Getsockname(int(fd)) }); err != nil {
		return err
	}
	address, ok := name.(*unix.SockaddrNetlink)
	if failed != nil || !ok {
		return fmt.Errorf("read the netlink port of %T: %w", name, failed)
	}
	k.socket = socket
	k.port.Store(address.Pid)
	return nil
}

func (k *kernel) close() {
	if k.conn != nil {
		_ = k.conn.CloseLasting()
		k.conn = nil
	}
}

// prepare makes the connection ready for a request with its answers.
func (k *kernel) prepare() error {
	if k.conn == nil {
		return k.open()
	}
	if err := k.socket.SetDeadline(time.Now().Add(answerTime)); err != nil {
		k.close()
		return fmt.Errorf("bound the wait: %w", err)
	}
	return nil
}

// commit makes all that build asks for, or nothing, in one transaction. After an error
// the next one has a new connection: answers may still be on their way in the old.
func (k *kernel) commit(build func(*nftables.Conn) error) error {
	if err := k.prepare(); err != nil {
		return err
	}
	err := build(k.conn)
	if err == nil {
		err = k.conn.Flush()
	}
	if err != nil {
		k.close()
		return firstError(err)
	}
	return nil
}

// firstError is the cause: the kernel answers each message of a transaction, and
// after one that failed most others fail too.
func firstError(err error) error {
	for {
		var joined interface{ Unwrap() []error }
		if !errors.As(err, &joined) {
			return err
		}
		err = joined.Unwrap()[0]
	}
}
