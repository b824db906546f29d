// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/netif"
)

func TestMain(m *testing.M) { lab.Main(m) }

// patience is how long a test waits for what must happen.
const patience = 5 * time.Second

const (
	tag     = 112 // our IFA_PROTO
	ownIP   = "192.0.2.11"
	peerIP  = "192.0.2.12"
	virtual = "192.0.2.100"

	virtual6 = "2001:db8::100"
)

// world is a LAN with this process's eth0 and a peer's eth0 on it.
type world struct {
	lan   *lab.Switch
	cable *lab.Cable // of our eth0
	peer  *lab.Namespace
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{lan: newSwitch(t)}
	skipDAD(t)
	peer, err := lab.NewNamespace("peer")
	check(t, err)
	check(t, peer.Do(func() error { skipDAD(t); return nil }))
	t.Cleanup(func() { _ = peer.Close() })
	w.peer = peer
	_, err = w.lan.Plug(peer, "eth0", peerIP+"/24")
	check(t, err)
	w.cable, err = w.lan.Plug(nil, "eth0", ownIP+"/24")
	check(t, err)
	return w
}

// skipDAD makes IPv6 addresses of the calling thread's namespace usable at once.
func skipDAD(t *testing.T) {
	t.Helper()
	for _, name := range []string{"accept_dad", "dad_transmits"} {
		check(t, os.WriteFile("/proc/sys/net/ipv6/conf/default/"+name, []byte("0"), 0))
	}
}

func newSwitch(t *testing.T) *lab.Switch {
	t.Helper()
	s, err := lab.NewSwitch()
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// record is a host at work and all that it told.
type record struct {
	*netif.Host
	cancel context.CancelFunc // ends Run
	stop   func() error       // the same, and returns its result

	mu        sync.Mutex
	changed   chan struct{} // closed and replaced at each event
	links     []netif.Link
	packets   []netif.Packet
	holdings  []netif.Holding
	onLink    func(netif.Link) // called within the event, as the next
	onHolding func(netif.Holding)
	log       bytes.Buffer
}

// start opens a host that follows the interfaces, and waits until those that exist are
// up and listened to.
func start(t *testing.T, interfaces ...string) *record {
	t.Helper()
	var follow []netif.Interface
	for _, name := range interfaces {
		follow = append(follow, netif.Interface{Name: name, IPv4: true})
	}
	return startWith(t, netif.Config{Interfaces: follow})
}

// startWith completes a configuration, and opens a host with it.
func startWith(t *testing.T, c netif.Config) *record {
	t.Helper()
	r := &record{changed: make(chan struct{})}
	for _, ip := range []string{virtual, "192.0.2.101", virtual6} {
		c.Virtual = append(c.Virtual, netip.MustParseAddr(ip))
	}
	c.Events = netif.Events{Link: r.link, Packet: r.packet, Holding: r.holding}
	c.Log = slog.New(slog.NewTextHandler(lockedWriter{r}, nil))
	var err error
	r.Host, err = netif.Open(c)
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.cancel = cancel
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { check(t, r.stop()) })
	for _, i := range c.Interfaces {
		r.awaitLink(t, i.Name, func(l netif.Link) bool {
			return l.Index == 0 || l.ListeningIPv4 == i.IPv4 && l.ListeningIPv6 == i.IPv6 && l.Up
		})
	}
	return r
}

func (r *record) link(l netif.Link) {
	r.note(func() { r.links = append(r.links, l) })
	r.mu.Lock()
	onLink := r.onLink
	r.mu.Unlock()
	if onLink != nil {
		onLink(l)
	}
}

func (r *record) packet(p netif.Packet) {
	p.Payload = slices.Clone(p.Payload)
	r.note(func() { r.packets = append(r.packets, p) })
}

func (r *record) holding(h netif.Holding) {
	r.note(func() { r.holdings = append(r.holdings, h) })
	r.mu.Lock()
	onHolding := r.onHolding
	r.mu.Unlock()
	if onHolding != nil {
		onHolding(h)
	}
}

func (r *record) note(write func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	write()
	close(r.changed)
	r.changed = make(chan struct{})
}

type lockedWriter struct{ r *record }

func (w lockedWriter) Write(b []byte) (int, error) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	return w.r.log.Write(b)
}

// await waits until the condition, called under the lock, holds.
func (r *record) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		r.mu.Lock()
		ok, changed := holds(), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			r.mu.Lock()
			defer r.mu.Unlock()
			t.Fatalf("%s: waited %v; links %+v; holdings %+v; %d packets; log:\n%s",
				what, patience, r.links, r.holdings, len(r.packets), &r.log)
		}
	}
}

// awaitLink waits until the last word on the interface satisfies the condition.
func (r *record) awaitLink(t *testing.T, name string, holds func(netif.Link) bool) (last netif.Link) {
	t.Helper()
	r.await(t, "link "+name, func() bool {
		for _, l := range r.links {
			if l.Name == name {
				last = l
			}
		}
		return last.Name != "" && holds(last)
	})
	return last
}

// ownIPv4 leaves the link-local addresses out, which come by themselves.
func ownIPv4(l netif.Link) (prefixes []netip.Prefix) {
	for _, p := range l.Prefixes {
		if p.Addr().Is4() {
			prefixes = append(prefixes, p)
		}
	}
	return prefixes
}

func listening(l netif.Link) bool { return l.ListeningIPv4 }

// last is the last word on the interface.
func (r *record) last(t *testing.T, name string) netif.Link {
	t.Helper()
	return r.awaitLink(t, name, func(netif.Link) bool { return true })
}

// counts says how many events there were.
func (r *record) counts() (links, packets, holdings int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.links), len(r.packets), len(r.holdings)
}

// awaitHolding waits for the n-th holding, counted from 1.
func (r *record) awaitHolding(t *testing.T, n int) (h netif.Holding) {
	t.Helper()
	r.await(t, fmt.Sprintf("holding %d", n), func() bool {
		if len(r.holdings) >= n {
			h = r.holdings[n-1]
		}
		return len(r.holdings) >= n
	})
	return h
}

// set asks for the addresses of "web" and returns the answer.
func (r *record) set(t *testing.T, w netif.Want) netif.Holding {
	t.Helper()
	_, _, n := r.counts()
	r.Set("web", w)
	return r.awaitHolding(t, n+1)
}

// hold is set, and demands success.
func (r *record) hold(t *testing.T, w netif.Want) {
	t.Helper()
	if h := r.set(t, w); !h.Held || h.Err != nil {
		t.Fatalf("set %v: %+v", w, h)
	}
}

func (r *record) want(t *testing.T, lease time.Duration, prefixes ...string) netif.Want {
	t.Helper()
	return netif.Want{Addresses: on(r.last(t, "eth0").Index, prefixes...), Present: true, Lease: lease}
}

// on are addresses on one link.
func on(link int, prefixes ...string) (addresses []netif.Address) {
	for _, p := range parse(prefixes...) {
		addresses = append(addresses, netif.Address{Link: link, Prefix: p})
	}
	return addresses
}

func parse(texts ...string) (prefixes []netip.Prefix) {
	for _, text := range texts {
		prefixes = append(prefixes, netip.MustParsePrefix(text))
	}
	return prefixes
}

// addresses shows the IPv4 addresses of an interface of this namespace, sorted: with
// tag, broadcast, and whether they have a lease.
func addresses(t *testing.T, ifname string) (shown []string) {
	t.Helper()
	link, err := netlink.LinkByName(ifname)
	check(t, err)
	list, err := netlink.AddrList(link, netlink.FAMILY_V4)
	check(t, err)
	for _, a := range list {
		text := a.IPNet.String()
		if a.Protocol != 0 {
			text += fmt.Sprintf(" tag %d", a.Protocol)
		}
		if a.Flags&unix.IFA_F_PERMANENT == 0 {
			text += " leased"
		}
		if a.Protocol == tag && a.Broadcast != nil {
			text += " broadcast " + a.Broadcast.String()
		}
		shown = append(shown, text)
	}
	slices.Sort(shown)
	return shown
}

func demandAddresses(t *testing.T, want ...string) {
	t.Helper()
	want = append(want, ownIP+"/24")
	slices.Sort(want)
	if got := addresses(t, "eth0"); !slices.Equal(got, want) {
		t.Errorf("addresses %q, want %q", got, want)
	}
}

// addAddress sets an address on eth0 as an administrator would.
func addAddress(t *testing.T, text string, change func(*netlink.Addr)) {
	t.Helper()
	link, err := netlink.LinkByName("eth0")
	check(t, err)
	a, err := netlink.ParseAddr(text)
	check(t, err)
	if change != nil {
		change(a)
	}
	check(t, netlink.AddrReplace(link, a))
}

func deleteAddress(t *testing.T, text string) {
	t.Helper()
	link, err := netlink.LinkByName("eth0")
	check(t, err)
	a, err := netlink.ParseAddr(text)
	check(t, err)
	check(t, netlink.AddrDel(link, a))
}

// send sends, and joins what failed.
func (r *record) send(batch []netif.Datagram) error {
	var all []error
	r.Send(batch, func(_ int, err error) { all = append(all, err) })
	return errors.Join(all...)
}

// writeSysctl writes below /proc/sys/net of the test's namespace.
func writeSysctl(path, value string) error {
	return os.WriteFile("/proc/sys/net/"+path, []byte(value), 0)
}
