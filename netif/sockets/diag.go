// SPDX-License-Identifier: Apache-2.0

package sockets

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// answerTime bounds the wait for an answer. The kernel answers within the send, so it is
// only reached when the answer is lost.
const answerTime = 2 * time.Second

// diagSocket is a netlink socket for one request at a time.
type diagSocket struct{ nl.SocketHandle }

func open() (*diagSocket, error) {
	socket, err := nl.Subscribe(unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	s := &diagSocket{nl.SocketHandle{Socket: socket}}
	wait := unix.NsecToTimeval(int64(answerTime))
	if err := socket.SetReceiveTimeout(&wait); err != nil {
		s.close()
		return nil, fmt.Errorf("configure netlink socket: %w", err)
	}
	return s, nil
}

func (s *diagSocket) close() { _ = s.Close() }

func (s *diagSocket) execute(request *nl.NetlinkRequest, each func(answer []byte) bool) error {
	request.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_INET_DIAG: &s.SocketHandle}
	return request.ExecuteIter(unix.NETLINK_INET_DIAG, 0, each)
}

// connections calls do for each connection whose local address is one of these, until one
// can't be done. It keeps none of them. It may return [nl.ErrDumpInterrupted]: then some
// may have been left out.
func (s *diagSocket) connections(addresses []netip.Addr, do func(socketID) error) error {
	for _, p := range passes(addresses) {
		var failed error
		err := s.execute(p.request(), func(answer []byte) bool {
			if id, ok := p.find(answer); ok {
				failed = do(id)
			}
			return failed == nil
		})
		if failed != nil || err != nil {
			return cmp.Or(failed, err)
		}
	}
	return nil
}

// pass is what one dump asks for: the kernel picks out the connections of a family in one
// prefix, and we those of the addresses in it. So its work for each socket is the same,
// however many addresses there are.
type pass struct {
	family uint8
	wanted map[netip.Addr]bool
	prefix netip.Prefix // the narrowest one that holds all that is wanted
}

// passes are the dumps in which all connections of the addresses are. The mapped IPv4
// addresses are apart from the IPv6 ones, with which they have no prefix in common.
func passes(addresses []netip.Addr) []pass {
	var v4, mapped, v6 []netip.Addr
	for _, a := range addresses {
		if a = a.Unmap().WithZone(""); a.Is4() {
			v4, mapped = append(v4, a), append(mapped, netip.AddrFrom16(a.As16()))
		} else if a.Is6() {
			v6 = append(v6, a)
		}
	}
	all := []pass{newPass(unix.AF_INET, v4), newPass(unix.AF_INET6, mapped), newPass(unix.AF_INET6, v6)}
	return slices.DeleteFunc(all, func(p pass) bool { return len(p.wanted) == 0 })
}

func newPass(family uint8, addresses []netip.Addr) pass {
	p := pass{family: family, wanted: make(map[netip.Addr]bool)}
	for _, a := range addresses {
		if p.wanted[a] = true; !p.prefix.IsValid() {
			p.prefix = netip.PrefixFrom(a, a.BitLen())
		}
		for !p.prefix.Contains(a) {
			p.prefix = netip.PrefixFrom(p.prefix.Addr(), p.prefix.Bits()-1)
		}
	}
	return p
}

func (p pass) request() *nl.NetlinkRequest {
	request := nl.NewNetlinkRequest(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	filter := nl.NewRtAttr(inetDiagReqBytecode, localIn(p.family, p.prefix))
	request.AddRawData(append(socketID{family: p.family}.request(connected), filter.Serialize()...))
	return request
}

// find is the connection that the kernel's answer tells of, if it is one of those wanted.
func (p pass) find(answer []byte) (socketID, bool) {
	m, ok := parse(answer)
	return m.id, ok && !m.timeWait && p.wanted[m.local]
}
