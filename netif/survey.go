// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// survey is what was seen of the addresses at one moment.
type survey struct {
	at       map[place][]address
	of       map[netip.Addr][]address
	networks map[int][]netip.Prefix // by link: those of addresses that are not ours
	own      map[int]netip.Addr     // by link but the loopback one: the first of IPv4 that is not ours
	isOurs   func(address) bool
	isHeld   func(place) bool // by a key of this run
	// isAnothers: by another key than the slot's, to which it has moved.
	isAnothers func(place, *slot) bool
	nameOf     func(link int) string
}

// concern tells whether an address is among those that tasks want or hold.
func concern(tasks []*task) func(netip.Addr) bool {
	all := make(map[netip.Addr]bool, len(tasks))
	for _, t := range tasks {
		for _, a := range t.wanted {
			all[a.Prefix.Addr()] = true
		}
		for _, h := range t.held {
			all[h.Prefix.Addr()] = true
		}
	}
	return func(ip netip.Addr) bool { return all[ip] }
}

// look reads the addresses that concern somebody, and all that are not ours: of a
// thousand that are, a task has one.
func (k *keeper) look(concerns func(netip.Addr) bool) (*survey, error) {
	byLink, err := k.rtnl.readAddresses(func(a address) bool {
		return !a.tagged() || !k.tagging || concerns(a.local)
	})
	if err != nil {
		return nil, fmt.Errorf("read the addresses: %w", err)
	}
	s := &survey{
		at:         make(map[place][]address),
		of:         make(map[netip.Addr][]address),
		networks:   make(map[int][]netip.Prefix),
		own:        make(map[int]netip.Addr),
		isOurs:     k.isOurs,
		isHeld:     func(p place) bool { return k.owners[p] != nil },
		isAnothers: func(p place, s *slot) bool { return k.owners[p] != nil && k.owners[p] != s },
		nameOf:     k.nameOf,
	}
	k.learn(byLink)
	for _, addresses := range byLink {
		for _, a := range addresses {
			a.plain = a.label == k.linkName(a.link)
			p := place{a.link, a.local}
			s.at[p] = append(s.at[p], a)
			s.of[a.local] = append(s.of[a.local], a)
			if !a.tagged() && k.owners[p] == nil {
				s.addOthers(a)
			}
		}
	}
	return s, nil
}

// addOthers takes in an address that is not ours.
func (s *survey) addOthers(a address) {
	if !a.network.IsSingleIP() {
		s.networks[a.link] = append(s.networks[a.link], a.network)
	}
	if a.local.Is4() && a.link != loopback && !s.own[a.link].IsValid() {
		s.own[a.link] = a.local
	}
}

// ours lists what is ours at a place, whatever the prefix length.
func (s *survey) ours(p place) (ours []address) {
	for _, a := range s.at[p] {
		if s.isOurs(a) {
			ours = append(ours, a)
		}
	}
	return ours
}

// isOurs tells whether an address of the config is ours: it carries a tag of ours. A kernel
// that keeps no tags shows only that it has a lease, or that this run has set it.
func (k *keeper) isOurs(a address) bool {
	if a.tagged() || k.tagging {
		return a.tagged()
	}
	return !a.permanent || k.owners[place{a.link, a.local}] != nil
}

// learn sees from any tag that the kernel keeps them.
func (k *keeper) learn(byLink map[int][]address) {
	tagged := func(a address) bool { return a.tag != 0 }
	for _, addresses := range byLink {
		if !k.tagging && slices.ContainsFunc(addresses, tagged) {
			k.mu.Lock()
			k.tagging = true
			k.mu.Unlock()
		}
	}
}

// kernelTags tells whether this kernel is known to keep IFA_PROTO: since 5.18, in
// some distributions since earlier ones. Those show it by the first tag we see.
func kernelTags() bool {
	var name unix.Utsname
	var major, minor int
	if unix.Uname(&name) != nil {
		return false
	}
	n, _ := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor)
	return n == 2 && (major > 5 || major == 5 && minor >= 18)
}
