// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	// receiveBuffer of a netlink socket, in bytes: room for some thousand
	// notifications, and for the refusals of a whole batch.
	receiveBuffer = 1 << 20
	// dumpAttempts bounds how often a dump is repeated that changed under our hands.
	dumpAttempts = 5
	// answerSeconds bounds the wait for an answer. The kernel answers within the
	// send, so it is only reached when the answer is lost.
	answerSeconds = 2
)

// errInterrupted: the kernel's tables changed during a dump (NLM_F_DUMP_INTR).
var errInterrupted = errors.New("dump interrupted by a change")

// rtnl is a NETLINK_ROUTE socket. One goroutine uses it; only close may be called
// by others.
type rtnl struct {
	socket *nl.NetlinkSocket
	seq    uint32
	batch  []byte // reused
}

// openRTNL opens a socket that also hears the given multicast groups.
func openRTNL(groups ...uint) (*rtnl, error) {
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, groups...)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	c := &rtnl{socket: socket}
	if err := c.configure(); err != nil {
		c.close()
		return nil, fmt.Errorf("configure netlink socket: %w", err)
	}
	return c, nil
}

func (c *rtnl) configure() error {
	if c.socket.SetReceiveBufferSize(receiveBuffer, true) != nil { // not in a user namespace
		if err := c.socket.SetReceiveBufferSize(receiveBuffer, false); err != nil {
			return fmt.Errorf("receive buffer: %w", err)
		}
	}
	// Answers without a copy of the request: a batch of refusals stays small.
	err := unix.SetsockoptInt(c.socket.GetFd(), unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	if err != nil {
		return fmt.Errorf("NETLINK_CAP_ACK: %w", err)
	}
	return nil
}

// join makes the socket hear more groups. It may be called beside the goroutine that
// reads.
func (c *rtnl) join(groups ...int) error {
	for _, group := range groups {
		if err := unix.SetsockoptInt(c.socket.GetFd(), unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return fmt.Errorf("join netlink group %d: %w", group, err)
		}
	}
	return nil
}

func (c *rtnl) close() { _ = c.socket.Close() }

// boundWait makes receive give up after a while. It is not for a subscriber, who
// may wait for ever.
func (c *rtnl) boundWait() error {
	return c.socket.SetReceiveTimeout(&unix.Timeval{Sec: answerSeconds})
}

// sendRaw sends messages that are complete. Only the socket's owner, who closes it
// afterwards, may call it.
func (c *rtnl) sendRaw(messages []byte) error {
	return unix.Sendto(c.socket.GetFd(), messages, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// receive returns what the kernel sent. Any process may send to a netlink socket:
// what is not from the kernel is dropped.
func (c *rtnl) receive() ([]syscall.NetlinkMessage, error) {
	messages, from, err := c.socket.Receive()
	if err != nil {
		return nil, err
	}
	if from.Pid != nl.PidKernel {
		return nil, nil
	}
	return messages, nil
}

// dump asks for all links (RTM_GETLINK) or addresses (RTM_GETADDR). It calls
// visit with each message that arrives until the dump is done, notifications among
// them: in the order of arrival they add up to the present state.
func (c *rtnl) dump(request uint16, visit func(syscall.NetlinkMessage)) error {
	c.seq++
	if err := c.socket.Send(dumpRequest(request, c.seq)); err != nil {
		return err
	}
	interrupted := false
	for {
		messages, err := c.receive()
		if err != nil {
			return err
		}
		for _, m := range messages {
			interrupted = interrupted || m.Header.Flags&unix.NLM_F_DUMP_INTR != 0
			ends := m.Header.Type == unix.NLMSG_DONE || m.Header.Type == unix.NLMSG_ERROR
			if ends && m.Header.Seq == c.seq {
				return dumpResult(m, interrupted)
			}
			visit(m)
		}
	}
}

func dumpRequest(kind uint16, seq uint32) *nl.NetlinkRequest {
	request := nl.NewNetlinkRequest(int(kind), unix.NLM_F_DUMP)
	request.Seq = seq
	if kind == unix.RTM_GETADDR {
		request.AddData(nl.NewIfAddrmsg(unix.AF_UNSPEC))
	} else {
		request.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	}
	return request
}

func dumpResult(m syscall.NetlinkMessage, interrupted bool) error {
	if err := messageError(m); err != nil {
		return err
	}
	if interrupted {
		return errInterrupted
	}
	return nil
}

// messageError is the error that an NLMSG_ERROR or NLMSG_DONE carries: its first
// four bytes, a negative errno.
func messageError(m syscall.NetlinkMessage) error {
	if len(m.Data) < 4 {
		return nil
	}
	if code := int32(binary.NativeEndian.Uint32(m.Data)); code < 0 {
		return syscall.Errno(-code)
	}
	return nil
}

// retryInterrupted repeats a dump that was interrupted, a bounded number of times.
func retryInterrupted(dump func() error) (err error) {
	for range dumpAttempts {
		if err = dump(); !errors.Is(err, errInterrupted) {
			break
		}
	}
	return err
}
