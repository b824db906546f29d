// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"net/netip"
	"slices"

	"go.yaml.in/yaml/v3"
)

const (
	maxPeers = 32 // of one family
	// maxEndpoints bounds a list: the peers of both families.
	maxEndpoints = 2 * maxPeers
)

// unicast is how one node reaches the others, as written.
type unicast struct {
	here   value
	source endpoints
	peers  []endpoints // by node name: one element for each other node
	byNode bool
}

// endpoints are addresses that stand together in the file.
type endpoints struct {
	addresses []netip.Addr
	here      value
}

// fill gives a family its part.
func (u *unicast) fill(f *Family) {
	for _, a := range u.source.addresses {
		if a.Is4() == f.IPv4() {
			f.Source = a
		}
	}
	for _, peer := range u.peers {
		for _, a := range peer.addresses {
			if a.Is4() == f.IPv4() {
				f.Peers = append(f.Peers, a)
			}
		}
	}
}

// all lists all addresses, this node's first.
func (u *unicast) all() []netip.Addr {
	all := slices.Clone(u.source.addresses)
	for _, peer := range u.peers {
		all = append(all, peer.addresses...)
	}
	return all
}

// unicastByNode reports whether the value is a map by node name, and not one node's
// source and peers.
func unicastByNode(v value) bool {
	return child(v, "source").node == nil && child(v, "peers").node == nil
}

// unicast reads one of
//
//	{lb1: 192.0.2.11, lb2: 192.0.2.12}
//	{lb1: {source: 192.0.2.11, peers: [192.0.2.12]}, lb2: {…}}
//	{source: 192.0.2.11, peers: [192.0.2.12]}
func (r *reader) unicast(v value) *unicast {
	u := &unicast{here: v}
	switch {
	case len(pairs(v)) == 0: // empty, or no mapping
		r.problem(v, "%s: want the address of each node, such as {lb1: 192.0.2.11, lb2: 192.0.2.12}, or a mapping with the keys source, peers", describe(v.node))
	case unicastByNode(v):
		r.unicastNodes(r.byNodeName(v), u)
	default:
		r.sourceAndPeers(v, u)
	}
	return u
}

// unicastNodes reads the address of each node, or what this node says for itself.
func (r *reader) unicastNodes(nodes []pair, u *unicast) {
	nested := slices.ContainsFunc(nodes, func(p pair) bool { return resolve(p.value.node).Kind == yaml.MappingNode })
	u.byNode = !nested
	for _, p := range nodes {
		switch mine := p.key == r.node; {
		case nested && mine:
			r.sourceAndPeers(p.value, u)
		case nested: // is read in that node's turn
		case mine:
			u.source = r.endpoints(p.value)
		default:
			u.peers = append(u.peers, r.endpoints(p.value))
		}
	}
}

func (r *reader) sourceAndPeers(v value, u *unicast) {
	r.mapping(v, []key{
		{"source", func(v value) { u.source = r.endpoints(v) }},
		{"peers", func(v value) { u.peers = []endpoints{r.endpoints(v)} }},
	}, "source", "peers")
}

// endpoints reads one address or a list.
func (r *reader) endpoints(v value) endpoints {
	out := endpoints{here: v}
	read := func(v value) {
		s, ok := r.text(v)
		if !ok {
			return
		}
		a, err := parseHost(s)
		if err != nil {
			r.problem(v, "%s: %v", describe(v.node), err)
			return
		}
		out.addresses = append(out.addresses, a)
	}
	if resolve(v.node).Kind == yaml.SequenceNode {
		r.list(v, maxEndpoints, read)
	} else {
		read(v)
	}
	return out
}

// parseHost reads the address of one host.
func parseHost(s string) (netip.Addr, error) {
	switch a, err := netip.ParseAddr(s); {
	case err != nil:
		return netip.Addr{}, errors.New("want an IP address")
	case a.Zone() != "":
		return netip.Addr{}, errors.New("want no zone: the interface is known")
	case !isHost(a):
		return netip.Addr{}, errors.New("no host can have this address")
	default:
		return a, nil
	}
}

// unicastIsWhole sees that every node has one address for each family, and nobody
// two.
func (r *reader) unicastIsWhole(d *draft) {
	u := d.unicast
	r.covers(d, u.source, true)
	for _, peer := range u.peers {
		r.covers(d, peer, u.byNode)
	}
	if len(u.peers) == 0 {
		r.problem(u.here, "only node %q is there: want the addresses of all nodes", r.node)
	}
	seen := map[netip.Addr]bool{}
	for _, a := range u.all() {
		if seen[a] {
			r.problem(u.here, "%v is there twice", a)
		}
		seen[a] = true
	}
	for i := range d.Families {
		if f := &d.Families[i]; len(f.Peers) > maxPeers {
			r.problem(u.here, "%d %s peers: at most %d", len(f.Peers), f.name(), maxPeers)
		}
	}
}

// covers sees that there is an address for each of the router's families, and for
// no other; of one node, exactly one.
func (r *reader) covers(d *draft, e endpoints, node bool) {
	count := map[bool]int{} // by IPv4
	for _, a := range e.addresses {
		count[a.Is4()]++
		if !slices.ContainsFunc(d.Families, func(f Family) bool { return f.IPv4() == a.Is4() }) {
			r.problem(e.here, "%v: the router advertises no address of this family", a)
		}
	}
	for i := range d.Families {
		f := &d.Families[i]
		switch n := count[f.IPv4()]; {
		case n == 0:
			r.problem(e.here, "no %s address, and the router advertises some", f.name())
		case n > 1 && node:
			r.problem(e.here, "%d %s addresses: a node has one", n, f.name())
		}
	}
}
