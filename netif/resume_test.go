// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif"
)

// find asks, and returns the answer.
func (r *record) find(t *testing.T, w netif.Want) (f netif.Found) {
	t.Helper()
	r.mu.Lock()
	n := len(r.founds)
	r.mu.Unlock()
	r.Find("web", w)
	r.await(t, "what is left", func() bool {
		if len(r.founds) > n {
			f = r.founds[n]
		}
		return len(r.founds) > n
	})
	if f.Key != "web" {
		t.Errorf("answered for %s", f.Key)
	}
	return f
}

// crash lets a run hold what w wants, and ends it with everything in place.
func crash(t *testing.T, r *record, w netif.Want) {
	t.Helper()
	r.hold(t, w)
	r.Keep()
	labtest.Must(t, r.stop())
}

func TestFindAfterACrash(t *testing.T) {
	newWorld(t)
	first := start(t, "eth0")
	w := first.want(t, 4*time.Second, virtual+"/24", "198.51.100.1/24")
	renewed := time.Now()
	crash(t, first, w)
	r := start(t, "eth0")
	<-time.After(time.Until(renewed.Add(700 * time.Millisecond)))
	f := r.find(t, w)
	age := time.Since(renewed)
	if f.Err != nil || f.Age > age+20*time.Millisecond || f.Age < 600*time.Millisecond {
		t.Errorf("%+v, it was %v", f, age)
	}
	if again := r.find(t, w); again.Err != nil || again.Age < f.Age {
		t.Errorf("to look makes it younger: %+v after %+v", again, f)
	}
	r.hold(t, w)
	demandAddresses(t, "192.0.2.100/32 tag 112 leased", "198.51.100.1/24 tag 112 leased")
	if f := r.find(t, w); f.Err != nil || f.Age > 100*time.Millisecond {
		t.Errorf("of its own: %+v", f)
	}
}

func TestNothingIsFound(t *testing.T) {
	ours := func(a *netlink.Addr) { a.Protocol, a.ValidLft, a.PreferedLft = tag, 600, 600 }
	rows := []struct {
		name   string
		lay    func(t *testing.T)
		reason string
	}{
		{"nothing", func(*testing.T) {}, "not there"},
		{"only one of two", func(t *testing.T) { addAddress(t, virtual+"/32", ours) }, "not there"},
		{"somebody else's", func(t *testing.T) {
			addAddress(t, virtual+"/32", nil)
			addAddress(t, "198.51.100.1/24", ours)
		}, "not ours"},
		{"leaving", func(t *testing.T) {
			addAddress(t, virtual+"/32", ours)
			addAddress(t, "198.51.100.1/24", func(a *netlink.Addr) { ours(a); a.Protocol = leavingTag })
		}, "being released"},
		{"another prefix length", func(t *testing.T) {
			addAddress(t, virtual+"/24", ours)
			addAddress(t, "198.51.100.1/24", ours)
		}, "prefix length"},
		{"twice", func(t *testing.T) {
			addAddress(t, virtual+"/32", ours)
			addAddress(t, virtual+"/25", ours)
			addAddress(t, "198.51.100.1/24", ours)
		}, "prefix length"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			newWorld(t)
			row.lay(t)
			before := addresses(t, "eth0")
			r := start(t, "eth0")
			f := r.find(t, r.want(t, 4*time.Second, virtual+"/24", "198.51.100.1/24"))
			if !errors.Is(f.Err, netif.ErrNothingLeft) || !strings.Contains(f.Err.Error(), row.reason) {
				t.Errorf("%+v, want %q", f, row.reason)
			}
			if got := addresses(t, "eth0"); !slices.Equal(got, before) {
				t.Errorf("to look has changed %v to %v", before, got)
			}
		})
	}
}

func TestFindNothingWanted(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	if f := r.find(t, netif.Want{}); !errors.Is(f.Err, netif.ErrNothingLeft) {
		t.Errorf("%+v", f)
	}
}

// leavingTag marks what is only kept until another router has it.
const leavingTag = 113

func TestLeavingIsMarked(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, time.Minute, virtual+"/24")
	r.hold(t, w)
	leaving := w
	leaving.Leaving, leaving.Lease = true, 2*time.Second
	r.hold(t, leaving)
	<-time.After(400 * time.Millisecond) // a lease is renewed three times a second
	r.Renew("web")                       // but this is no sign of life
	r.settle(t)
	demandAddresses(t, "192.0.2.100/32 tag 113 leased")
	link, err := netlink.LinkByName("eth0")
	labtest.Must(t, err)
	list, err := netlink.AddrList(link, netlink.FAMILY_V4)
	labtest.Must(t, err)
	for _, a := range list {
		if a.Protocol == leavingTag && a.ValidLft > 2 {
			t.Errorf("its lease is %d s, want 2", a.ValidLft)
		}
	}
	if l := r.last(t, "eth0"); len(ownIPv4(l)) != 1 {
		t.Errorf("taken for the interface's own: %v", l.Prefixes)
	}
	deleteAddress(t, virtual+"/32")
	r.await(t, "the put-back", func() bool { return len(r.holdings) == 4 })
	demandAddresses(t, "192.0.2.100/32 tag 113 leased")
	r.hold(t, w) // Active again
	demandAddresses(t, "192.0.2.100/32 tag 112 leased")
	r.hold(t, leaving)
	w.Present = false
	if h := r.set(t, w); h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	demandAddresses(t)
}

// What a crash in the middle of a release has left is ours to remove.
func TestLeavingLeftoversAreRemoved(t *testing.T) {
	newWorld(t)
	addAddress(t, virtual+"/32", func(a *netlink.Addr) { a.Protocol = leavingTag })
	r := start(t, "eth0")
	w := r.want(t, 0, virtual+"/24")
	w.Present = false
	if h := r.set(t, w); h.Held || h.Err != nil {
		t.Errorf("%+v", h)
	}
	demandAddresses(t)
}

// A hand-off is dated by the last sign of life, though the lease is renewed less often;
// without a new one it is as a crash.
func TestHandOffIsMarked(t *testing.T) {
	for name, quiet := range map[string]time.Duration{"after a sign of life": 200 * time.Millisecond, "without": 0} {
		t.Run(name, func(t *testing.T) {
			newWorld(t)
			first := start(t, "eth0")
			w := first.want(t, 4*time.Second, virtual+"/24", "198.51.100.1/24")
			first.hold(t, w)
			first.AgeSignOfLife("web", time.Second)
			renew := quiet > 0
			<-time.After(quiet)
			if renew {
				first.Renew("web")
			}
			first.Keep()
			labtest.Must(t, first.stop())
			r := start(t, "eth0")
			f := r.find(t, w)
			if f.Err != nil || f.HandedOff != renew || renew && f.Age >= quiet {
				t.Errorf("%+v", f)
			}
			if len(ownIPv4(r.last(t, "eth0"))) != 1 {
				t.Error("taken for the interface's own")
			}
			r.hold(t, w)
			demandAddresses(t, "192.0.2.100/32 tag 112 leased", "198.51.100.1/24 tag 112 leased")
		})
	}
}

// Whoever is leaving, leaves, though the daemon hands off.
func TestHandOffWhileLeaving(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	w := r.want(t, time.Minute, virtual+"/24")
	r.hold(t, w)
	r.Renew("web")
	w.Leaving = true
	r.Keep()
	r.Set("web", w)
	labtest.Must(t, r.stop())
	demandAddresses(t, "192.0.2.100/32 tag 113 leased")
}

// A virtual link and its addresses, of both families, are found as they were, and one
// that somebody has set down is not.
func TestFindOnAVirtualLink(t *testing.T) {
	newWorld(t)
	first := making(t)
	w := first.want(t, 4*time.Second, virtual+"/24")
	w.VirtualLink = "vrrp.51"
	crash(t, first, w)
	if !isUp(t, "vrrp.51") {
		t.Fatal("the virtual link has gone down at a hand-off")
	}
	r := making(t)
	if f := r.find(t, w); f.Err != nil {
		t.Errorf("%+v", f)
	}
	link, err := netlink.LinkByName("vrrp.51")
	labtest.Must(t, err)
	labtest.Must(t, netlink.LinkSetDown(link))
	if f := r.find(t, w); !errors.Is(f.Err, netif.ErrNothingLeft) {
		t.Errorf("down: %+v", f)
	}
}

// Routes stay in place from one run to the next: the kernel tells of nothing but their
// removal at last.
func TestRoutesStay(t *testing.T) {
	newWorld(t)
	config := netif.Config{Followed: netif.Followed{Interfaces: []netif.Interface{{Name: "eth0", IPv4: true}}, Routes: true}}
	first := startWith(t, config)
	w := first.want(t, time.Minute, virtual+"/24")
	w.Routes = []netif.Route{{Destination: netip.MustParsePrefix("203.0.113.0/24"), Gateway: netip.MustParseAddr(peerIP), Source: netip.MustParseAddr(virtual)}}
	crash(t, first, w)
	updates, done := make(chan netlink.RouteUpdate, 64), make(chan struct{})
	defer close(done)
	labtest.Must(t, netlink.RouteSubscribe(updates, done))
	r := startWith(t, config)
	if f := r.find(t, w); f.Err != nil {
		t.Errorf("%+v", f)
	}
	r.hold(t, w)
	w.Present = false
	r.set(t, w)
	var events []string
	for u := range updates { // until the removal
		if u.Protocol == tag {
			events = append(events, map[uint16]string{unix.RTM_NEWROUTE: "new", unix.RTM_DELROUTE: "deleted"}[u.Type])
			if u.Type == unix.RTM_DELROUTE {
				break
			}
		}
	}
	if !slices.Equal(events, []string{"deleted"}) {
		t.Errorf("%v", events)
	}
}

// Whoever else has the address answers. Our own kernel, which has it, too, does not.
func TestProbe(t *testing.T) {
	for _, virtual := range []string{virtual + "/32", virtual6 + "/128"} {
		t.Run(virtual, func(t *testing.T) {
			w := newWorld(t)
			_, err := w.lan.Plug(nil, "eth1") // answers by ARP for what is on eth0
			labtest.Must(t, err)
			r, l := dual(t)
			at := on(l.Index, virtual)
			r.hold(t, netif.Want{Addresses: at, Present: true, Lease: time.Minute})
			asked := time.Now()
			r.Probe("ours alone", at[0])
			neighbour := on(l.Index, peerIP+"/32", "fe80::1/128")
			labtest.Must(t, w.peer.Do(func() error { addAddress(t, "fe80::1/128", nil); return nil }))
			i := 0
			if at[0].Prefix.Addr().Is6() {
				i = 1
			}
			<-time.After(time.Until(asked.Add(2 * probeTime))) // it is over
			r.probeContested(t, "the neighbour's", neighbour[i])
			labtest.Must(t, w.peer.Do(func() error { addAddress(t, virtual, nil); return nil }))
			r.probeContested(t, "both", at[0])
			r.mu.Lock()
			defer r.mu.Unlock()
			if slices.Contains(r.contests, "ours alone") {
				t.Errorf("contested: %q", r.contests)
			}
		})
	}
}

// probeContested asks until there is an answer: a host whose IPv6 address is new hears
// solicitations only a moment later.
func (r *record) probeContested(t *testing.T, key string, at netif.Address) {
	t.Helper()
	again := time.NewTicker(2 * probeTime)
	defer again.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-again.C {
		r.Probe(key, at)
		r.mu.Lock()
		contested := slices.Contains(r.contests, key)
		r.mu.Unlock()
		if contested {
			return
		}
	}
	r.awaitContested(t, key)
}

func (r *record) awaitContested(t *testing.T, key string) {
	t.Helper()
	r.await(t, "an answer for "+key, func() bool { return slices.Contains(r.contests, key) })
}

// The virtual MAC of the other node is the same as ours, and yet another host's.
func TestProbeForAVirtualMAC(t *testing.T) {
	w := newWorld(t)
	r, l := dual(t)
	labtest.Must(t, w.peer.Do(func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		mac, err := net.ParseMAC("00:00:5e:00:01:33")
		if err != nil {
			return err
		}
		addAddress(t, virtual+"/32", nil)
		return netlink.LinkSetHardwareAddr(link, mac)
	}))
	r.Probe("web", on(l.Index, virtual+"/32")[0])
	r.awaitContested(t, "web")
}

// Nothing is asked where nobody can answer, and too many questions are not asked.
func TestProbeThatIsNotAsked(t *testing.T) {
	newWorld(t)
	r := start(t, "eth0")
	lo, err := netlink.LinkByName("lo")
	labtest.Must(t, err)
	r.Probe("lo", on(lo.Attrs().Index, virtual+"/32")[0])
	r.Probe("no link", on(4711, virtual+"/32")[0])
	for range 1000 {
		r.Probe("web", on(r.last(t, "eth0").Index, virtual+"/32")[0])
	}
	r.await(t, "a line in the log", func() bool { return strings.Contains(r.log.String(), "too many probes") })
	if len(r.contests) > 0 {
		t.Errorf("contested: %q", r.contests)
	}
}

const (
	// probeTime is how long a probe takes, with the time to open its socket.
	probeTime = 60 * time.Millisecond
	virtual   = "192.0.2.100"
	virtual6  = "2001:db8::100"
	peerIP    = "192.0.2.12"
)

// dual follows eth0, and waits for its link-local address.
func dual(t *testing.T) (*record, netif.Link) {
	t.Helper()
	r := start(t, "eth0")
	return r, r.withLinkLocal(t)
}

func (r *record) withLinkLocal(t *testing.T) netif.Link {
	t.Helper()
	return r.awaitLink(t, "eth0", func(l netif.Link) bool { return l.SourceIPv6().IsValid() })
}

// ownIPv4 are the interface's own addresses of IPv4.
func ownIPv4(l netif.Link) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(l.Prefixes), func(p netip.Prefix) bool { return p.Addr().Is6() })
}
