// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const (
	// priority is ahead of the user's own filter chains (0). A drop is final whatever
	// others accept, before or after; but from here on no other rule counts, logs, or
	// rejects, that is answers from the virtual address, what is not for this host.
	priority = -10

	// arpOutput is NF_ARP_OUT (linux/netfilter_arp.h).
	arpOutput = 1

	arpReply = 2 // RFC 826

	neighborSolicit = 135 // ICMPv6 types, RFC 4861 §4.3 and §4.4
	neighborAdvert  = 136

	listenerReport  = 131 // ICMPv6 types, RFC 2710 §3.1 and RFC 3810 §5.2
	listenerReport2 = 143
)

// rule is what must all be true, in order, and then the verdict. What can't be read
// is not true.
type rule []expr.Any

// toIPv4 drops packets to the addresses in set.
func toIPv4(set *nftables.Set) rule {
	return drop(ipv4(), network(16, 4), in(set))
}

// toIPv6 drops packets to the addresses in set.
func toIPv6(set *nftables.Set) rule {
	return drop(ipv6(), network(24, 16), in(set))
}

// neighborDiscovery accepts neighbour solicitations and advertisements. Of a fragmented
// one (RFC 6980 forbids it) only the first fragment passes.
func neighborDiscovery() rule {
	types := &expr.Range{
		Op:       expr.CmpOpEq,
		Register: unix.NFT_REG_1,
		FromData: []byte{neighborSolicit},
		ToData:   []byte{neighborAdvert},
	}
	return accept(icmpv6(), transport(0, 1), rule{types})
}

// advertFor drops neighbour advertisements for a target in set.
func advertFor(set *nftables.Set) rule {
	return drop(icmpv6(), transport(0, 1), is(neighborAdvert), transport(8, 16), in(set))
}

// tellFrom drops what shows hosts and switches where an address in set is: Neighbor
// Discovery, and the multicast listener reports that the kernel sends by itself. From a
// virtual MAC they would pull switches back.
func tellFrom(set *nftables.Set) rule {
	types := &expr.Range{
		Op:       expr.CmpOpEq,
		Register: unix.NFT_REG_1,
		FromData: []byte{listenerReport},
		ToData:   []byte{listenerReport2},
	}
	return drop(icmpv6(), transport(0, 1), rule{types}, network(8, 16), in(set))
}

// arpFrom drops ARP of any operation with a sender protocol address in set. It stands
// behind the sender hardware address, whose length must be Ethernet's (RFC 826).
func arpFrom(set *nftables.Set) rule {
	return drop(network(4, 2), is(6, 4), network(14, 4), in(set))
}

// drop ends a rule.
func drop(parts ...rule) rule {
	return append(join(parts...), &expr.Verdict{Kind: expr.VerdictDrop})
}

// accept ends a rule.
func accept(parts ...rule) rule {
	return append(join(parts...), &expr.Verdict{Kind: expr.VerdictAccept})
}

// goTo ends a rule, and goes on in another chain.
func goTo(chain string, parts ...rule) rule {
	return append(join(parts...), &expr.Verdict{Kind: expr.VerdictGoto, Chain: chain})
}

func join(parts ...rule) rule { return slices.Concat(parts...) }

func ipv4() rule { return append(meta(expr.MetaKeyNFPROTO), is(unix.NFPROTO_IPV4)...) }
func ipv6() rule { return append(meta(expr.MetaKeyNFPROTO), is(unix.NFPROTO_IPV6)...) }

func icmpv6() rule { return join(ipv6(), protocol(unix.IPPROTO_ICMPV6)) }

// protocol is the one above IP.
func protocol(number byte) rule { return append(meta(expr.MetaKeyL4PROTO), is(number)...) }

// meta reads what the kernel knows of the packet.
func meta(key expr.MetaKey) rule {
	return rule{&expr.Meta{Key: key, Register: unix.NFT_REG_1}}
}

// network reads bytes of the IP header, or of an ARP packet.
func network(offset, length uint32) rule {
	return load(expr.PayloadBaseNetworkHeader, offset, length)
}

// transport reads bytes from the begin of the transport header on.
func transport(offset, length uint32) rule {
	return load(expr.PayloadBaseTransportHeader, offset, length)
}

func load(base expr.PayloadBase, offset, length uint32) rule {
	return rule{&expr.Payload{DestRegister: unix.NFT_REG_1, Base: base, Offset: offset, Len: length}}
}

// is compares what was read last.
func is(data ...byte) rule {
	return rule{&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: data}}
}

func isNot(data ...byte) rule {
	return rule{&expr.Cmp{Op: expr.CmpOpNeq, Register: unix.NFT_REG_1, Data: data}}
}

// in looks up what was read last.
func in(set *nftables.Set) rule {
	return rule{&expr.Lookup{SourceRegister: unix.NFT_REG_1, SetName: set.Name, SetID: set.ID}}
}

// arpReplyFrom drops ARP replies from an address in set.
func arpReplyFrom(set *nftables.Set) rule {
	return drop(network(4, 2), is(6, 4), network(6, 2), is(0, arpReply), network(14, 4), in(set))
}

// arpInTheNameOf replaces the sender of ARP by what the map says. The hardware address
// stays: it is the interface's own.
func arpInTheNameOf(own *nftables.Set) rule {
	return append(join(network(4, 2), is(6, 4), network(14, 4)),
		&expr.Lookup{SourceRegister: unix.NFT_REG_1, DestRegister: unix.NFT_REG_1, IsDestRegSet: true, SetName: own.Name, SetID: own.ID},
		&expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: unix.NFT_REG_1, Base: expr.PayloadBaseNetworkHeader, Offset: 14, Len: 4})
}

// addChain adds a chain of rules at a hook.
func addChain(c *nftables.Conn, t *nftables.Table, name string, hook *nftables.ChainHook, rules ...rule) {
	c.AddChain(&nftables.Chain{
		Name:     name,
		Table:    t,
		Type:     nftables.ChainTypeFilter,
		Hooknum:  hook,
		Priority: nftables.ChainPriorityRef(priority),
	})
	addRules(c, t, name, rules...)
}

// addRules adds rules at the end of a chain.
func addRules(c *nftables.Conn, t *nftables.Table, chain string, rules ...rule) {
	for _, r := range rules {
		c.AddRule(&nftables.Rule{Table: t, Chain: &nftables.Chain{Name: chain, Table: t}, Exprs: r})
	}
}
