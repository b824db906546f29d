// SPDX-License-Identifier: Apache-2.0

package macvlan_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
	"vipd/netif/macvlan"
)

func TestMain(m *testing.M) { lab.Main(m) }

// patience is how long a test waits for what must happen.
const patience = 5 * time.Second

const (
	ownIP    = "192.0.2.11"
	clientIP = "192.0.2.1"
	vip      = "192.0.2.100"
	vip6     = "2001:db8::100"
)

var (
	link4 = macvlan.Link{Name: "vrrp.51", Parent: "eth0", Hardware: "00:00:5e:00:01:33"}
	link6 = macvlan.Link{Name: "vrrp6.51", Parent: "eth0", Hardware: "00:00:5e:00:02:33", IPv6: true}
)

// world is a LAN with a node, where the links are made, and a client, whose frames the
// test sends and reads itself.
type world struct {
	t      testing.TB
	node   *lab.Namespace
	h      *netlink.Handle // the node's
	client *lab.Namespace
	port   *packet.Conn     // the client's eth0
	own    net.HardwareAddr // the node's physical MAC
	mac    net.HardwareAddr // the client's
}

func newWorld(t testing.TB) *world {
	t.Helper()
	lan, err := lab.NewSwitch()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, lan.Close()) })
	w := &world{t: t, node: namespace(t, "node"), client: namespace(t, "client")}
	w.h = w.node.Handle()
	_, err = lan.Plug(w.node, "eth0", ownIP+"/24", "2001:db8::11/64")
	labtest.Must(t, err)
	_, err = lan.Plug(w.client, "eth0", clientIP+"/24", "2001:db8::1/64")
	labtest.Must(t, err)
	w.own = w.link("eth0").Attrs().HardwareAddr
	w.listen()
	w.awaitLAN()
	return w
}

func namespace(t testing.TB, name string) *lab.Namespace {
	t.Helper()
	n, err := lab.NewNamespace(name)
	labtest.Must(t, err)
	t.Cleanup(func() { _ = n.Close() })
	return n
}

func (w *world) listen() {
	w.t.Helper()
	labtest.Must(w.t, w.client.Do(func() error {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		w.mac = eth0.HardwareAddr
		w.port, err = packet.Listen(eth0, packet.Raw, unix.ETH_P_ALL, nil)
		return err
	}))
	w.t.Cleanup(func() { _ = w.port.Close() })
}

// awaitLAN waits until the switch forwards: for some milliseconds its ports may not.
func (w *world) awaitLAN() {
	w.t.Helper()
	frame := make([]byte, 2048)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		w.send(w.arpRequest(ownIP))
		labtest.Must(w.t, w.port.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		for n, err := 0, error(nil); err == nil; n, _, err = w.port.ReadFrom(frame) {
			if w.arpOf(2)(frame[:n]) != "" {
				return
			}
		}
	}
	w.t.Fatalf("the node does not answer after %v", patience)
}

// awaitSolicited waits until a link of the node hears solicitations for an address: the
// kernel joins the group only after it has added the address, from a work queue.
func (w *world) awaitSolicited(name, address string) {
	w.t.Helper()
	group, err := ndp.SolicitedNodeMulticast(netip.MustParseAddr(address))
	labtest.Must(w.t, err)
	joined := regexp.MustCompile(fmt.Sprintf(`(?m)^\d+ +%s +%x `, regexp.QuoteMeta(name), group.AsSlice()))
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		var groups []byte
		labtest.Must(w.t, w.node.Do(func() (err error) {
			groups, err = os.ReadFile("/proc/thread-self/net/igmp6")
			return err
		}))
		if joined.Match(groups) {
			return
		}
	}
	w.t.Fatalf("%s does not join %v after %v", name, group, patience)
}

func (w *world) link(name string) netlink.Link {
	w.t.Helper()
	link, err := w.h.LinkByName(name)
	labtest.Must(w.t, err)
	return link
}

func (w *world) exists(name string) bool {
	_, err := w.h.LinkByName(name)
	return err == nil
}

func (w *world) tryEnsure(l macvlan.Link) (index int, err error) {
	parent := w.link(l.Parent).Attrs().Index
	err = w.node.Do(func() (err error) {
		index, err = macvlan.Ensure(w.h, l, parent)
		return err
	})
	return index, err
}

func (w *world) ensure(l macvlan.Link) int {
	w.t.Helper()
	index, err := w.tryEnsure(l)
	labtest.Must(w.t, err)
	return index
}

func (w *world) remove(l macvlan.Link) {
	w.t.Helper()
	labtest.Must(w.t, w.node.Do(func() error { return macvlan.Remove(w.h, l) }))
}

// promote does what becoming Active does.
func (w *world) promote(name, prefix string) {
	w.t.Helper()
	link := w.link(name)
	labtest.Must(w.t, w.h.LinkSetUp(link))
	address, err := netlink.ParseAddr(prefix)
	labtest.Must(w.t, err)
	address.Flags = unix.IFA_F_NODAD
	labtest.Must(w.t, w.h.AddrAdd(link, address))
}

// addresses shows the addresses of a link of the node, of both families.
func (w *world) addresses(name string) (shown []string) {
	w.t.Helper()
	list, err := w.h.AddrList(w.link(name), netlink.FAMILY_ALL)
	labtest.Must(w.t, err)
	for _, a := range list {
		shown = append(shown, a.IPNet.String())
	}
	slices.Sort(shown)
	return shown
}

// set makes settings of the node below /proc/sys/net: "ipv4/conf/eth0/arp_ignore 1".
func (w *world) set(settings ...string) {
	w.t.Helper()
	for _, s := range settings {
		name, value, _ := strings.Cut(s, " ")
		labtest.Must(w.t, w.node.Do(func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0) }))
	}
}

// demand wants settings of the node, as set takes them.
func (w *world) demand(settings ...string) {
	w.t.Helper()
	for _, s := range settings {
		name, want, _ := strings.Cut(s, " ")
		var value []byte
		labtest.Must(w.t, w.node.Do(func() (err error) {
			value, err = os.ReadFile("/proc/sys/net/" + name)
			return err
		}))
		if got := string(bytes.TrimSpace(value)); got != want {
			w.t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func (w *world) demandAddresses(name string, want ...string) {
	w.t.Helper()
	if got := w.addresses(name); !slices.Equal(got, want) {
		w.t.Errorf("addresses of %s: %q, want %q", name, got, want)
	}
}

// send sends a frame from the client.
func (w *world) send(frame []byte) {
	w.t.Helper()
	_, err := w.port.WriteTo(frame, &packet.Addr{HardwareAddr: frame[:6]})
	labtest.Must(w.t, err)
}

// collect reads what arrives at the client, described by a function that says "" of
// what doesn't matter, until the last one has come as often as given.
func (w *world) collect(describe func(frame []byte) string, last string, times int) (seen []string) {
	w.t.Helper()
	labtest.Must(w.t, w.port.SetReadDeadline(time.Now().Add(patience)))
	for frame := make([]byte, 2048); times > 0; {
		n, _, err := w.port.ReadFrom(frame)
		if err != nil {
			w.t.Fatalf("waiting for %q, saw %q: %v", last, seen, err)
		}
		if text := describe(frame[:n]); text != "" {
			seen = append(seen, text)
			if text == last {
				times--
			}
		}
	}
	return seen
}
