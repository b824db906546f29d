// SPDX-License-Identifier: Apache-2.0

package pair

import (
	"context"
	"fmt"
	"sync"
	"time"

	"vipd/bench/figure"
)

// lookPeriod is how often the frames are looked at. Their times are the kernel's.
const lookPeriod = 20 * time.Millisecond

// Watch is what the LANs' hosts have been told, and by whom. Its times are since 1970.
type Watch struct {
	setting Setting
	lans    map[int]int     // by the index of our interface
	nodes   map[[6]byte]int // by MAC
	ring    *ring
	stop    chan struct{}
	stopped sync.WaitGroup

	mu sync.Mutex // guards the ledger
	ledger
}

func newWatch(s Setting, r *ring, lans map[int]int, nodes map[[6]byte]int) *Watch {
	w := &Watch{setting: s, lans: lans, nodes: nodes, ring: r, stop: make(chan struct{})}
	w.Forget()
	w.stopped.Go(w.run)
	return w
}

// Forget forgets who has the addresses.
func (w *Watch) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.look()
	w.ledger = newLedger(w.setting)
}

func (w *Watch) run() {
	ticker := time.NewTicker(lookPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.mu.Lock()
			w.look()
			w.mu.Unlock()
		case <-w.stop:
			return
		}
	}
}

// look reads the frames that have come.
func (w *Watch) look() { w.ring.read(w.see) }

func (w *Watch) see(at time.Duration, ifindex int, frame []byte) {
	lan, ours := w.lans[ifindex]
	m, known := decode(frame)
	node, ofNode := w.nodes[m.from]
	if !ours || !known || !ofNode {
		return
	}
	if !m.advert {
		if i, ok := w.setting.index(lan, m.address); ok {
			w.announced(i, node, at)
		}
		return
	}
	if r, ok := w.setting.router(lan, m.vrid); ok {
		w.advertised(r, node, at, m.priority)
	}
}

// Moved waits until a node is the last to have announced all addresses, and for so long
// nothing has changed, and returns how long after a moment the last change was. It is
// false when that was beyond the bound, or has not come.
func (w *Watch) Moved(ctx context.Context, to int, since time.Time, quiet, bound time.Duration) (time.Duration, bool) {
	ticker := time.NewTicker(lookPeriod)
	defer ticker.Stop()
	for time.Since(since) <= bound+quiet {
		w.mu.Lock()
		all, changed := w.held[to] == len(w.holders), time.Unix(0, int64(w.changed))
		w.mu.Unlock()
		if all && time.Since(changed) >= quiet {
			return changed.Sub(since), changed.Sub(since) <= bound
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return 0, false
		}
	}
	return 0, false
}

// AwaitAdvert waits until the better node advertises the first router once more. It is an
// error when it does not within Patience.
func (w *Watch) AwaitAdvert(ctx context.Context) error {
	before := w.lastAdvert()
	for began := time.Now(); time.Since(began) < Patience; {
		if err := Wait(ctx, time.Millisecond); err != nil {
			return err
		}
		if w.lastAdvert() != before {
			return nil
		}
	}
	return fmt.Errorf("no advert in %v", Patience)
}

func (w *Watch) lastAdvert() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.look()
	return w.routers[0].last[Better]
}

// Count is what has happened since the last call of Count or Forget.
func (w *Watch) Count() Count {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.look()
	return w.settle()
}

// Adverts tells how regular the better node's adverts are.
type Adverts struct {
	Jitter  [3]time.Duration // how far the time between two of a router's was from the interval: median, 99th percentile, maximum
	Longest time.Duration    // between two
}

// Adverts records for a time, in which nobody moves.
func (w *Watch) Adverts(ctx context.Context, span time.Duration) (Adverts, error) {
	room := w.setting.Routers * int(span/w.setting.Interval+1)
	w.record(make([]time.Duration, 0, 1+room))
	if err := Wait(ctx, span); err != nil {
		return Adverts{}, err
	}
	gaps := w.record(nil)
	if len(gaps) == 0 {
		return Adverts{}, fmt.Errorf("no adverts in %v", span)
	}
	return regularity(gaps, w.setting.Interval), nil
}

// regularity judges the times between adverts.
func regularity(gaps []time.Duration, interval time.Duration) (a Adverts) {
	deviations := make([]float64, len(gaps))
	for i, gap := range gaps {
		deviations[i] = float64(max(gap-interval, interval-gap))
		a.Longest = max(a.Longest, gap)
	}
	for i, p := range []float64{50, 99, 100} {
		a.Jitter[i] = time.Duration(figure.Percentile(deviations, p))
	}
	return a
}

// record has gaps recorded from now on, or no more, and returns those recorded before.
func (w *Watch) record(gaps []time.Duration) (before []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.look()
	before, w.gaps = w.gaps, gaps
	return before
}

// whole is an error when the kernel had no room for a frame since it was last asked: then
// nothing is true.
func (w *Watch) whole() error {
	lost, err := w.ring.dropped()
	if err == nil && lost > 0 {
		err = fmt.Errorf("the capture has lost %d frames", lost)
	}
	return err
}

// close ends the watch.
func (w *Watch) close() error {
	close(w.stop)
	w.stopped.Wait()
	return w.ring.close()
}
