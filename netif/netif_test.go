// SPDX-License-Identifier: Apache-2.0

package netif_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
	"vipd/netif"
)

func TestMain(m *testing.M) { lab.Main(m) }

// patience is how long a test waits for what must happen.
const patience = 5 * time.Second

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
	founds    []netif.Found
	contests  []string
	answers   []netip.Addr // to questions on eth0
	passings  []netif.PassingState
	counted   []netif.Connections
	passed    []netif.Passed
	onLink    func(netif.Link) // called within the event, as the next
	onHolding func(netif.Holding)
	log       bytes.Buffer
}

// start opens a host that follows the interfaces for both families, and waits until
// those that exist are up and listened to.
func start(t *testing.T, interfaces ...string) *record {
	t.Helper()
	return startWith(t, netif.Config{}, interfaces...)
}

func startWith(t *testing.T, c netif.Config, interfaces ...string) *record {
	t.Helper()
	r := &record{changed: make(chan struct{})}
	for _, name := range interfaces {
		c.Interfaces = append(c.Interfaces, netif.Interface{Name: name, IPv4: true, IPv6: true})
	}
	if c.Virtual == nil {
		for _, f := range []family{v4(), v6()} {
			c.Virtual = append(c.Virtual, netip.MustParseAddr(f.virtual), netip.MustParseAddr(f.other))
		}
	}
	c.Events = netif.Events{Link: r.link, Packet: r.packet, Holding: r.holding, Found: r.found, Contested: r.contest, Answered: r.answer, Passing: r.passing, Connections: r.connections, Passed: r.passedOn}
	c.Log = slog.New(slog.NewTextHandler(lockedWriter{r}, nil))
	var err error
	r.Host, err = netif.Open(c)
	labtest.Must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.cancel = cancel
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { labtest.Must(t, r.stop()) })
	for _, name := range interfaces {
		r.awaitLink(t, name, func(l netif.Link) bool { return l.Index == 0 || listening(l) && l.Up })
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

func (r *record) found(f netif.Found) { r.note(func() { r.founds = append(r.founds, f) }) }

func (r *record) contest(key string) { r.note(func() { r.contests = append(r.contests, key) }) }

func (r *record) answer(_ int, target netip.Addr) {
	r.note(func() { r.answers = append(r.answers, target) })
}

func (r *record) passing(s netif.PassingState) {
	r.note(func() { r.passings = append(r.passings, s) })
}

func (r *record) passedOn(p netif.Passed) {
	r.note(func() { r.passed = append(r.passed, p) })
}

func (r *record) connections(c netif.Connections) {
	r.note(func() { r.counted = append(r.counted, c) })
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

func listening(l netif.Link) bool { return l.ListeningIPv4 && l.ListeningIPv6 }

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
	return r.setKey(t, "web", w)
}

func (r *record) setKey(t *testing.T, key string, w netif.Want) netif.Holding {
	t.Helper()
	_, _, n := r.counts()
	r.Set(key, w)
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

// on wants addresses on a link.
func on(link int, prefixes ...string) (wanted []netif.Address) {
	for _, text := range prefixes {
		wanted = append(wanted, netif.Address{Link: link, Prefix: netip.MustParsePrefix(text)})
	}
	return wanted
}

// send sends, and joins what failed.
func (r *record) send(batch []netif.Datagram) error {
	var all []error
	r.Send(batch, func(_ int, err error) { all = append(all, err) })
	return errors.Join(all...)
}
