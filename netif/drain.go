// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"vipd/netif/route"
	"vipd/netif/sockets"
)

const (
	// loopback is the index of lo in each network namespace (LOOPBACK_IFINDEX).
	loopback     = 1
	loopbackName = "lo"
	// networkMetric is that of the routes to the networks of addresses that drain. The
	// kernel's own route, which goes with the address, has a lower one.
	networkMetric = 1024
	// resetWait bounds how long addresses that are to go wait for the reset of their
	// connections. Meanwhile no lease is renewed.
	resetWait = 500 * time.Millisecond
)

// drains: what is wanted is on the loopback interface.
func (w *Want) drains() bool { return w.Present && w.Draining }

// toLoopback makes the wanted addresses those that drain. A link-local one can't: who
// answers to it would have to be on the link.
func (t *task) toLoopback() {
	t.wanted = nil
	for _, a := range t.want.Addresses {
		if ip := a.Prefix.Addr(); !ip.IsLinkLocalUnicast() {
			t.wanted = append(t.wanted, Address{
				Link: loopback, Prefix: netip.PrefixFrom(ip, ip.BitLen()), Label: loopbackName, Scope: unix.RT_SCOPE_HOST,
			})
		}
	}
}

// planDrain plans what addresses on the loopback interface need to be of use: a way to
// the clients, and an address to ask for them. The kernel removes an IPv4 route with the
// source that it names, also when this process has ended.
func (t *task) planDrain(there *survey) {
	if !t.want.drains() {
		return
	}
	t.own = make(map[netip.Addr]netip.Addr)
	for _, a := range t.want.Addresses {
		ip := a.Prefix.Addr()
		if ip.IsLinkLocalUnicast() {
			continue
		}
		if ip.Is4() {
			t.own[ip] = there.ownOn(a.Link)
		}
		same := func(r Route) bool { return r.Destination == a.Prefix.Masked() && r.Link == a.Link }
		if a.hasNetwork(there) && !slices.ContainsFunc(t.networks, same) {
			t.networks = append(t.networks, a.network())
		}
	}
}

// hasNetwork: the address, where it was, has made a route to its network.
func (a Address) hasNetwork(there *survey) bool {
	return a.Prefix.IsValid() && !a.Prefix.IsSingleIP() && !a.Prefix.Addr().IsLinkLocalUnicast() && !there.isInside(a.Prefix.Addr(), a.Link)
}

// network is the route to an address's network that stays while it drains.
func (a Address) network() Route {
	r := Route{Destination: a.Prefix.Masked(), Link: a.Link, Metric: networkMetric}
	if a.Prefix.Addr().Is4() {
		r.Scope, r.Source = unix.RT_SCOPE_LINK, a.Prefix.Addr()
	}
	return r
}

// planLeftNetworks plans to remove the routes that a run before us may have left with
// addresses that drained. It is done once for a key: to look for routes may take long.
func (t *task) planLeftNetworks(there *survey) {
	if t.slot.known {
		return
	}
	t.slot.known = true
	for _, a := range t.want.Addresses {
		if a.hasNetwork(there) {
			t.slot.networks = append(t.slot.networks, a.network())
		}
	}
}

// withdrawNetworks removes the routes of addresses that do not drain any more, after
// their interface has its own again. There is one for all addresses of a network: it
// stays while another slot needs it.
func (k *keeper) withdrawNetworks(tasks []*task) {
	leaving := make(map[*task][]Route)
	for _, t := range tasks {
		if t.err != nil || !t.want.drains() {
			leaving[t], t.slot.networks = t.slot.networks, nil
		}
	}
	for t, networks := range leaving {
		var unneeded []Route
		for _, n := range networks {
			if needed, ok := k.needed(n); ok {
				t.shared = append(t.shared, needed)
			} else {
				unneeded = append(unneeded, n)
			}
		}
		if err := route.Remove(k.handle, unneeded); err != nil {
			t.routeErr = errors.Join(t.routeErr, err)
		}
	}
}

// needed is the route of a slot that needs one to the same network, if there is any.
func (k *keeper) needed(r Route) (Route, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.slots {
		if i := slices.IndexFunc(s.networks, func(n Route) bool { return n.Destination == r.Destination }); i >= 0 {
			return s.networks[i], true
		}
	}
	return Route{}, false
}

// restoreNetworks makes the routes again that went with an address which they named.
func (k *keeper) restoreNetworks(t *task) {
	if err := route.Add(k.handle, t.shared); err != nil {
		t.routeErr = errors.Join(t.routeErr, err)
	}
}

// resetOn resets the connections of addresses that go from the loopback interface and
// are nowhere else: a RST can only leave while the address is there.
func (k *keeper) resetOn(tasks []*task) {
	kept := make(map[netip.Addr]bool)
	var going []netip.Addr
	for _, t := range tasks {
		if t.err == nil && t.want.Present {
			for _, a := range t.wanted {
				kept[a.Prefix.Addr()] = true
			}
		}
		for _, c := range t.removes {
			if c.verb == remove && c.link == loopback {
				going = append(going, c.prefix.Addr())
			}
		}
	}
	going = slices.DeleteFunc(going, func(ip netip.Addr) bool { return kept[ip] || k.holdsAnywhere(ip) })
	if err := reset(going); err != nil {
		k.log.Warn("not every connection to an address that goes is reset", "error", err)
	}
}

// reset ends the connections of addresses, as far as that takes no longer than resetWait;
// then it goes on by itself.
func reset(addresses []netip.Addr) error {
	if len(addresses) == 0 {
		return nil
	}
	done := make(chan error, 1)
	go func() {
		_, err := sockets.Reset(addresses)
		done <- err
	}()
	limit := time.NewTimer(resetWait)
	defer limit.Stop()
	select {
	case err := <-done:
		return err
	case <-limit.C:
		return fmt.Errorf("the connections of %d addresses are still being reset after %v", len(addresses), resetWait)
	}
}

// holdsAnywhere tells whether a key holds an address on an interface other than the
// loopback one.
func (k *keeper) holdsAnywhere(ip netip.Addr) bool {
	for p := range k.owners {
		if p.ip == ip && p.link != loopback {
			return true
		}
	}
	return false
}

// isInside tells whether an address is in a network that its interface has from
// elsewhere.
func (s *survey) isInside(ip netip.Addr, link int) bool {
	return slices.ContainsFunc(s.networks[link], func(n netip.Prefix) bool { return n.Contains(ip) })
}

// ownOn is an IPv4 address of this host that is not ours: on the link, else on any but
// the loopback interface. Without one it is 0.0.0.0, as in the question of a host that
// has no address yet (RFC 5227 §1.1).
func (s *survey) ownOn(link int) netip.Addr {
	if own, ok := s.own[link]; ok {
		return own
	}
	for _, own := range s.own {
		return own
	}
	return netip.IPv4Unspecified()
}

// releaseDrained removes what a run before us has left on the loopback interface: nobody
// goes on with it, and the kernel would answer ARP for it.
func (k *keeper) releaseDrained(addresses []netip.Addr) error {
	there, err := k.look(func(ip netip.Addr) bool { return slices.Contains(addresses, ip) })
	if err != nil {
		return err
	}
	var changes []change
	var going []netip.Addr
	for _, ip := range addresses {
		for _, a := range there.ours(place{loopback, ip}) {
			changes = append(changes, change{verb: remove, link: loopback, prefix: a.prefix()})
			going = append(going, ip)
		}
	}
	failed := reset(going)
	k.rtnl.apply(changes)
	return errors.Join(failed, k.failure(changes))
}

// endDrains asks for the deletion of what drains: it has no meaning without this process.
func (k *keeper) endDrains() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.slots {
		if s.drains {
			s.want.Present, s.asked = false, true
			k.enqueue(s)
		}
	}
}
