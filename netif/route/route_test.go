// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
	"vipd/netif/route"
)

func TestMain(m *testing.M) { lab.Main(m) }

const (
	vip  = "192.0.2.100"
	vip6 = "2001:db8::100"
)

// world is a host with eth0, on which are two addresses of each family.
type world struct {
	t    *testing.T
	h    *netlink.Handle
	eth0 int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	lan, err := lab.NewSwitch()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, lan.Close()) })
	node, err := lab.NewNamespace("node")
	labtest.Must(t, err)
	t.Cleanup(func() { _ = node.Close() })
	_, err = lan.Plug(node, "eth0", "192.0.2.11/24", vip+"/32", "2001:db8::11/64")
	labtest.Must(t, err)
	w := &world{t: t, h: node.Handle()}
	eth0, err := w.h.LinkByName("eth0")
	labtest.Must(t, err)
	w.eth0 = eth0.Attrs().Index
	address, err := netlink.ParseAddr(vip6 + "/128")
	labtest.Must(t, err)
	address.Flags = unix.IFA_F_NODAD
	labtest.Must(t, w.h.AddrAdd(eth0, address))
	return w
}

// routes shows the routes of all tables that have the protocol, as the kernel has them.
func (w *world) routes(protocol int) (shown []string) {
	w.t.Helper()
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := w.h.RouteListFiltered(family, &netlink.Route{}, netlink.RT_FILTER_TABLE)
		labtest.Must(w.t, err)
		for _, r := range list {
			if int(r.Protocol) == protocol {
				shown = append(shown, w.show(r))
			}
		}
	}
	slices.Sort(shown)
	return shown
}

func (w *world) show(r netlink.Route) string {
	text := fmt.Sprintf("type %d", r.Type)
	if r.Dst != nil {
		text += " to " + r.Dst.String()
	}
	if r.Gw != nil {
		text += " via " + r.Gw.String()
	}
	if r.LinkIndex == w.eth0 {
		text += " eth0"
	}
	text += fmt.Sprintf(" table %d metric %d scope %d", r.Table, r.Priority, r.Scope)
	if r.Src != nil {
		text += " src " + r.Src.String()
	}
	if r.MTU != 0 {
		text += fmt.Sprintf(" mtu %d", r.MTU)
	}
	if r.Flags&unix.RTNH_F_ONLINK != 0 {
		text += " onlink"
	}
	return text
}

func (w *world) demand(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if got := w.routes(route.Protocol); !slices.Equal(got, want) {
		w.t.Errorf("routes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// to is a route to the prefix by eth0.
func (w *world) to(prefix string, change ...func(*route.Route)) route.Route {
	r := route.Route{Destination: netip.MustParsePrefix(prefix), Link: w.eth0}
	for _, c := range change {
		c(&r)
	}
	return r
}

func via(gateway string) func(*route.Route) {
	return func(r *route.Route) { r.Gateway = netip.MustParseAddr(gateway) }
}

func source(ip string) func(*route.Route) {
	return func(r *route.Route) { r.Source = netip.MustParseAddr(ip) }
}

func metric(n uint32) func(*route.Route) { return func(r *route.Route) { r.Metric = n } }

func table(n uint32) func(*route.Route) { return func(r *route.Route) { r.Table = n } }

func mtu(n uint32) func(*route.Route) { return func(r *route.Route) { r.MTU = n } }

func scopeLink(r *route.Route) { r.Scope = unix.RT_SCOPE_LINK }

func onLink(r *route.Route) { r.OnLink = true }

// nowhere makes it one that leads nowhere.
func nowhere(kind uint8) func(*route.Route) {
	return func(r *route.Route) { r.Type, r.Link = kind, 0 }
}

// Each kind comes as asked for, twice does no harm, and it goes.
func TestAddAndRemove(t *testing.T) {
	rows := []struct {
		name string
		make func(w *world) route.Route
		want string
	}{
		{"by the interface", func(w *world) route.Route { return w.to("198.51.100.0/24", scopeLink) },
			"type 1 to 198.51.100.0/24 eth0 table 254 metric 0 scope 253"},
		{"host part", func(w *world) route.Route { return w.to("198.51.100.7/24") },
			"type 1 to 198.51.100.0/24 eth0 table 254 metric 0 scope 0"},
		{"gateway", func(w *world) route.Route { return w.to("198.51.100.0/24", via("192.0.2.1")) },
			"type 1 to 198.51.100.0/24 via 192.0.2.1 eth0 table 254 metric 0 scope 0"},
		{"gateway alone", func(w *world) route.Route {
			return w.to("198.51.100.0/24", via("192.0.2.1"), func(r *route.Route) { r.Link = 0 })
		}, "type 1 to 198.51.100.0/24 via 192.0.2.1 eth0 table 254 metric 0 scope 0"},
		{"all that there is", func(w *world) route.Route {
			return w.to("198.51.100.7/32", via("203.0.113.1"), onLink, source(vip), table(1000), metric(50), mtu(1400))
		}, "type 1 to 198.51.100.7/32 via 203.0.113.1 eth0 table 1000 metric 50 scope 0 src 192.0.2.100 mtu 1400 onlink"},
		{"default", func(w *world) route.Route { return w.to("0.0.0.0/0", via("192.0.2.1"), source(vip)) },
			"type 1 to 0.0.0.0/0 via 192.0.2.1 eth0 table 254 metric 0 scope 0 src 192.0.2.100"},
		{"blackhole", func(w *world) route.Route { return w.to("198.51.100.0/24", nowhere(unix.RTN_BLACKHOLE)) },
			"type 6 to 198.51.100.0/24 table 254 metric 0 scope 0"},
		{"prohibit default", func(w *world) route.Route { return w.to("0.0.0.0/0", nowhere(unix.RTN_PROHIBIT), table(7)) },
			"type 8 to 0.0.0.0/0 table 7 metric 0 scope 0"},
		{"IPv6", func(w *world) route.Route { return w.to("2001:db8:1::/48") },
			"type 1 to 2001:db8:1::/48 eth0 table 254 metric 1024 scope 0"},
		{"IPv6, host part", func(w *world) route.Route { return w.to("2001:db8:1::7/48") },
			"type 1 to 2001:db8:1::/48 eth0 table 254 metric 1024 scope 0"},
		{"IPv6, all that there is", func(w *world) route.Route {
			return w.to("2001:db8:1::7/128", via("2001:db8:9::1"), onLink, source(vip6), table(1000), metric(50), mtu(1400))
		}, "type 1 to 2001:db8:1::7/128 via 2001:db8:9::1 eth0 table 1000 metric 50 scope 0 src 2001:db8::100 mtu 1400 onlink"},
		{"IPv6 default", func(w *world) route.Route { return w.to("::/0", via("fe80::1")) },
			"type 1 to ::/0 via fe80::1 eth0 table 254 metric 1024 scope 0"},
		{"IPv6 unreachable", func(w *world) route.Route { return w.to("2001:db8:1::/48", nowhere(unix.RTN_UNREACHABLE)) },
			"type 7 to 2001:db8:1::/48 table 254 metric 1024 scope 0"},
		{"IPv6 blackhole default", func(w *world) route.Route { return w.to("::/0", nowhere(unix.RTN_BLACKHOLE), metric(9)) },
			"type 6 to ::/0 table 254 metric 9 scope 0"},
	}
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprint("strict ", strict), func(t *testing.T) {
			w := newWorld(t)
			labtest.Must(t, w.h.SetStrictCheck(strict))
			for _, row := range rows {
				t.Run(row.name, func(t *testing.T) {
					w := &world{t, w.h, w.eth0}
					routes := []route.Route{row.make(w)}
					labtest.Must(t, route.Add(w.h, routes))
					w.demand(row.want)
					labtest.Must(t, route.Add(w.h, routes))
					w.demand(row.want)
					labtest.Must(t, route.Remove(w.h, append(routes, routes...)))
					w.demand()
					labtest.Must(t, route.Remove(w.h, routes))
				})
			}
		})
	}
}

// Ours at the same place is replaced, whatever it was.
func TestReplace(t *testing.T) {
	w := newWorld(t)
	old := []route.Route{w.to("198.51.100.0/24", scopeLink), w.to("2001:db8:1::/48", nowhere(unix.RTN_BLACKHOLE)),
		w.to("0.0.0.0/0", via("192.0.2.1"))}
	labtest.Must(t, route.Add(w.h, old))
	labtest.Must(t, route.Add(w.h, []route.Route{w.to("198.51.100.0/24", nowhere(unix.RTN_BLACKHOLE)),
		w.to("2001:db8:1::/48", via("2001:db8::1")), w.to("0.0.0.0/0", via("192.0.2.2"), mtu(1400))}))
	w.demand("type 6 to 198.51.100.0/24 table 254 metric 0 scope 0",
		"type 1 to 2001:db8:1::/48 via 2001:db8::1 eth0 table 254 metric 1024 scope 0",
		"type 1 to 0.0.0.0/0 via 192.0.2.2 eth0 table 254 metric 0 scope 0 mtu 1400")
	labtest.Must(t, route.Remove(w.h, old))
	w.demand()
}

// Only what is at the very place goes: the same destination in another table, or with
// another metric, stays.
func TestNeighbouringPlaces(t *testing.T) {
	for _, prefix := range []string{"198.51.100.0/24", "2001:db8:1::/48", "0.0.0.0/0", "::/0"} {
		t.Run(prefix, func(t *testing.T) {
			w := newWorld(t)
			stay := []route.Route{w.to(prefix, metric(50)), w.to(prefix, table(7))}
			labtest.Must(t, route.Add(w.h, stay))
			before := w.routes(route.Protocol)
			one := []route.Route{w.to(prefix)}
			labtest.Must(t, route.Remove(w.h, one))
			w.demand(before...)
			labtest.Must(t, route.Add(w.h, one))
			labtest.Must(t, route.Remove(w.h, one))
			w.demand(before...)
		})
	}
}

// What somebody else set stays as it is, and what was added before it goes again.
func TestForeign(t *testing.T) {
	for _, prefix := range []string{"198.51.100.0/24", "2001:db8:1::/48"} {
		t.Run(prefix, func(t *testing.T) {
			w := newWorld(t)
			foreign, err := netlink.ParseIPNet(prefix)
			labtest.Must(t, err)
			labtest.Must(t, w.h.RouteAdd(&netlink.Route{Dst: foreign, LinkIndex: w.eth0, Protocol: unix.RTPROT_STATIC}))
			before := w.routes(unix.RTPROT_STATIC)
			theirs := w.to(prefix, nowhere(unix.RTN_BLACKHOLE))
			err = route.Add(w.h, []route.Route{w.to("203.0.113.0/24"), w.to("2001:db8:2::/48"), theirs})
			if !errors.Is(err, route.ErrForeign) || !strings.HasPrefix(err.Error(), "add route blackhole "+prefix+": ") {
				t.Errorf("error %v", err)
			}
			labtest.Must(t, route.Remove(w.h, []route.Route{theirs}))
			w.demand()
			if got := w.routes(unix.RTPROT_STATIC); !slices.Equal(got, before) {
				t.Errorf("theirs are %q, were %q", got, before)
			}
			labtest.Must(t, route.Add(w.h, []route.Route{w.to(prefix, metric(50))})) // another place
		})
	}
}

// When one can't be added, none of the call's stays. What was ours before it does.
func TestRollback(t *testing.T) {
	w := newWorld(t)
	kept := w.to("203.0.113.0/24")
	labtest.Must(t, route.Add(w.h, []route.Route{kept}))
	before := w.routes(route.Protocol)
	bad := w.to("198.51.100.0/24", via("10.9.9.9"), metric(7))
	err := route.Add(w.h, []route.Route{kept, w.to("203.0.114.0/24"), w.to("2001:db8:2::/48"), bad})
	want := fmt.Sprintf("add route 198.51.100.0/24 via 10.9.9.9 dev if%d metric 7: network is unreachable", w.eth0)
	if !errors.Is(err, unix.ENETUNREACH) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	w.demand(before...)
}

// One may be the way to the next one's gateway.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	routes := []route.Route{w.to("203.0.113.1/32", scopeLink), w.to("0.0.0.0/0", via("203.0.113.1"))}
	labtest.Must(t, route.Add(w.h, routes))
	labtest.Must(t, route.Remove(w.h, routes))
	w.demand()
}

// What is gone already, with its interface or its source address, is no error.
func TestGoneAlready(t *testing.T) {
	rows := map[string]func(w *world) error{
		"interface down": func(w *world) error { return w.h.LinkSetDown(&netlink.Veth{LinkAttrs: w.attrs()}) },
		"interface gone": func(w *world) error { return w.h.LinkDel(&netlink.Veth{LinkAttrs: w.attrs()}) },
		"source gone": func(w *world) error {
			address, err := netlink.ParseAddr(vip + "/32")
			labtest.Must(w.t, err)
			return w.h.AddrDel(&netlink.Veth{LinkAttrs: w.attrs()}, address)
		},
	}
	for name, lose := range rows {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			routes := []route.Route{w.to("198.51.100.0/24", via("192.0.2.1"), source(vip))}
			labtest.Must(t, route.Add(w.h, routes))
			labtest.Must(t, lose(w))
			w.demand()
			labtest.Must(t, route.Remove(w.h, routes))
		})
	}
}

func (w *world) attrs() netlink.LinkAttrs {
	attrs := netlink.NewLinkAttrs()
	attrs.Index = w.eth0
	return attrs
}

func TestString(t *testing.T) {
	w := &world{eth0: 2}
	rows := []struct {
		route route.Route
		want  string
	}{
		{w.to("0.0.0.0/0", via("192.0.2.1")), "default via 192.0.2.1 dev if2"},
		{w.to("::/0", via("fe80::1"), metric(9)), "default via fe80::1 dev if2 metric 9"},
		{w.to("198.51.100.0/24", scopeLink), "198.51.100.0/24 dev if2 scope link"},
		{w.to("198.51.100.7/32", via("203.0.113.1"), onLink, source(vip), table(1000), metric(50), mtu(1400)),
			"198.51.100.7/32 via 203.0.113.1 dev if2 table 1000 src 192.0.2.100 metric 50 mtu 1400 onlink"},
		{w.to("198.51.100.0/24", nowhere(unix.RTN_BLACKHOLE)), "blackhole 198.51.100.0/24"},
		{w.to("198.51.100.0/24", nowhere(unix.RTN_UNREACHABLE)), "unreachable 198.51.100.0/24"},
		{w.to("198.51.100.0/24", nowhere(unix.RTN_PROHIBIT)), "prohibit 198.51.100.0/24"},
		{w.to("198.51.100.0/24", nowhere(99)), "type 99 198.51.100.0/24"},
	}
	for _, row := range rows {
		if got := row.route.String(); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}
