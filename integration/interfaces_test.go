// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// Interfaces that come and go are followed without a restart, in both families: the
// standby takes over, the status says why, and the better node is back when they are.

// layout is where the virtual addresses are, and which interface things happen to.
type layout struct {
	more      string // of the router's configuration
	subject   string
	addresses []string // the subject's own
	places    map[string]string
}

const (
	inside4 = "198.51.100.100"
	inside6 = "2001:db8:1::100"
)

func layouts() map[string]layout {
	vips := func(ifname4, ifname6 string) map[string]string {
		return map[string]string{"192.0.2.100": ifname4, "2001:db8::100": ifname6}
	}
	own := []string{"192.0.2.11/24", "2001:db8::11/64"}
	inside := vips(ifname, ifname)
	inside[inside4], inside[inside6] = "eth1", "eth1"
	return map[string]layout{
		"physical MAC": {"", ifname, own, vips(ifname, ifname)},
		"virtual MAC":  {"  virtual_mac: true\n", ifname, own, vips("vrrp.51", "vrrp6.51")},
		"an interface that only carries addresses": {`  - {address: 198.51.100.100/24, interface: eth1, advertised: false}
  - {address: "2001:db8:1::100/64", interface: eth1, advertised: false}
`, "eth1", []string{"198.51.100.11/24", "2001:db8:1::11/64"}, inside},
	}
}

// happening is something that an interface suffers, and its end.
type happening struct {
	name    string
	begin   func(b *bench) error
	reasons []string // one of them is in the status meanwhile
	problem string   // and this
	end     func(b *bench) error
}

// bench is a site on which things happen to an interface of lb1.
type bench struct {
	*site
	layout
	t   *testing.T
	lan *lab.Switch // that the interface is on
}

func TestInterfaces(t *testing.T) {
	t.Parallel()
	for name, l := range layouts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, l)
			for _, h := range happenings() {
				switch {
				case h.name == "its own addresses go" && l.subject != ifname: // it needs none
				case h.name == "into a bridge" && strings.Contains(l.more, "virtual_mac"):
					if err := h.begin(b); !errors.Is(err, unix.EBUSY) {
						t.Errorf("an interface with a macvlan on it became a port of a bridge: %v", err)
					}
					labtest.Must(t, h.end(b))
				default:
					b.suffer(h)
				}
			}
		})
	}
}

func newBench(t *testing.T, l layout) *bench {
	t.Helper()
	b := &bench{site: build(t, quick, haproxy), layout: l, t: t}
	b.lan = b.site.lan
	if l.subject != ifname {
		var err error
		b.lan, err = lab.NewSwitch()
		labtest.Must(t, err)
		t.Cleanup(func() { b.lan.Close() })
		_, err = b.lan.Plug(b.lb2.host.Namespace, l.subject, "198.51.100.12/24", "2001:db8:1::12/64")
		labtest.Must(t, err)
	}
	addresses := "addresses:\n  - " + lab.VIP4 + "\n  - " + lab.VIP6 + "\n" + l.more
	b.reconfigure(t, "addresses: ["+lab.VIP4+"]\n", addresses)
	b.start(l)
	return b
}

// start starts vipd on both nodes, on lb1 without the interface, which comes later.
func (b *bench) start(l layout) {
	b.t.Helper()
	if l.subject == ifname {
		labtest.Must(b.t, b.remove())
	}
	b.lb1.startVipd(b.t)
	b.lb2.startVipd(b.t)
	labtest.Await(b.t, func() error { return errors.Join(b.lb1.blockedBy("interface-missing"), b.holding(b.lb2)) })
	labtest.Must(b.t, b.plug())
	labtest.Await(b.t, func() error { return b.holding(b.lb1) })
}

// suffer makes something happen, and its end.
func (b *bench) suffer(h happening) {
	b.t.Helper()
	labtest.Must(b.t, h.begin(b))
	labtest.Await(b.t, func() error {
		if err := b.lb1.blockedBy(h.reasons...); err != nil {
			return fmt.Errorf("%s: %w", h.name, err)
		}
		return b.holding(b.lb2)
	})
	if got := b.lb1.command(b.t, "status", "--config", b.lb1.configFile()); got.code != 1 || !strings.Contains(got.stdout, h.problem) {
		b.t.Errorf("%s: %+v, want %q in it", h.name, got, h.problem)
	}
	labtest.Must(b.t, h.end(b))
	labtest.Await(b.t, func() error {
		if err := b.holding(b.lb1); err != nil {
			return fmt.Errorf("%s is over: %w", h.name, err)
		}
		return nil
	})
	if got := b.lb1.command(b.t, "status", "--config", b.lb1.configFile()); got.code != 0 || h.problem != "" && strings.Contains(got.stdout, h.problem) {
		b.t.Errorf("%s is over: %+v", h.name, got)
	}
	mustRun(b.t, b.lb1)
}

// holding tells what is wrong with a site on which a node alone has all addresses, each
// in its place.
func (b *bench) holding(want *node) error {
	if err := b.look(want); err != nil {
		return err
	}
	for _, n := range []*node{b.lb1, b.lb2} {
		for address, ifname := range b.places {
			got, err := n.placeOf(address)
			if err != nil {
				return err
			}
			if n != want {
				ifname = ""
			}
			if got != ifname {
				return fmt.Errorf("%s has %s on %q, want it on %q", n.host.Name(), address, got, ifname)
			}
		}
	}
	return nil
}

// placeOf names the interface that has an address of ours; empty: none.
func (n *node) placeOf(address string) (string, error) {
	found, err := n.host.Addresses(netip.MustParseAddr(address))
	if err != nil || len(found) == 0 {
		return "", err
	}
	link, err := n.host.Handle().LinkByIndex(found[0].LinkIndex)
	if err != nil {
		return "", err
	}
	if len(found) > 1 || found[0].Protocol != ourTag {
		return "", fmt.Errorf("%s has %v", n.host.Name(), found)
	}
	return link.Attrs().Name, nil
}

// blockedBy tells whether one of the node's routers may not run for one of some reasons.
func (n *node) blockedBy(reasons ...string) error {
	status, err := n.status()
	if err != nil {
		return err
	}
	var all []string
	for _, r := range status.Routers {
		for _, why := range r.Blocked {
			for _, reason := range reasons {
				if why == reason {
					return nil
				}
			}
			all = append(all, r.Family+": "+why)
		}
	}
	return fmt.Errorf("%s is blocked by %v, want one of %v", n.host.Name(), all, reasons)
}

// happenings are what an interface may suffer.
func happenings() []happening {
	const renamed, bridge = "renamed0", "br7"
	return []happening{
		{"set down", (*bench).down, []string{"link-down"}, "link-down", (*bench).up},
		{"deleted", (*bench).remove, []string{"interface-missing"}, "no such interface", (*bench).plug},
		{"renamed",
			func(b *bench) error { return b.rename(b.subject, renamed) }, []string{"interface-missing"}, "no such interface",
			func(b *bench) error { return b.rename(renamed, b.subject) }},
		{"its own addresses go",
			func(b *bench) error { return b.own(b.handle().AddrDel) }, []string{"no-source-address"}, "no-source-address",
			func(b *bench) error { return b.own(b.handle().AddrAdd) }},
		{"into a bridge",
			func(b *bench) error { return b.enslave(bridge) }, []string{"no-socket"}, "a port of " + bridge,
			func(b *bench) error { return b.free(bridge) }},
	}
}

func (b *bench) handle() *netlink.Handle { return b.lb1.host.Handle() }

func (b *bench) find(ifname string) (link netlink.Link, err error) {
	if link, err = b.handle().LinkByName(ifname); err != nil {
		err = fmt.Errorf("find %s: %w", ifname, err)
	}
	return link, err
}

// on does something with the interface.
func (b *bench) on(do func(netlink.Link) error) error {
	link, err := b.find(b.subject)
	if err != nil {
		return err
	}
	return do(link)
}

func (b *bench) down() error { return b.on(b.handle().LinkSetDown) }

// up sets it up, and gives back the IPv6 address that it has lost.
func (b *bench) up() error {
	if err := b.on(b.handle().LinkSetUp); err != nil {
		return err
	}
	return b.own(b.handle().AddrReplace)
}

func (b *bench) remove() error { return b.on(b.handle().LinkDel) }

func (b *bench) plug() error {
	_, err := b.lan.Plug(b.lb1.host.Namespace, b.subject, b.addresses...)
	return err
}

// rename renames an interface that is up, as a kernel does that lets it, or sets it down
// for that.
func (b *bench) rename(from, to string) error {
	link, err := b.find(from)
	if err != nil {
		return err
	}
	h := b.handle()
	err = errors.Join(h.LinkSetDown(link), h.LinkSetName(link, to), h.LinkSetUp(link))
	if err == nil && to == b.subject {
		err = b.own(h.AddrReplace)
	}
	return err
}

// own does something with the interface's own addresses.
func (b *bench) own(do func(netlink.Link, *netlink.Addr) error) error {
	return b.on(func(link netlink.Link) error {
		for _, text := range b.addresses {
			address, err := netlink.ParseAddr(text)
			if err != nil {
				return err
			}
			if address.IP.To4() == nil {
				address.Flags = unix.IFA_F_NODAD
			}
			if err := do(link, address); err != nil {
				return fmt.Errorf("address %s: %w", text, err)
			}
		}
		return nil
	})
}

func (b *bench) enslave(name string) error {
	bridge := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs()}
	bridge.Name = name
	if err := b.handle().LinkAdd(bridge); err != nil {
		return err
	}
	return b.on(func(link netlink.Link) error { return b.handle().LinkSetMaster(link, bridge) })
}

func (b *bench) free(name string) error {
	bridge, err := b.find(name)
	if err != nil {
		return err
	}
	return errors.Join(b.on(b.handle().LinkSetNoMaster), b.handle().LinkDel(bridge))
}
