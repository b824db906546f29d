// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"net/netip"
	"slices"
)

// Link is the state of one followed interface. It is always whole: receivers
// compare it with the one before, they don't accumulate.
type Link struct {
	Name  string
	Index int // 0: the interface does not exist
	MTU   int // bytes; 0 when the interface does not exist
	// Up: administratively up, and its operational state (RFC 2863) is up or unknown.
	Up bool
	// Listening: packets can be received, the socket is open and in the group.
	Listening bool
	// Prefixes are the interface's own IPv4 addresses, primary ones first: neither
	// ours nor any in [Config.Virtual].
	Prefixes []netip.Prefix
	Problem  string // why it is not Listening, for people; else ""
}

// Source is the interface's primary IPv4 address (RFC 9568 §5.1.1.1), the zero
// Addr when it has none.
func (l Link) Source() netip.Addr {
	if len(l.Prefixes) == 0 {
		return netip.Addr{}
	}
	return l.Prefixes[0].Addr()
}

func (l Link) equal(other Link) bool {
	return l.Name == other.Name && l.Index == other.Index && l.MTU == other.MTU && l.Up == other.Up &&
		l.Listening == other.Listening && l.Problem == other.Problem && slices.Equal(l.Prefixes, other.Prefixes)
}
