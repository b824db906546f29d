// SPDX-License-Identifier: Apache-2.0

package daemon

// index finds the families by what news say of them. It is made anew when it is asked
// after a change of the routers or their interfaces.
type index struct {
	byKey  map[string]*family
	byVRID map[virtualRouter]*family
}

// virtualRouter is what tells virtual routers apart on the wire: those of the two address
// families are separate (RFC 9568 §3).
type virtualRouter struct {
	link int // interface index
	vrid uint8
	ipv4 bool
}

func newIndex(routers []*router) *index {
	x := &index{byKey: map[string]*family{}, byVRID: map[virtualRouter]*family{}}
	for _, r := range routers {
		for _, f := range r.families {
			x.byKey[f.key] = f
			at := virtualRouter{f.link.Index, f.config.VRID, f.config.IPv4()}
			if x.byVRID[at] == nil {
				x.byVRID[at] = f
			}
		}
	}
	return x
}

// lookup returns the index of the routers as they are now.
func (d *Daemon) lookup() *index {
	if d.index == nil {
		d.index = newIndex(d.routers)
	}
	return d.index
}

// family finds the family whose addresses have a key; nil if there is none.
func (d *Daemon) family(key string) *family { return d.lookup().byKey[key] }

// familyFor finds the virtual router of a VRID on an interface.
func (d *Daemon) familyFor(link int, vrid uint8, ipv4 bool) *family {
	return d.lookup().byVRID[virtualRouter{link, vrid, ipv4}]
}
