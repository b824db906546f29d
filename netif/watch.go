// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"vipd/netif/route"
)

// watcher follows the interfaces by netlink notifications. It opens a port for each
// that exists, tells of each whose Link has changed, and points the keeper at
// addresses that somebody touched.
type watcher struct {
	events   Events
	log      *slog.Logger
	stations *stations
	keeper   *keeper
	announce func(key string, only ...netip.Addr)
	ports    sync.WaitGroup

	refollow chan struct{} // Follow was called
	sockets  openSockets

	wanted struct {
		sync.Mutex
		*Followed
	}

	mu        sync.Mutex // guards what follows; held while telling, which keeps the order
	table     *table
	virtual   map[netip.Addr]bool
	routes    bool  // they are followed, too
	rtnl      *rtnl // read by run alone
	followers []*follower
}

// follower is one followed interface.
type follower struct {
	Interface
	port *port // nil: the interface does not exist, or only its state matters
	told *Link // nil: nothing yet
}

func newWatcher(c Config, notifications *rtnl, stations *stations, keeper *keeper, announcer *announcer) *watcher {
	w := &watcher{
		events:   c.Events,
		log:      c.Log,
		stations: stations,
		keeper:   keeper,
		announce: announcer.announce,
		routes:   c.Routes,
		rtnl:     notifications,
		refollow: make(chan struct{}, 1),
		sockets:  openSockets{all: make(map[socketOf]syscall.RawConn)},
		table:    newTable(),
	}
	w.setFollowed(&c.Followed)
	return w
}

// subscribe opens a socket that hears of links and addresses, and of routes if need be.
func subscribe(routes bool) (*rtnl, error) {
	groups := []uint{unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR}
	if routes {
		groups = append(groups, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE)
	}
	c, err := openRTNL(groups...)
	if err != nil {
		return nil, err
	}
	if err := c.ignoreEchoes(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// run works until ctx ends and all ports are closed.
func (w *watcher) run(ctx context.Context) {
	defer w.ports.Wait()
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() { w.followOthers(ctx) })
	pause := newPause()
	for {
		err := w.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		// Most often ENOBUFS: notifications came faster than they were read.
		w.log.Warn("netlink notifications were lost, reading everything again", "error", err)
		for again := false; !again; {
			if !pause.Wait(ctx) {
				return
			}
			if again, err = w.subscribeAgain(); err != nil {
				w.log.Error("subscribe to netlink", "error", err)
			}
		}
	}
}

func (w *watcher) subscribeAgain() (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	notifications, err := subscribe(w.routes)
	if err != nil {
		return false, err
	}
	w.rtnl = notifications
	return true, nil
}

// follow reads everything, then the changes, until the subscription fails or ctx ends.
func (w *watcher) follow(ctx context.Context) error {
	defer w.rtnl.close()
	stop := context.AfterFunc(ctx, w.rtnl.close)
	defer stop()
	t, err := load(w.rtnl)
	if err != nil {
		return err
	}
	w.replace(ctx, t)
	for {
		messages, err := w.rtnl.receive()
		if err != nil {
			return err
		}
		w.apply(ctx, messages)
	}
}

// replace takes a whole new table. What happened unseen may concern any address.
func (w *watcher) replace(ctx context.Context, t *table) {
	w.mu.Lock()
	w.table = t
	w.plugAll(ctx)
	w.tell()
	w.mu.Unlock()
	w.keeper.suspectAll()
}

// apply takes in notifications.
func (w *watcher) apply(ctx context.Context, messages []syscall.NetlinkMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	shows := false
	for _, m := range messages {
		shows = w.table.apply(m) || shows
		w.point(m)
	}
	if shows {
		w.plugAll(ctx)
		w.tell()
	}
}

// point points the keeper at what somebody, perhaps we, touched.
func (w *watcher) point(m syscall.NetlinkMessage) {
	switch m.Header.Type {
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		if a, ok := parseAddress(m); ok {
			w.keeper.notice(a, m.Header.Type == unix.RTM_NEWADDR)
		}
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		if l, ok := parseLink(m); ok {
			w.keeper.noticeLink(l.index, l.admin, m.Header.Type == unix.RTM_NEWLINK)
		}
	case unix.RTM_DELROUTE:
		if isOurRoute(m) {
			w.keeper.suspectRoutes()
		}
	}
}

// isOurRoute looks at struct rtmsg's protocol.
func isOurRoute(m syscall.NetlinkMessage) bool {
	return len(m.Data) >= unix.SizeofRtMsg && m.Data[5] == route.Protocol
}

// plugAll opens and closes ports as interfaces come and go, and says which hardware
// addresses are ours.
func (w *watcher) plugAll(ctx context.Context) {
	w.stations.setOurs(w.table.hardware())
	for _, f := range w.followers {
		w.plug(ctx, f, w.table.find(f.Name))
	}
}

// tell tells of each Link that has changed.
func (w *watcher) tell() {
	for _, f := range w.followers {
		now := w.describe(f, w.table.find(f.Name))
		if f.told == nil || !f.told.equal(now) {
			f.told = &now
			w.events.Link(now)
		}
	}
}

// plug makes the port of f the one of l.
func (w *watcher) plug(ctx context.Context, f *follower, l link) {
	if f.port != nil && (f.port.index != l.index || f.StateOnly) {
		w.unplug(f)
	}
	if l.index == 0 || f.StateOnly {
		return
	}
	if w.stations.set(l) { // hosts know the old hardware address
		for _, key := range w.keeper.keysOn(l.index) {
			w.announce(key)
		}
	}
	if f.port != nil || ctx.Err() != nil {
		return
	}
	f.port = newPort(ctx, f.Name, l.index, w)
	f.port.listenTo(f.Interface)
	w.ports.Go(f.port.run)
}

// unplug closes the port of f.
func (w *watcher) unplug(f *follower) {
	w.stations.remove(f.port.index)
	f.port.close()
	f.port = nil
}

func (w *watcher) describe(f *follower, l link) Link {
	described := Link{Name: f.Name, Index: l.index, MTU: l.mtu, Up: l.up, Hardware: l.hardware.String(), Problem: "no such interface"}
	if f.port == nil {
		if f.StateOnly && l.index != 0 {
			described.Problem = ""
		}
		return described
	}
	described.Problem = ""
	described.Prefixes = w.own(l.index)
	if l.master != 0 {
		described.Master = w.masterName(l.master)
		described.Problem = "it is a port of " + described.Master + ", which takes its packets"
	}
	for _, e := range f.port.ears {
		if e.problem != "" && described.Problem == "" {
			described.Problem = e.problem
		}
		described.ListeningIPv4 = described.ListeningIPv4 || e.level == unix.IPPROTO_IP && e.problem == ""
		described.ListeningIPv6 = described.ListeningIPv6 || e.level == unix.IPPROTO_IPV6 && e.problem == ""
	}
	return described
}

// masterName is the name of a link that has others as its ports.
func (w *watcher) masterName(index int) string {
	if name := w.table.links[index].name; name != "" {
		return name
	}
	return fmt.Sprintf("the interface with index %d", index) // in another namespace, or not told yet
}

// own lists the addresses that are the link's own: IPv4 before IPv6, primary ones
// first.
func (w *watcher) own(index int) []netip.Prefix {
	var primary, secondary []netip.Prefix
	for _, a := range w.table.addresses[index] {
		switch {
		case a.tagged() || w.virtual[a.local] || a.unsure:
		case a.secondary:
			secondary = append(secondary, a.prefix())
		default:
			primary = append(primary, a.prefix())
		}
	}
	all := append(primary, secondary...)
	slices.SortStableFunc(all, func(a, b netip.Prefix) int { return a.Addr().BitLen() - b.Addr().BitLen() })
	return all
}

// report takes what is said of a receive socket: a problem, or "".
func (w *watcher) report(e *ear, problem string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.problem = problem
	w.tell()
}
