// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// watcher follows the interfaces by netlink notifications. It opens a port for each
// that exists, tells of each whose Link has changed, and points the keeper at
// addresses that somebody touched.
type watcher struct {
	events   Events
	log      *slog.Logger
	virtual  map[netip.Addr]bool
	stations *stations
	keeper   *keeper
	rtnl     *rtnl // only run uses it
	ports    sync.WaitGroup

	mu       sync.Mutex // guards what follows; held while telling, which keeps the order
	table    *table
	followed []*follower
}

// follower is one followed name.
type follower struct {
	name string
	port *port // nil: the interface does not exist
	told *Link // nil: nothing yet
}

func newWatcher(c Config, notifications *rtnl, stations *stations, keeper *keeper) *watcher {
	w := &watcher{
		events:   c.Events,
		log:      c.Log,
		virtual:  make(map[netip.Addr]bool, len(c.Virtual)),
		stations: stations,
		keeper:   keeper,
		rtnl:     notifications,
		table:    newTable(),
	}
	for _, ip := range c.Virtual {
		w.virtual[ip] = true
	}
	for i, name := range c.Interfaces {
		if !slices.Contains(c.Interfaces[:i], name) {
			w.followed = append(w.followed, &follower{name: name})
		}
	}
	return w
}

// subscribe opens a socket that hears of links and IPv4 addresses.
func subscribe() (*rtnl, error) { return openRTNL(unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR) }

// run works until ctx ends and all ports are closed.
func (w *watcher) run(ctx context.Context) {
	defer w.ports.Wait()
	var pause backoff
	for {
		err := w.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		// Most often ENOBUFS: notifications came faster than they were read.
		w.log.Warn("netlink notifications were lost, reading everything again", "error", err)
		for w.rtnl = nil; w.rtnl == nil; {
			if !pause.wait(ctx) {
				return
			}
			if w.rtnl, err = subscribe(); err != nil {
				w.log.Error("subscribe to netlink", "error", err)
			}
		}
	}
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
		if a, ok := parseAddress(m); ok {
			w.keeper.notice(a, m.Header.Type == unix.RTM_NEWADDR)
		}
	}
	if shows {
		w.plugAll(ctx)
		w.tell()
	}
}

// plugAll opens and closes ports as interfaces come and go.
func (w *watcher) plugAll(ctx context.Context) {
	for _, f := range w.followed {
		w.plug(ctx, f, w.table.find(f.name))
	}
}

// tell tells of each Link that has changed.
func (w *watcher) tell() {
	for _, f := range w.followed {
		now := w.describe(f, w.table.find(f.name))
		if f.told == nil || !f.told.equal(now) {
			f.told = &now
			w.events.Link(now)
		}
	}
}

// plug makes the port of f the one of l.
func (w *watcher) plug(ctx context.Context, f *follower, l link) {
	if f.port != nil && f.port.index != l.index {
		w.stations.remove(f.port.index)
		f.port.close()
		f.port = nil
	}
	if l.index == 0 {
		return
	}
	w.stations.set(l)
	if f.port != nil || ctx.Err() != nil {
		return
	}
	portContext, cancel := context.WithCancel(ctx)
	p := &port{name: f.name, index: l.index, close: cancel, watcher: w, problem: "the receive socket is not open yet"}
	f.port = p
	w.ports.Go(func() { p.run(portContext) })
}

func (w *watcher) describe(f *follower, l link) Link {
	described := Link{Name: f.name, Index: l.index, MTU: l.mtu, Up: l.up, Problem: "no such interface"}
	if f.port != nil {
		described.Problem = f.port.problem
		described.Listening = f.port.problem == ""
		described.Prefixes = w.own(l.index)
	}
	return described
}

// own lists the addresses that are the link's own, primary ones first.
func (w *watcher) own(index int) []netip.Prefix {
	var primary, secondary []netip.Prefix
	for _, a := range w.table.addresses[index] {
		switch {
		case a.tag == addressTag || w.virtual[a.local]:
		case a.secondary:
			secondary = append(secondary, a.prefix())
		default:
			primary = append(primary, a.prefix())
		}
	}
	return append(primary, secondary...)
}

// report takes what a port says of its receive socket: a problem, or "".
func (w *watcher) report(p *port, problem string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.problem = problem
	w.tell()
}
