// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vipd/netif/filter"
)

// finishTime bounds how long Run goes on for deletions after its context ended.
const finishTime = 2 * time.Second

// Events is whom a [Host] tells. It calls from its own goroutines, each function
// from one at a time per link (Packet) or altogether (Link, Holding, Found, Passing), but
// Contested, Answered and Connections. They must not block for long: what follows waits.
type Events struct {
	Link    func(Link)
	Packet  func(Packet)
	Holding func(Holding)
	// Found answers a [Host.Find]; it is required if there is one.
	Found func(Found)
	// Contested is told of a key whose [Host.Probe] another host has answered, at most
	// once for each; it is required if there is one.
	Contested func(key string)
	// Answered is told of a host that has answered a [Host.Ask], once for each; it is
	// required if there is one.
	Answered func(link int, target netip.Addr)
	// Passing is told when the [PassingState] of a key has changed; it is required if
	// there is a [Host.Pass].
	Passing func(PassingState)
	// Connections answers a [Host.Count], each from a goroutine of its own; it is
	// required if there is one.
	Connections func(Connections)
	// Passed answers a [Host.CountPassed]; it is required if there is one.
	Passed func(Passed)
}

// Config is the configuration of a [Host].
type Config struct {
	Followed
	Events Events // Link, Packet and Holding are required
	Log    *slog.Logger
}

// Followed is what a [Host] follows. It may change while the host runs.
type Followed struct {
	// Interfaces are those to follow. None of them needs to exist.
	Interfaces []Interface
	// Virtual are the addresses that no Link shows as the interface's own.
	Virtual []netip.Addr
	// VirtualLinks are the interfaces that a [Want] may name. Their parents are
	// followed.
	VirtualLinks []VirtualLink
	// Refuse are addresses that packets are not accepted for, except ND.
	Refuse []netip.Addr
	// Routes tells that a [Want] may have some: then they are followed, too.
	Routes bool
}

// Host is the network side of this host, in the network namespace it was opened
// in. The process must stay in that namespace.
type Host struct {
	stations  *stations
	sender    *sender
	filter    *filter.Filter
	watcher   *watcher
	keeper    *keeper
	announcer *announcer
	prober    *prober
	passer    *passer
}

// Open opens the sockets that all links share. It fails when the process may not
// do what the package needs (CAP_NET_ADMIN, CAP_NET_RAW); the error then wraps
// [os.ErrPermission]. [Host.Run] must follow: it closes them.
func Open(c Config) (*Host, error) {
	stations := &stations{byIndex: make(map[int]station)}
	sender, err := openSender(stations)
	if err != nil {
		return nil, fmt.Errorf("open send socket (needs CAP_NET_RAW): %w", err)
	}
	h, err := openHost(c, stations)
	if err != nil {
		sender.close()
		return nil, err
	}
	h.sender = sender
	return h, nil
}

// openHost opens what is done by netlink.
func openHost(c Config, stations *stations) (*Host, error) {
	writer, err := openWriter()
	if err != nil {
		return nil, fmt.Errorf("open netlink (needs CAP_NET_ADMIN): %w", err)
	}
	h := &Host{stations: stations}
	notifications, err := subscribe(c.Routes)
	if err != nil {
		writer.close()
		return nil, fmt.Errorf("subscribe to netlink: %w", err)
	}
	virtual, err := openVirtualLinks(stations, c.VirtualLinks)
	if err == nil {
		h.keeper = newKeeper(writer, virtual, stations.nameOf, c)
		if err := h.keeper.releaseDrained(c.Virtual); err != nil {
			c.Log.Warn("release what a run before has left", "error", err)
		}
		if h.filter, err = filter.Open(c.Refuse, c.Log); err != nil {
			virtual.handle.Close()
		}
	}
	if err != nil {
		writer.close()
		notifications.close()
		return nil, err
	}
	h.filter.OnPassing(func(s filter.PassingState) { c.Events.Passing(PassingState(s)) })
	h.passer = newPasser(c.Events)
	h.keeper.silence, h.keeper.filter = h.filter.Silence, h.filter
	h.announcer = newAnnouncer(h.keeper.holds, stations, c.Log)
	h.prober = newProber(stations, c)
	h.watcher = newWatcher(c, notifications, stations, h.keeper, h.announcer)
	return h, nil
}

// openWriter opens the socket that changes addresses, and makes sure that it may.
func openWriter() (*rtnl, error) {
	c, err := openRTNL()
	if err != nil {
		return nil, err
	}
	if err := c.boundWait(); err != nil {
		c.close()
		return nil, fmt.Errorf("bound the wait: %w", err)
	}
	// The kernel looks at the permission first, then sees that there is no link 0.
	probe := []change{{verb: remove, prefix: netip.PrefixFrom(netip.IPv4Unspecified(), 32)}}
	if c.apply(probe); errors.Is(probe[0].err, unix.EPERM) {
		c.close()
		return nil, fmt.Errorf("change addresses: %w", probe[0].err)
	}
	return c, nil
}

// Run does the work until ctx ends. Then it finishes the deletions that were asked
// for and of what drains, removes the virtual links and the packet filter, for at most two seconds, and
// closes everything. It is called once.
//
// What is held with a lease and not asked to be deleted stays until its lease ends,
// unless it is on a virtual link. After [Host.Keep] nothing is removed at all.
func (h *Host) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, run := range []func(context.Context){h.watcher.run, h.announcer.run, h.prober.run} {
		all.Go(func() { run(ctx) })
	}
	deleted, filterEnds := context.WithCancel(context.WithoutCancel(ctx))
	all.Go(func() { h.filter.Run(deleted) })
	all.Go(func() { // what goes is silent to its end
		defer filterEnds()
		h.keeper.run(ctx)
	})
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	<-ctx.Done()
	defer h.sender.close()
	limit := time.NewTimer(finishTime)
	defer limit.Stop()
	select {
	case <-ended:
		return nil
	case <-limit.C:
		return fmt.Errorf("the kernel did not finish the deletions within %v", finishTime)
	}
}

// Send sends the batch and returns at once. It tries every datagram, and calls failed
// with the position and the error of each that did not leave. One goroutine at a time
// may call it. In the steady state it allocates nothing.
func (h *Host) Send(batch []Datagram, failed func(i int, err error)) { h.sender.send(batch, failed) }

// Follow changes what is followed; the latest word wins. What is followed already goes
// on undisturbed. It returns at once; a [Link] of each interface that is new is told.
func (h *Host) Follow(f Followed) {
	h.keeper.follow(f.VirtualLinks)
	h.filter.Refuse(f.Refuse)
	h.watcher.want(f)
}

// Set says what is wanted of the addresses of key; the latest word wins. Each Set
// is answered by a [Holding], but a later one before the answer may be answered
// together with it. It returns at once. The keys that were ever set are kept.
func (h *Host) Set(key string, w Want) {
	h.follow(key, w) // first: the keeper waits for it
	h.keeper.set(key, w)
}

// Renew renews the lease of what key holds, to be called with each packet that
// claims it. It returns at once; calls in quick succession count as one. What is not
// held is not renewed: an expired lease stays expired until the next Set.
func (h *Host) Renew(key string) { h.keeper.renew(key) }

// Announce sends one gratuitous ARP or unsolicited NA for each address that key holds,
// or for some of them only. It returns at once. An address that is no longer held when
// its turn comes, or silent, is left out.
func (h *Host) Announce(key string, only ...netip.Addr) { h.announcer.announce(key, only...) }
