// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"

	"vipd/vrrp"
)

const (
	defaultPriority = 254

	maxRouterChecks = 50
	// maxInterfaceName is the kernel's IFNAMSIZ without its end.
	maxInterfaceName = 15
)

// draft is a router while it is read. What belongs to one family is sorted out when
// all of it is known.
type draft struct {
	Router
	addresses []Address
	unicast   *unicast // nil: multicast
	routes    []Route
}

// byNode reports whether a map as this key's value is one by node name. Of these it
// is not: their value is a mapping anyway. What `unicast` is, its value tells.
func byNode(routerKey string) bool {
	return routerKey != "announce" && routerKey != "auth" && routerKey != "unicast"
}

// router reads one element of `routers`.
func (r *reader) router(v value) Router {
	d := draft{Router: Router{
		Params: vrrp.Params{
			Priority: defaultPriority, Interval: defaultInterval, Preempt: true, Probe: true, Announce: defaultAnnounce(),
		},
		Lease: -1, StartGrace: defaultStartGrace, Accept: true, place: v,
	}}
	errors := r.errors
	keys := r.routerKeys(&d)
	for i, k := range keys {
		if k.read != nil && byNode(k.name) {
			keys[i].read = r.perNode(k.read)
		}
	}
	r.mapping(v, keys, "name", "interface", "vrid", "addresses")
	r.leaseLasts(&d)
	r.probeHelps(&d)
	d.assemble()
	if r.errors == errors { // else the second problem would come of the first
		r.familiesAreWhole(&d)
		r.tracksOthers(&d)
		r.drainWorks(&d)
	}
	return d.Router
}

// routerKeys are the keys of a router, and what is not in this version.
func (r *reader) routerKeys(d *draft) []key {
	return []key{
		{"name", func(v value) { r.name(v, &d.Name) }},
		{"interface", func(v value) { r.interfaceName(v, &d.Interface) }},
		{"vrid", func(v value) { into(r.integer(v, 1, 255))(&d.VRID) }},
		{"version", func(v value) { r.version(v, &d.Version) }},
		{"priority", func(v value) { r.priority(v, &d.Priority) }},
		{"advert_interval", func(v value) { r.interval(v, &d.Params) }},
		{"preempt", func(v value) { r.boolean(v, &d.Preempt) }},
		{"preempt_delay", func(v value) { r.delay(v, &d.PreemptDelay) }},
		{"start_delay", func(v value) { r.delay(v, &d.StartDelay) }},
		{"start_grace", func(v value) { r.delay(v, &d.StartGrace) }},
		{"handover", func(v value) { r.handover(v, &d.Handover) }},
		{"probe", func(v value) { r.probe(v, &d.Router) }},
		{"drain", func(v value) { r.drain(v, &d.Drain) }},
		{"lease", func(v value) { r.lease(v, &d.Lease) }},
		{"strict", func(v value) { r.boolean(v, &d.Strict) }},
		{"addresses", func(v value) { r.addresses(v, d) }},
		{"unicast", func(v value) { d.unicast = r.unicast(v) }},
		{"virtual_mac", func(v value) { r.boolean(v, &d.VirtualMAC) }},
		{"accept", func(v value) { r.boolean(v, &d.Accept) }},
		{"checksum", func(v value) { r.checksum(v, &d.Params) }},
		{"auth", func(v value) { r.auth(v, &d.Params) }},
		{"announce", func(v value) { r.announce(v, &d.Params) }},
		{"checks", func(v value) {
			r.list(v, maxRouterChecks, func(v value) {
				var name string
				r.name(v, &name)
				d.Checks = append(d.Checks, name)
			})
		}},
		{"track_interfaces", func(v value) { r.trackedInterfaces(v, &d.Tracked) }},
		{"routes", func(v value) { r.routes(v, &d.routes) }},
		{"notify", nil},
	}
}

// into stores a number that was read into a smaller type.
func into(i int, ok bool) func(*uint8) {
	return func(out *uint8) {
		if ok {
			*out = uint8(i)
		}
	}
}

func (r *reader) interfaceName(v value, out *string) {
	r.linkName(v, "neither adverts nor announcements can leave through the loopback interface", out)
}

// linkName reads the name of an interface that is not the loopback one, and says why not.
func (r *reader) linkName(v value, notLoopback string, out *string) {
	switch s, ok := r.text(v); {
	case !ok:
	case !isInterfaceName(s):
		r.problem(v, "%s: want the name of a network interface, at most %d bytes", describe(v.node), maxInterfaceName)
	case s == "lo":
		r.problem(v, "%s: %s", describe(v.node), notLoopback)
	default:
		*out = s
	}
}

// isInterfaceName is the kernel's dev_valid_name.
func isInterfaceName(s string) bool {
	return s != "" && len(s) <= maxInterfaceName && !strings.ContainsAny(s, "/: \t\n\x00") && s != "." && s != ".."
}

func (r *reader) version(v value, out *vrrp.Version) {
	switch word, _ := r.oneOf(v, "3", "2", "both"); word {
	case "2":
		*out = vrrp.Version2
	case "both":
		*out = vrrp.VersionBoth
	}
}

// priority reads a priority. 255 is not for everybody: two routers with it, or
// one without the address, break the election.
func (r *reader) priority(v value, out *uint8) {
	switch n := resolve(v.node); {
	case n.Value == "owner":
		r.problem(v, "`owner` is not in this version: want 1–254")
	case n.Value == "255":
		r.problem(v, "255 is for the router that owns the addresses, and is written `owner`: want 1–254")
	default:
		into(r.integer(v, 1, 254))(out)
	}
}

func (r *reader) handover(v value, out *vrrp.Handover) {
	if word, ok := r.oneOf(v, "fast", "rfc"); ok && word == "rfc" {
		*out = vrrp.HandoverRFC
	}
}

// checksum reads which form of VRRPv3's checksum is sent over IPv4.
func (r *reader) checksum(v value, out *vrrp.Params) {
	word, ok := r.oneOf(v, "auto", "rfc9568", "pseudo_header")
	if ok && out.Version == vrrp.Version2 {
		r.problem(v, "%s: VRRPv2 has one checksum only, without a pseudo-header: want no `checksum`", describe(v.node))
		return
	}
	switch word {
	case "rfc9568":
		out.Checksum = vrrp.ChecksumFixedRFC9568
	case "pseudo_header":
		out.Checksum = vrrp.ChecksumFixedPseudoHeader
	}
}
