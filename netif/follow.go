// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"context"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// want takes what shall be followed from now on.
func (w *watcher) want(f Followed) {
	w.wanted.Lock()
	w.wanted.Followed = &f
	w.wanted.Unlock()
	wakeUp(w.refollow)
}

// followOthers follows what is wanted, until ctx ends.
func (w *watcher) followOthers(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.refollow:
		}
		w.wanted.Lock()
		f := w.wanted.Followed
		w.wanted.Unlock()
		w.mu.Lock()
		w.setFollowed(f)
		w.hearRoutes(f.Routes)
		w.plugAll(ctx)
		w.tell()
		w.mu.Unlock()
	}
}

// setFollowed is called with mu held. A follower that stays keeps its port and what it
// has told.
func (w *watcher) setFollowed(f *Followed) {
	w.virtual = make(map[netip.Addr]bool, len(f.Virtual))
	for _, ip := range f.Virtual {
		w.virtual[ip] = true
	}
	before := w.followers
	w.followers = nil
	for _, i := range f.Interfaces {
		if slices.ContainsFunc(w.followers, named(i.Name)) {
			continue
		}
		at := slices.IndexFunc(before, named(i.Name))
		if at < 0 {
			w.followers = append(w.followers, &follower{Interface: i})
			continue
		}
		old := before[at]
		old.Interface = i
		if old.port != nil {
			old.port.listenTo(i)
		}
		w.followers = append(w.followers, old)
	}
	for _, old := range before {
		if old.port != nil && !slices.Contains(w.followers, old) {
			w.unplug(old)
		}
	}
}

func named(name string) func(*follower) bool {
	return func(f *follower) bool { return f.Name == name }
}

// hearRoutes begins to hear of routes. It does not end that: it only costs time.
func (w *watcher) hearRoutes(wanted bool) {
	if !wanted || w.routes {
		return
	}
	w.routes = true
	if err := w.rtnl.join(unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE); err != nil {
		w.log.Warn("deleted routes are not noticed", "error", err)
	}
}

// follow says which virtual links there may be.
func (k *keeper) follow(links []VirtualLink) {
	if err := k.virtual.want(links); err != nil {
		k.log.Error("virtual links", "error", err)
	}
	wakeUp(k.wake)
}
