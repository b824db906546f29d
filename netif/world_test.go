// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const tag = 112 // our IFA_PROTO

// family is what the tests of the two families differ in.
type family struct {
	name           string
	own, peer      string // addresses of the two hosts
	virtual, other string // virtual ones, in the network of eth0
	outside        string // one in no network of eth0
	outside2       string // another one in that network
	length         string // of the prefixes
	host           string // the whole length
	group          string
}

func v4() family {
	return family{
		name: "IPv4", own: "192.0.2.11", peer: "192.0.2.12", virtual: "192.0.2.100", other: "192.0.2.101",
		outside: "198.51.100.1", outside2: "198.51.100.2", length: "/24", host: "/32", group: "224.0.0.18",
	}
}

func v6() family {
	return family{
		name: "IPv6", own: "2001:db8::11", peer: "2001:db8::12", virtual: "2001:db8::100", other: "2001:db8::101",
		outside: "2001:db8:1::1", outside2: "2001:db8:1::2", length: "/64", host: "/128", group: "ff02::12",
	}
}

// eachFamily runs a test for both.
func eachFamily(t *testing.T, test func(t *testing.T, f family)) {
	for _, f := range []family{v4(), v6()} {
		t.Run(f.name, func(t *testing.T) { test(t, f) })
	}
}

// wanted is a virtual address as it is configured, held as it is shown when we hold it.
func (f family) wanted() string { return f.virtual + f.length }
func (f family) held() string   { return f.virtual + f.host + " tag 112 leased" }

func (f family) otherWanted() string { return f.other + f.length }
func (f family) otherHeld() string   { return f.other + f.host + " tag 112 leased" }

// world is a LAN with this process's eth0 and a peer's eth0 on it.
type world struct {
	lan   *lab.Switch
	cable *lab.Cable // of our eth0
	peer  *lab.Namespace
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{lan: newSwitch(t)}
	peer, err := lab.NewNamespace("peer")
	labtest.Must(t, err)
	t.Cleanup(func() { _ = peer.Close() })
	w.peer = peer
	labtest.Must(t, peer.Do(withoutDAD))
	labtest.Must(t, withoutDAD())
	_, err = w.lan.Plug(peer, "eth0", v4().peer+"/24", v6().peer+"/64")
	labtest.Must(t, err)
	w.cable, err = w.plug("eth0")
	labtest.Must(t, err)
	labtest.Must(t, peer.Do(awaitUsable))
	labtest.Must(t, awaitUsable())
	return w
}

// awaitUsable waits until eth0 has its IPv6 addresses, which is some time after it is up.
func awaitUsable() error { return awaitUsableOn("eth0") }

func awaitUsableOn(ifname string) error {
	link, err := netlink.LinkByName(ifname)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		list, err := netlink.AddrList(link, netlink.FAMILY_V6)
		if err != nil {
			return err
		}
		usable := func(a netlink.Addr) bool { return a.Flags&unix.IFA_F_TENTATIVE == 0 }
		if len(list) == 2 && usable(list[0]) && usable(list[1]) {
			return nil
		}
	}
	return errors.New("an address stays tentative")
}

// plug gives this process an interface with its own addresses.
func (w *world) plug(ifname string) (*lab.Cable, error) {
	return w.lan.Plug(nil, ifname, v4().own+"/24", v6().own+"/64")
}

// withoutDAD makes IPv6 addresses usable at once, not after a second or two.
func withoutDAD() error {
	for _, which := range []string{"all", "default"} {
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+which+"/accept_dad", []byte("0"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func newSwitch(t *testing.T) *lab.Switch {
	t.Helper()
	s, err := lab.NewSwitch()
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, s.Close()) })
	return s
}

// addresses shows the addresses of an interface of this namespace, sorted, without the
// kernel's link-local one: with tag and label, whether they have a lease, and what is
// wrong with those that are ours.
func addresses(t *testing.T, ifname string) (shown []string) {
	t.Helper()
	link, err := netlink.LinkByName(ifname)
	labtest.Must(t, err)
	list, err := netlink.AddrList(link, netlink.FAMILY_ALL)
	labtest.Must(t, err)
	for _, a := range list {
		if a.IP.IsLinkLocalUnicast() && a.Protocol != tag {
			continue
		}
		text := a.IPNet.String()
		if a.Protocol != 0 {
			text += fmt.Sprintf(" tag %d", a.Protocol)
		}
		if a.Flags&unix.IFA_F_PERMANENT == 0 {
			text += " leased"
		}
		if a.Label != "" && a.Label != ifname {
			text += " label " + a.Label
		}
		if a.Protocol == tag {
			text += faults(a)
		}
		shown = append(shown, text)
	}
	slices.Sort(shown)
	return shown
}

// faults are what an address of ours must not have: a broadcast address, or for IPv6
// duplicate address detection and a time in which it is chosen as a source.
func faults(a netlink.Addr) (found string) {
	if a.Broadcast != nil {
		found += " broadcast " + a.Broadcast.String()
	}
	if a.IP.To4() == nil && a.Flags&unix.IFA_F_NODAD == 0 {
		found += " dad"
	}
	if a.IP.To4() == nil && (a.Flags&unix.IFA_F_DEPRECATED == 0 || a.PreferedLft != 0) {
		found += " preferred"
	}
	return found
}

func demandAddresses(t *testing.T, want ...string) {
	t.Helper()
	want = append(want, v4().own+"/24", v6().own+"/64")
	slices.Sort(want)
	if got := addresses(t, "eth0"); !slices.Equal(got, want) {
		t.Errorf("addresses %q, want %q", got, want)
	}
}

// addAddress sets an address on eth0 as an administrator would.
func addAddress(t *testing.T, text string, change func(*netlink.Addr)) {
	t.Helper()
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	a, err := netlink.ParseAddr(text)
	labtest.Must(t, err)
	a.Flags = unix.IFA_F_NODAD // of no meaning for IPv4
	if change != nil {
		change(a)
	}
	labtest.Must(t, netlink.AddrReplace(link, a))
}

func deleteAddress(t *testing.T, text string) {
	t.Helper()
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	a, err := netlink.ParseAddr(text)
	labtest.Must(t, err)
	labtest.Must(t, netlink.AddrDel(link, a))
}
