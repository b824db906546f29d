// SPDX-License-Identifier: Apache-2.0

package vrrpsim

// part is nodes that hear each other.
type part []*node

// parts are the connected parts of the LAN, of nodes whose daemons run.
func (w *world) parts() []part {
	var all []part
	seen := [maxNodes]bool{}
	for _, n := range w.nodes {
		if n.daemon == nil || seen[n.id] {
			continue
		}
		var p part
		for _, other := range w.nodes {
			if other.daemon != nil && w.lan.cut[n.id][other.id] == 0 {
				seen[other.id] = true
				p = append(p, other)
			}
		}
		all = append(all, p)
	}
	return all
}

// eligible are the nodes that may run.
func (p part) eligible() part {
	var may part
	for _, n := range p {
		if len(n.daemon.statuses[0].Blocked) == 0 {
			may = append(may, n)
		}
	}
	return may
}

// active is the only Active of the part; nil if there is none, or another one.
func (p part) active() *node {
	var active *node
	for _, n := range p {
		if n.isActive(0) {
			if active != nil {
				return nil
			}
			active = n
		}
	}
	return active
}

// best is the node of the highest priority; of equal ones the first.
func (p part) best() *node {
	best := p[0]
	for _, n := range p[1:] {
		if n.priority() > best.priority() {
			best = n
		}
	}
	return best
}

func (n *node) priority() uint8 { return n.daemon.statuses[0].Priority }

func (p part) anyActive() bool {
	for _, n := range p {
		if n.isActive(0) {
			return true
		}
	}
	return false
}

// without is the part without one node.
func (p part) without(one *node) part {
	var rest part
	for _, n := range p {
		if n != one {
			rest = append(rest, n)
		}
	}
	return rest
}

// allVIPD reports whether none of the nodes is another program.
func (p part) allVIPD() bool {
	for _, n := range p {
		if n.spec.rfc {
			return false
		}
	}
	return true
}

func (p part) preempts() bool {
	for _, n := range p {
		if !n.spec.preempt {
			return false
		}
	}
	return true
}

func (p part) String() string {
	line := ""
	for _, n := range p {
		line += n.name + " " + n.daemon.statuses[0].State.String() + "; "
	}
	return line
}
