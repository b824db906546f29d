// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"encoding/binary"
	"iter"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// table is what netlink tells of links and their addresses.
type table struct {
	links     map[int]link
	addresses map[int][]address // by link, in the kernel's order
}

// link is an interface as the kernel describes it.
type link struct {
	index    int
	name     string
	mtu      int
	admin    bool             // set up
	up       bool             // and running
	hardware net.HardwareAddr // nil: no Ethernet, or it speaks neither ARP nor ND
	master   int              // index of the bridge, bond or the like whose port it is; 0: none
}

// address is an address on a link.
type address struct {
	link      int
	local     netip.Addr
	peer      netip.Addr   // on a point-to-point link; else the address itself
	network   netip.Prefix // the peer's
	tag       uint8        // IFA_PROTO; 0: none
	label     string       // IPv4
	plain     bool         // the label is its link's name
	scope     uint8        // RT_SCOPE_*
	stamp     uint32       // when it was set or renewed, by the ticks clock
	permanent bool         // without a lifetime
	secondary bool         // IPv4: goes with the primary address of its network
	unsure    bool         // IPv6: duplicate address detection runs, or has found one
}

// prefix is the address with its prefix length, as it was set.
func (a address) prefix() netip.Prefix { return netip.PrefixFrom(a.local, a.network.Bits()) }

// tagged tells whether a vipd has set it, this one or another.
func (a address) tagged() bool { return a.tag >= addressTag && a.tag <= handedTag }

func newTable() *table {
	return &table{links: make(map[int]link), addresses: make(map[int][]address)}
}

// load reads everything from c. Notifications that arrive meanwhile are in it.
func load(c *rtnl) (t *table, err error) {
	err = retryInterrupted(func() error {
		t = newTable()
		for _, request := range []uint16{unix.RTM_GETLINK, unix.RTM_GETADDR} {
			if err := c.dump(request, func(m syscall.NetlinkMessage) { t.apply(m) }); err != nil {
				return err
			}
		}
		return nil
	})
	return t, err
}

// apply takes in one message. It tells whether a Link may show it: renewed leases and
// other echoes of our own don't.
func (t *table) apply(m syscall.NetlinkMessage) (shows bool) {
	switch m.Header.Type {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		if l, ok := parseLink(m); ok {
			t.setLink(l, m.Header.Type == unix.RTM_NEWLINK)
			return true
		}
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		if a, ok := parseAddress(m); ok {
			t.setAddress(a, m.Header.Type == unix.RTM_NEWADDR)
			return !a.tagged()
		}
	}
	return false
}

func (t *table) setLink(l link, there bool) {
	if there {
		t.links[l.index] = l
		return
	}
	delete(t.links, l.index)
	delete(t.addresses, l.index)
}

func (t *table) setAddress(a address, there bool) {
	all := t.addresses[a.link]
	i := slices.IndexFunc(all, func(b address) bool { return b.local == a.local && b.network == a.network })
	switch {
	case i < 0 && there:
		t.addresses[a.link] = append(all, a)
	case i >= 0 && there:
		all[i] = a
	case i >= 0:
		t.addresses[a.link] = slices.Delete(all, i, i+1)
	}
}

// find returns the link of that name; its index is 0 when there is none.
func (t *table) find(name string) link {
	for _, l := range t.links {
		if l.name == name {
			return l
		}
	}
	return link{}
}

// hardware are the hardware addresses that this host answers from. A virtual link that is
// down has that of another node's, which may answer.
func (t *table) hardware() map[string]bool {
	all := make(map[string]bool, len(t.links))
	for _, l := range t.links {
		if l.admin && l.hardware != nil {
			all[string(l.hardware)] = true
		}
	}
	return all
}

// parseLink reads an RTM_NEWLINK or RTM_DELLINK. A bridge tells of its ports with
// the same types in the family AF_BRIDGE: a port that leaves its bridge is a
// DELLINK there, and no link has gone.
func parseLink(m syscall.NetlinkMessage) (link, bool) {
	if len(m.Data) < unix.SizeofIfInfomsg || m.Data[0] != unix.AF_UNSPEC {
		return link{}, false
	}
	header := unix.NlMsghdr(m.Header)
	parsed, err := netlink.LinkDeserialize(&header, m.Data)
	if err != nil {
		return link{}, false
	}
	base := parsed.Attrs()
	l := link{index: base.Index, name: base.Name, mtu: base.MTU}
	running := base.OperState == netlink.OperUp || base.OperState == netlink.OperUnknown
	l.admin = base.RawFlags&unix.IFF_UP != 0
	l.up = l.admin && running
	if base.EncapType == "ether" && base.RawFlags&unix.IFF_NOARP == 0 {
		l.hardware = base.HardwareAddr
	}
	if base.Slave == nil || base.Slave.SlaveType() != "vrf" { // a VRF leaves the packets to the link
		l.master = base.MasterIndex
	}
	return l, l.index > 0
}

// parseAddress reads an RTM_NEWADDR or RTM_DELADDR of IPv4 or IPv6: struct ifaddrmsg,
// then attributes.
func parseAddress(m syscall.NetlinkMessage) (address, bool) {
	if len(m.Data) < unix.SizeofIfAddrmsg || m.Data[0] != unix.AF_INET && m.Data[0] != unix.AF_INET6 {
		return address{}, false
	}
	a := address{link: int(binary.NativeEndian.Uint32(m.Data[4:])), scope: m.Data[3]}
	flags := uint32(m.Data[2]) // the lower ones of IFA_FLAGS
	for kind, value := range attributes(m.Data[unix.SizeofIfAddrmsg:]) {
		a.setAttribute(kind, value, int(m.Data[1]))
		if kind == unix.IFA_FLAGS && len(value) >= 4 {
			flags = binary.NativeEndian.Uint32(value)
		}
	}
	if !a.local.IsValid() { // IPv6 without a peer
		a.local = a.peer
	}
	a.setFlags(flags)
	return a, a.local.IsValid() && a.network.IsValid()
}

// attributes goes through struct rtattrs, as far as they are whole. There are a thousand
// addresses in a dump: nothing is allocated.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(kind uint16, value []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			length := int(binary.NativeEndian.Uint16(b))
			if length < unix.SizeofRtAttr || length > len(b) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if !yield(kind, b[unix.SizeofRtAttr:length]) {
				return
			}
			b = b[min((length+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1), len(b)):]
		}
	}
}

func (a *address) setFlags(flags uint32) {
	a.permanent = flags&unix.IFA_F_PERMANENT != 0
	a.secondary = a.local.Is4() && flags&unix.IFA_F_SECONDARY != 0 // of IPv6 the bit means "temporary"
	a.unsure = flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0 && flags&unix.IFA_F_OPTIMISTIC == 0
}

func (a *address) setAttribute(kind uint16, value []byte, bits int) {
	switch kind {
	case unix.IFA_LOCAL:
		a.local, _ = netip.AddrFromSlice(value)
	case unix.IFA_ADDRESS:
		if peer, ok := netip.AddrFromSlice(value); ok {
			a.peer = peer
			a.network, _ = peer.Prefix(bits)
		}
	case unix.IFA_LABEL:
		a.label = unix.ByteSliceToString(value)
	case unix.IFA_CACHEINFO: // two lifetimes, the stamp of its creation, and this one
		if len(value) >= unix.SizeofIfaCacheinfo {
			a.stamp = binary.NativeEndian.Uint32(value[12:])
		}
	case netlink.IFA_PROTO:
		if len(value) > 0 {
			a.tag = value[0]
		}
	}
}
