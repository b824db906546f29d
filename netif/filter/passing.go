// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"
)

const (
	// PassTime is how long a [Filter.Pass] counts. The kernel counts, too: it forgets
	// whom to pass on to when this process has ended.
	PassTime = 4 * time.Second
	// refreshPause is how often the kernel is told that it goes on: once for all keys.
	refreshPause = 500 * time.Millisecond
	// askAgain is when to look again for a hardware address that was not known: the
	// kernel has asked for it meanwhile.
	askAgain = 20 * time.Millisecond
)

// Passing says what is passed on, and to whom.
type Passing struct {
	// Addresses are those whose segments are passed on. Of another family than the
	// target's, and link-local ones, are left out.
	Addresses []netip.Addr
	Target    netip.Addr // a neighbour's own address; zero: nobody
	Link      int        // index of the interface that it is a neighbour on
}

// PassingState says what is true of the passing of one key.
type PassingState struct {
	Key    string
	Target netip.Addr // zero: nothing is passed on
	Err    error      // why not; nil: it is not wanted, or no longer
}

// passing is the latest word on one key.
type passing struct {
	Passing
	until time.Time
	done  chan struct{} // closed when the kernel has been told, or it failed
}

// target is a node that segments are passed on to.
type target struct {
	address netip.Addr
	link    int
}

// passed is one address whose segments are passed on.
type passed struct {
	target
	until time.Time
}

// OnPassing makes report be told of each key whose [PassingState] has changed. It is
// called before [Filter.Run], which calls report from a goroutine of its own.
func (f *Filter) OnPassing(report func(PassingState)) { f.report = report }

// Pass says to whom the segments to the addresses of key are passed on, for [PassTime]
// from now; the latest word wins. It returns at once; [Filter.Run] does the work, and
// tells by [Filter.OnPassing] what became of it.
func (f *Filter) Pass(key string, p Passing) {
	p.Addresses = p.passable()
	p.Target = p.Target.WithZone("")
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ip := range p.Addresses {
		delete(f.inherited, ip)
	}
	until := time.Now().Add(PassTime)
	if last := f.passings[key]; last != nil && last.same(p) {
		last.until = until // the next refresh takes it along
		return
	}
	f.passings[key] = &passing{Passing: p, until: until, done: make(chan struct{})}
	f.wakeUp()
}

func (p Passing) same(q Passing) bool {
	return p.Target == q.Target && p.Link == q.Link && slices.Equal(p.Addresses, q.Addresses)
}

// passable are the addresses that can be passed on to the target; to nobody, those that
// could be to anybody.
func (p Passing) passable() (all []netip.Addr) {
	for _, ip := range plain(p.Addresses) {
		if !ip.IsLinkLocalUnicast() && (!p.Target.IsValid() || ip.Is4() == p.Target.Is4()) {
			all = append(all, ip)
		}
	}
	return all
}

// AwaitPassing waits until the kernel has been told of the last [Filter.Pass] of key, or
// it failed; at once if there was none.
func (f *Filter) AwaitPassing(ctx context.Context, key string) {
	for {
		f.mu.Lock()
		p := f.passings[key]
		f.mu.Unlock()
		if p == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-p.done:
		}
		f.mu.Lock()
		last := f.passings[key] == p || f.passings[key] == nil
		f.mu.Unlock()
		if last {
			return
		}
	}
}

// PassedTo is whom segments to one of the addresses are passed on to, perhaps by a run
// before us; zero: to nobody.
func (f *Filter) PassedTo(addresses []netip.Addr) netip.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for _, ip := range addresses {
		if p, ok := f.inherited[ip]; ok && now.Before(p.until) {
			return p.address
		}
		for _, p := range f.passings {
			if p.Target.IsValid() && now.Before(p.until) && slices.Contains(p.Addresses, ip) {
				return p.Target
			}
		}
	}
	return netip.Addr{}
}

// wantedPassings are those that count now.
func (f *Filter) wantedPassings(now time.Time) (map[string]passing, map[netip.Addr]passed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wanted, addresses := make(map[string]passing), make(map[netip.Addr]passed)
	for ip, p := range f.inherited {
		if now.Before(p.until) {
			addresses[ip] = p
		} else {
			delete(f.inherited, ip)
		}
	}
	for key, p := range f.passings {
		word := *p
		if !p.Target.IsValid() || !now.Before(p.until) {
			delete(f.passings, key)
			word.Target = netip.Addr{}
		}
		wanted[key] = word
	}
	return wanted, addresses
}

// pass makes the kernel pass on what is wanted, and tells what became of it. It returns
// when to look again; zero: there is no need.
func (f *Filter) pass(again bool) (next time.Time) {
	now := time.Now()
	wanted, addresses := f.wantedPassings(now)
	if len(wanted) == 0 && len(addresses) == 0 && !f.passes() {
		return next
	}
	errs := f.screen(wanted, addresses)
	failed, unknown := f.applyPassing(addresses, now, again)
	for key, p := range wanted {
		if errs[key] == nil && p.Target.IsValid() {
			errs[key] = failed[p.Target.Is4()]
		}
		p.conclude()
		f.tell(key, p.Target, errs[key])
	}
	switch {
	case unknown:
		return now.Add(askAgain)
	case len(wanted) > 0 || len(addresses) > 0:
		return now.Add(refreshPause)
	}
	return next
}

// conclude lets whoever waits go on.
func (p passing) conclude() {
	select {
	case <-p.done:
	default:
		close(p.done)
	}
}

// screen adds to addresses what can be passed on for the keys, and returns why not for
// the others. Nothing can be where early demux is off.
func (f *Filter) screen(wanted map[string]passing, addresses map[netip.Addr]passed) map[string]error {
	errs := make(map[string]error)
	disabled := errors.Join(f.unable, earlyDemux())
	if disabled != nil {
		clear(addresses)
	}
	for key, p := range wanted {
		if !p.Target.IsValid() {
			continue
		}
		to := target{p.Target, p.Link}
		if errs[key] = disabled; disabled == nil {
			errs[key] = errors.Join(f.neighbors.check(to), f.withoutHints(p.Target.Is4()))
		}
		if errs[key] != nil {
			continue
		}
		for _, ip := range p.Addresses {
			addresses[ip] = passed{to, p.until}
		}
	}
	return errs
}

// applyPassing brings both families' tables up to date. failed says, by whether the
// family is IPv4, what failed; unknown, that a target's hardware address is not known yet.
func (f *Filter) applyPassing(addresses map[netip.Addr]passed, now time.Time, again bool) (failed map[bool]error, unknown bool) {
	failed = make(map[bool]error)
	for _, t := range f.passTables {
		content := content{now: now}
		for ip, p := range addresses {
			if ip.Is4() == t.isIPv4() {
				content.add(ip, p)
			}
		}
		content.hardware, unknown = f.neighbors.hardware(content.targets(), unknown)
		failed[t.isIPv4()] = t.apply(f.kernel, &content, again)
	}
	return failed, unknown
}

// passes tells whether the kernel has a table for it.
func (f *Filter) passes() bool {
	return slices.ContainsFunc(f.passTables, func(t *passTable) bool { return t.there })
}

// tell reports what has changed.
func (f *Filter) tell(key string, to netip.Addr, err error) {
	if err != nil {
		to = netip.Addr{}
	}
	before := f.told[key]
	now := PassingState{Key: key, Target: to, Err: err}
	if before.Target == to && (before.Err == nil) == (err == nil) {
		return
	}
	f.told[key] = now
	if f.report != nil {
		f.report(now)
	}
}
