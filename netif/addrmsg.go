// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// addressTag marks an address as ours: its IFA_PROTO, the protocol number of
	// VRRP. Kernels since 5.18 keep it; older ones ignore it.
	addressTag = 112
	// leavingTag marks one of ours that is only kept until another router has it.
	leavingTag = 113
	// handedTag marks one of ours that a run has handed off to the next.
	handedTag = 114
	// maxBatch is how many changes go in one send. Each is told to every netlink
	// listener of the host at once; more would overrun those with buffers of the
	// default size.
	maxBatch = 256
	forever  = 1<<32 - 1 // INFINITY_LIFE_TIME, seconds
)

// verb is what a change does.
type verb uint8

const (
	add     verb = iota // fails with EEXIST when the address is there
	refresh             // renews its lease and tag; the kernel adds it when it is not there
	remove              // fails with EADDRNOTAVAIL when it is not there
	raise               // sets the link up
	lower               // sets the link down
)

// change is one change of an address, or of a link, and after apply its result.
type change struct {
	verb   verb
	link   int
	prefix netip.Prefix
	label  string        // IPv4 only
	scope  uint8         // RT_SCOPE_*; over IPv6 the kernel takes the address's own
	lease  time.Duration // 0: for ever
	tag    uint8         // IFA_PROTO
	err    error
}

func (ch change) place() place { return place{ch.link, ch.prefix.Addr()} }

// apply makes the changes, batched: many messages in one send, each with its own
// result.
func (c *rtnl) apply(changes []change) {
	for batch := range slices.Chunk(changes, maxBatch) {
		if err := c.applyBatch(batch); err != nil {
			for i := range batch {
				batch[i].err = err // nobody knows which ones were made
			}
		}
	}
}

func (c *rtnl) applyBatch(batch []change) error {
	first, last := c.seq+1, uint32(len(batch)-1)
	c.batch = c.batch[:0]
	for i := range batch {
		c.seq++
		c.batch = batch[i].append(c.batch, c.seq, i == len(batch)-1)
	}
	if err := c.sendRaw(c.batch); err != nil {
		return err
	}
	for {
		messages, err := c.receive()
		if err != nil {
			return err
		}
		for _, m := range messages {
			i := m.Header.Seq - first
			if m.Header.Type != unix.NLMSG_ERROR || i > last {
				continue // a late answer to something else
			}
			batch[i].err = messageError(m)
			if i == last {
				return nil
			}
		}
	}
}

// append appends the change as a netlink message. Only a failure is answered,
// unless an answer is asked for.
func (ch *change) append(b []byte, seq uint32, answer bool) []byte {
	kind, flags := ch.verb.message()
	if answer {
		flags |= unix.NLM_F_ACK
	}
	start := len(b)
	// struct nlmsghdr: length, type, flags, sequence number, port (the kernel's to fill in).
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags|unix.NLM_F_REQUEST)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	if kind == unix.RTM_NEWLINK {
		b = ch.appendLink(b)
	} else {
		b = ch.appendAddress(b)
	}
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// appendLink appends struct ifinfomsg: family, type, index, flags, which of them.
func (ch *change) appendLink(b []byte) []byte {
	flags := uint32(0)
	if ch.verb == raise {
		flags = unix.IFF_UP
	}
	b = append(b, unix.AF_UNSPEC, 0, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(ch.link))
	b = binary.NativeEndian.AppendUint32(b, flags)
	return binary.NativeEndian.AppendUint32(b, unix.IFF_UP)
}

// appendAddress appends struct ifaddrmsg (family, prefix length, flags, scope, index)
// and its attributes.
func (ch *change) appendAddress(b []byte) []byte {
	ip := ch.prefix.Addr()
	family := uint8(unix.AF_INET)
	if ip.Is6() {
		family = unix.AF_INET6
	}
	b = append(b, family, uint8(ch.prefix.Bits()), 0, ch.scope)
	b = binary.NativeEndian.AppendUint32(b, uint32(ch.link))
	b = appendAttribute(b, unix.IFA_LOCAL, ip.AsSlice())
	b = appendAttribute(b, unix.IFA_ADDRESS, ip.AsSlice())
	if ch.verb == remove {
		return b
	}
	b = appendAttribute(b, unix.IFA_CACHEINFO, ch.cacheInfo())
	b = appendAttribute(b, netlink.IFA_PROTO, []byte{ch.tag})
	if ip.Is6() { // a VIP moves: to look for a duplicate first would cost a second
		b = appendAttribute(b, unix.IFA_FLAGS, binary.NativeEndian.AppendUint32(nil, unix.IFA_F_NODAD))
	}
	if ch.label != "" {
		b = appendAttribute(b, unix.IFA_LABEL, append([]byte(ch.label), 0))
	}
	return b
}

func (v verb) message() (kind, flags uint16) {
	switch v {
	case add:
		return unix.RTM_NEWADDR, unix.NLM_F_CREATE | unix.NLM_F_EXCL
	case refresh:
		return unix.RTM_NEWADDR, unix.NLM_F_REPLACE
	case remove:
		return unix.RTM_DELADDR, 0
	default:
		return unix.RTM_NEWLINK, 0
	}
}

// cacheInfo is struct ifa_cacheinfo: preferred and valid lifetime in seconds, and two
// stamps that only the kernel fills in. An IPv6 address that is not preferred is never
// chosen as a source (RFC 6724 §5, rule 3).
func (ch *change) cacheInfo() []byte {
	seconds := uint32(forever)
	if ch.lease > 0 {
		seconds = uint32(min((ch.lease+time.Second-1)/time.Second, forever-1))
	}
	preferred := seconds
	if ch.prefix.Addr().Is6() {
		preferred = 0
	}
	b := make([]byte, 0, unix.SizeofIfaCacheinfo)
	b = binary.NativeEndian.AppendUint32(b, preferred)
	b = binary.NativeEndian.AppendUint32(b, seconds)
	return b[:unix.SizeofIfaCacheinfo]
}

// appendAttribute appends a struct rtattr with its value, padded to four bytes.
func appendAttribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%unix.RTA_ALIGNTO != 0 {
		b = append(b, 0)
	}
	return b
}

// readAddresses reads the addresses that keep wants, by link, in the kernel's order.
func (c *rtnl) readAddresses(keep func(address) bool) (byLink map[int][]address, err error) {
	err = retryInterrupted(func() error {
		byLink = make(map[int][]address)
		return c.dump(unix.RTM_GETADDR, func(m syscall.NetlinkMessage) {
			if a, ok := parseAddress(m); ok && keep(a) {
				byLink[a.link] = append(byLink[a.link], a)
			}
		})
	})
	return byLink, err
}
