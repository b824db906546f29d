// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"encoding/binary"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const (
	// passRate bounds what is passed on of each family, in packets per second: more than
	// the old connections of a busy proxy need, less than it takes to harm its node. What
	// is dropped, TCP sends again.
	passRate = 200_000

	counterPassed  = "passed"
	counterOwn     = "own"
	counterLimited = "limited"
	counterTarget  = "target"

	loopback = 1 // its index in each network namespace

	icmpUnreachable   = 3 // ICMP type, RFC 792; fragmentation needed is one of its codes
	icmpv6Unreachable = 1 // ICMPv6 types, RFC 4443
	icmpv6TooBig      = 2

	synFlag = 0x02 // in the 14th byte of the TCP header (RFC 9293 §3.1)
)

// header is what the two families differ in.
type header struct {
	address     nftables.SetDatatype
	destination uint32 // offset in the header
	length      uint32 // of an address
	icmp        byte   // protocol number
	errors      []byte // its first and last type of what TCP must hear of
}

func headerOf(family nftables.TableFamily) header {
	if family == nftables.TableFamilyIPv4 {
		return header{nftables.TypeIPAddr, 16, 4, unix.IPPROTO_ICMP, []byte{icmpUnreachable, icmpUnreachable}}
	}
	return header{nftables.TypeIP6Addr, 24, 16, unix.IPPROTO_ICMPV6, []byte{icmpv6Unreachable, icmpv6TooBig}}
}

// lay adds the chains.
//
// The kernel's early demux has found the socket of each segment of a connection of this
// host by then, never a listener. Only with a socket can meta cgroup be read. One in
// TIME_WAIT is none for it, nor for socket mark, but it is for socket transparent; these
// two look for a socket themselves, and find a listener. Both hosts have a segment to one
// in TIME_WAIT: the client may have used its port again, for a connection of the target.
// If it has not, our kernel acknowledges its FIN, and the target's RST finds nobody.
//
// Early demux sees no fragments. That there is a tproxy somewhere makes the kernel put
// them together before: nothing ever gets to that chain.
func (t *passTable) lay(c *nftables.Conn) {
	for _, name := range []string{"pass", "send", "copy", "defragment"} {
		c.AddChain(&nftables.Chain{Name: name, Table: t.Table})
	}
	addChain(c, t.Table, "input", nftables.ChainHookInput,
		accept(meta(expr.MetaKeyIIF), is(binary.NativeEndian.AppendUint32(nil, loopback)...)),
		goTo("pass", t.to(), in(t.passed)))
	addRules(c, t.Table, "pass",
		goTo("copy", protocol(t.icmp), transport(0, 1), t.isError()),
		accept(meta(expr.MetaKeyL4PROTO), isNot(unix.IPPROTO_TCP)),
		accept(protocol(unix.IPPROTO_TCP), isSYN()),
		accept(meta(expr.MetaKeyCGROUP), any32(), count(counterOwn)),
		goTo("send", socket(expr.SocketKeyMark), any32()),
		goTo("copy", socket(expr.SocketKeyTransparent), any8()),
		goTo("send"))
	addRules(c, t.Table, "send",
		accept(fromAny(t.targets), count(counterTarget)),
		drop(t.overRate(), count(counterLimited)),
		drop(count(counterPassed), t.dup()))
	addRules(c, t.Table, "copy",
		accept(fromAny(t.targets), count(counterTarget)),
		accept(t.overRate(), count(counterLimited)),
		accept(count(counterPassed), t.dup()))
	addRules(c, t.Table, "defragment", join(protocol(unix.IPPROTO_TCP), t.tproxy()))
}

// to reads the destination.
func (h header) to() rule { return network(h.destination, h.length) }

// isError: the ICMP type that was read is one that TCP must hear of.
func (h header) isError() rule {
	return rule{&expr.Range{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, FromData: h.errors[:1], ToData: h.errors[1:]}}
}

// dup sends a copy to the target, whatever routes there are.
func (t *passTable) dup() rule {
	whom := &expr.Lookup{SourceRegister: unix.NFT_REG_1, DestRegister: unix.NFT_REG_1, IsDestRegSet: true, SetName: t.whom.Name, SetID: t.whom.ID}
	device := &expr.Lookup{SourceRegister: unix.NFT_REG_2, DestRegister: unix.NFT_REG_2, IsDestRegSet: true, SetName: t.by.Name, SetID: t.by.ID}
	again := &expr.Payload{DestRegister: unix.NFT_REG_2, Base: expr.PayloadBaseNetworkHeader, Offset: t.destination, Len: t.length}
	return append(t.to(), whom, again, device, &expr.Dup{RegAddr: unix.NFT_REG_1, RegDev: unix.NFT_REG_2, IsRegDevSet: true})
}

// tproxy to port 1.
func (t *passTable) tproxy() rule {
	return rule{
		&expr.Immediate{Register: unix.NFT_REG_1, Data: []byte{0, 1}},
		&expr.TProxy{Family: byte(t.Family), TableFamily: byte(t.Family), RegPort: unix.NFT_REG_1},
	}
}

// isSYN: a segment that begins a connection, or answers one that begins.
func isSYN() rule {
	return append(transport(13, 1),
		&expr.Bitwise{SourceRegister: unix.NFT_REG_1, DestRegister: unix.NFT_REG_1, Len: 1, Mask: []byte{synFlag}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: []byte{synFlag}})
}

// fromAny: an Ethernet frame from a hardware address in set.
func fromAny(set *nftables.Set) rule {
	ethernet := binary.NativeEndian.AppendUint16(nil, unix.ARPHRD_ETHER)
	return join(meta(expr.MetaKeyIIFTYPE), is(ethernet...), load(expr.PayloadBaseLLHeader, 6, 6), in(set))
}

// overRate: more have come than are passed on, but for a burst of a tenth of a second.
func (t *passTable) overRate() rule {
	return rule{&expr.Limit{Type: expr.LimitTypePkts, Rate: t.rate, Over: true, Unit: expr.LimitTimeSecond, Burst: uint32(t.rate / 10)}}
}

// any32 and any8 are true of whatever could be read. The number is compared as nft does,
// so that it can show the rule.
func any32() rule {
	return rule{
		&expr.Byteorder{SourceRegister: unix.NFT_REG_1, DestRegister: unix.NFT_REG_1, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Cmp{Op: expr.CmpOpGte, Register: unix.NFT_REG_1, Data: make([]byte, 4)},
	}
}

func any8() rule {
	return rule{&expr.Cmp{Op: expr.CmpOpLte, Register: unix.NFT_REG_1, Data: []byte{1}}}
}

func count(name string) rule {
	return rule{&expr.Objref{Type: unix.NFT_OBJECT_COUNTER, Name: name}}
}

func socket(key expr.SocketKey) rule {
	return rule{&expr.Socket{Key: key, Register: unix.NFT_REG_1}}
}
