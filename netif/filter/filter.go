// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink/nl"
)

// finishTime bounds how long Run goes on after its context ended.
const finishTime = 2 * time.Second

// Filter keeps our tables in the kernel.
type Filter struct {
	log           *slog.Logger
	kernel        *kernel
	notifications *nl.NetlinkSocket
	tables        []*table // those that the kernel can have; none: there is nothing to do
	passTables    []*passTable
	neighbors     *neighbors
	hintless      map[bool]bool // by whether the family is IPv4: see withoutHints
	unable        error         // to have neighbors
	report        func(PassingState)
	told          map[string]PassingState // and no more than that is known
	wake          chan struct{}

	counting sync.Mutex // guards what follows
	counter  kernel     // for Counters: it does not wait for transactions

	mu      sync.Mutex // guards what follows
	refuse  []netip.Addr
	silent  map[string][]netip.Addr
	own     map[string]map[netip.Addr]netip.Addr
	keep    bool   // the tables stay at the end
	spoiled string // why the tables must be made again; "": they need not

	passings  map[string]*passing
	inherited map[netip.Addr]passed // from a run before us
}

// ErrNoARP: nothing keeps the kernel from answering ARP for an address that drains.
var ErrNoARP = errors.New("no address can drain without nftables' arp family")

// Open makes the tables, in the place of what a run before has left: each in one
// transaction, so that nothing is let through in between. What that run passes on goes
// on until its time is over. [Filter.Run] must follow.
//
// It fails when there are addresses to refuse and it can't refuse them. The error wraps
// [os.ErrPermission] without CAP_NET_ADMIN. With nothing to refuse it never fails: it
// logs one warning, and what it can't silence will not be silenced.
func Open(refuse []netip.Addr, log *slog.Logger) (*Filter, error) {
	f := &Filter{
		log:        log,
		kernel:     &kernel{},
		passTables: []*passTable{newPassTable(nftables.TableFamilyIPv4), newPassTable(nftables.TableFamilyIPv6)},
		told:       make(map[string]PassingState),
		hintless:   make(map[bool]bool),
		wake:       make(chan struct{}, 1),
		silent:     make(map[string][]netip.Addr),
		own:        make(map[string]map[netip.Addr]netip.Addr),
		passings:   make(map[string]*passing),
		inherited:  make(map[netip.Addr]passed),
	}
	refuse = plain(refuse)
	f.refuse = refuse
	inet := inetTable(refuse)
	err := f.open(inet, arpTable())
	if len(refuse) > 0 && !slices.Contains(f.tables, inet) {
		f.remove()
		return nil, fmt.Errorf("refuse packets to %d addresses: %w", len(refuse), err)
	}
	if err != nil {
		log.Warn("not every virtual address can be silenced while it is handed over", "error", err)
	}
	return f, nil
}

// open connects, subscribes and makes what can be made.
func (f *Filter) open(tables ...*table) (err error) {
	if f.neighbors, f.unable = openNeighbors(); f.unable != nil {
		f.log.Warn("nothing can be passed on", "error", f.unable)
	}
	if err = f.kernel.open(); err != nil {
		return err
	}
	if f.notifications, err = subscribe(); err != nil {
		return err
	}
	var errs []error
	for _, t := range tables {
		if err := t.make(f.kernel, nil); err != nil {
			errs = append(errs, err)
			continue
		}
		f.tables = append(f.tables, t)
	}
	f.inherit()
	return errors.Join(errs...)
}

// inherit takes over what a run before us passes on.
func (f *Filter) inherit() {
	for _, t := range f.passTables {
		all, err := t.inherit(f.kernel)
		if err != nil {
			f.log.Warn("what a run before passes on ends", "error", err)
		}
		maps.Copy(f.inherited, all)
		if t.there {
			f.wakeUp()
		}
	}
}

// Run keeps the tables, also when somebody else removes or changes them, until ctx
// ends; then it removes them, unless they are to stay. It returns within two seconds of
// that, even when the kernel takes longer. It is called once.
func (f *Filter) Run(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.run(ctx)
	}()
	<-ctx.Done()
	limit := time.NewTimer(finishTime)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
		f.log.Warn("nftables tables are still being removed", "after", finishTime)
	}
}

func (f *Filter) run(ctx context.Context) {
	defer f.remove()
	var watching sync.WaitGroup
	defer watching.Wait()
	if f.notifications != nil {
		watching.Go(func() { f.watch(ctx) })
	}
	f.work(ctx)
}

// Silence says for which addresses of key the host's ARP and ND must be silent; the
// latest word wins, none ends it. An address is silent as long as any key says so. It
// returns at once; [Filter.Run] does the work.
//
// It is for moments: the kernel can't ask for a neighbour in the name of such an
// address either, so that after some seconds it may lose one that it already knew.
func (f *Filter) Silence(key string, addresses []netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(addresses) > 0 {
		f.silent[key] = slices.Clone(addresses)
	} else {
		delete(f.silent, key)
	}
	f.wakeUp()
}

// Drain says which addresses of key drain, each with an address of the host's own; the
// latest word wins, none ends it. For those of IPv4 no ARP is answered, and the kernel
// asks for neighbours in the name of the own address instead, so that nobody learns from
// it where the address is. Of IPv6 there are none: the kernel speaks for no address on
// the loopback interface. It returns at once; [Filter.Run] does the work.
func (f *Filter) Drain(key string, own map[netip.Addr]netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(own) > 0 {
		f.own[key] = maps.Clone(own)
	} else {
		delete(f.own, key)
	}
	f.wakeUp()
}

// CanDrain is [ErrNoARP] when [Filter.Drain] would do nothing.
func (f *Filter) CanDrain() error {
	if !slices.ContainsFunc(f.tables, func(t *table) bool { return t.own != nil }) {
		return ErrNoARP
	}
	return nil
}

// Refuse says which addresses to refuse packets to from now on; the latest word wins.
// It returns at once; [Filter.Run] does the work, in one transaction, and tries again
// what fails.
func (f *Filter) Refuse(addresses []netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = plain(addresses)
	if len(f.tables) == 0 && len(f.refuse) > 0 {
		f.log.Error("packets can't be refused without nftables", "addresses", len(f.refuse))
	}
	f.wakeUp()
}

// Keep lets the tables stay when Run ends.
func (f *Filter) Keep() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keep = true
}

// spoil has the tables made again.
func (f *Filter) spoil(reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoiled = reason
	f.wakeUp()
}

// wakeUp makes work look again.
func (f *Filter) wakeUp() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// work is the only one to change the tables, until ctx ends. It makes them again at
// once, but slower and slower when somebody does not cease to change them.
func (f *Filter) work(ctx context.Context) {
	pause := newPause()
	var next <-chan time.Time // when what is passed on must be looked at
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-next:
		}
		w := f.wanted()
		if w.spoiled != "" {
			f.log.Warn("making the nftables tables again", "reason", w.spoiled)
		}
		err := f.apply(w)
		if err != nil {
			f.spoil(err.Error())
		}
		next = nil
		if at := f.pass(w.spoiled != ""); !at.IsZero() {
			next = time.After(time.Until(at))
		}
		if (err != nil || w.spoiled != "") && !pause.Wait(ctx) {
			return
		}
	}
}

// wanted is what the tables that are always there shall do.
type wanted struct {
	refuse, silent []netip.Addr
	own            map[netip.Addr]netip.Addr
	spoiled        string
}

func (f *Filter) wanted() wanted {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := wanted{refuse: f.refuse, own: make(map[netip.Addr]netip.Addr), spoiled: f.spoiled}
	for _, addresses := range f.silent {
		w.silent = append(w.silent, addresses...)
	}
	w.silent = plain(w.silent)
	for _, own := range f.own {
		maps.Copy(w.own, own)
	}
	f.spoiled = ""
	return w
}

// apply changes the sets whose contents differ, or makes tables again: all, or the one
// that refuses others than it should, or speaks for others.
func (f *Filter) apply(w wanted) error {
	var errs []error
	for _, t := range f.tables {
		addresses := t.of(w.silent)
		if t.adopt(w) || w.spoiled != "" {
			errs = append(errs, t.make(f.kernel, addresses))
		} else if !slices.Equal(addresses, t.silenced) {
			errs = append(errs, t.silence(f.kernel, addresses))
		}
	}
	return errors.Join(errs...)
}

// leaving lists the tables that go at the end.
func (f *Filter) leaving() (all []named) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keep {
		return nil
	}
	for _, t := range f.tables {
		all = append(all, t.named)
	}
	for _, t := range f.passTables {
		if t.there {
			all = append(all, t.named)
		}
	}
	return all
}

// remove removes the tables that go, and closes what is open.
func (f *Filter) remove() {
	for _, t := range f.leaving() {
		if err := t.remove(f.kernel); err != nil {
			f.log.Warn("nftables table stays behind", "error", err)
		}
	}
	f.kernel.close()
	f.endCounting()
	f.neighbors.close()
	if f.notifications != nil {
		f.notifications.Close()
	}
}

// plain sorts addresses and leaves out what nftables doesn't know: zones, IPv4 in
// IPv6, doubles.
func plain(addresses []netip.Addr) []netip.Addr {
	all := make([]netip.Addr, 0, len(addresses))
	for _, a := range addresses {
		if a.IsValid() {
			all = append(all, a.Unmap().WithZone(""))
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}
