// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/mdlayher/packet"

	"vipd/netif/backoff"
)

// newPause paces attempts to get what the kernel has refused.
func newPause() *backoff.Backoff {
	return &backoff.Backoff{First: 50 * time.Millisecond, Longest: 5 * time.Second}
}

// port is the sockets of one followed interface that exists. Its goroutines open
// them, because joining a group waits for RTNL, and close them.
type port struct {
	name    string
	index   int
	context context.Context // of its goroutines
	close   context.CancelFunc
	watcher *watcher
	ready   chan struct{} // closed when announcements can leave: nobody listens before
	ears    []*ear        // guarded by watcher.mu
}

// ear is the receive socket of one family.
type ear struct {
	family
	close   context.CancelFunc
	problem string // "": listening; guarded by watcher.mu
}

func newPort(ctx context.Context, name string, index int, w *watcher) *port {
	p := &port{name: name, index: index, watcher: w, ready: make(chan struct{})}
	p.context, p.close = context.WithCancel(ctx)
	return p
}

// listenTo opens the ears that are wanted and closes those that are not; what stays,
// stays open. It is called with watcher.mu held.
func (p *port) listenTo(i Interface) {
	v4, v6 := families()
	p.hear(v4, i.IPv4)
	p.hear(v6, i.IPv6)
}

func (p *port) hear(f family, wanted bool) {
	at := slices.IndexFunc(p.ears, func(e *ear) bool { return e.level == f.level })
	switch {
	case at >= 0 && !wanted:
		p.ears[at].close()
		p.ears = slices.Delete(p.ears, at, at+1)
	case at < 0 && wanted:
		earContext, cancel := context.WithCancel(p.context)
		e := &ear{f, cancel, "the receive socket for " + f.name + " is not open yet"}
		p.ears = append(p.ears, e)
		p.watcher.ports.Go(func() { p.keepListening(earContext, e, p.watcher.log.With("interface", p.name)) })
	}
}

// run makes the interface ready, and keeps the socket for announcements, and those for
// answers, until close.
func (p *port) run() {
	log := p.watcher.log.With("interface", p.name)
	// Else the kernel deletes the other addresses of a network with its primary one.
	putBack, err := promoteSecondaries(p.name)
	if err != nil {
		log.Warn("set promote_secondaries", "error", err)
	}
	defer putBack()
	if frames, err := p.openFrames(); err != nil {
		log.Error("no announcements on this interface", "error", err)
	} else {
		defer frames.Close()
	}
	close(p.ready)
	p.serveQuestions()
}

// serveQuestions listens for the answers of other hosts, until close.
func (p *port) serveQuestions() {
	askers := newAskers(p.index, p.watcher)
	p.watcher.stations.change(p.index, func(s *station) { s.askers = askers })
	var all sync.WaitGroup
	for _, a := range askers {
		all.Go(func() { a.run(p.context) })
	}
	all.Wait()
}

// keepListening opens a receive socket that fails again, until ctx ends.
func (p *port) keepListening(ctx context.Context, e *ear, log *slog.Logger) {
	select {
	case <-p.ready:
	case <-ctx.Done():
		return
	}
	pause := newPause()
	for {
		err := p.listen(ctx, e)
		if ctx.Err() != nil {
			return
		}
		log.Warn("receive socket failed, opening it again", "family", e.name, "error", err)
		p.watcher.report(e, e.name+": "+err.Error())
		if !pause.Wait(ctx) {
			return
		}
	}
}

// listen delivers packets until the socket fails or ctx ends.
func (p *port) listen(ctx context.Context, e *ear) error {
	r, err := openReceiver(ctx, p.name, p.index, e.family)
	if err != nil {
		return fmt.Errorf("open receive socket: %w", err)
	}
	defer r.close()
	stop := context.AfterFunc(ctx, r.close)
	defer stop()
	defer p.watcher.sockets.open(p.index, e.level, r.raw)()
	p.watcher.report(e, "")
	for {
		if err := r.read(p.watcher.events.Packet); err != nil {
			return fmt.Errorf("receive: %w", err)
		}
	}
}

// openFrames opens the socket that sends Ethernet frames. It receives none: its
// protocol is 0.
func (p *port) openFrames() (*packet.Conn, error) {
	conn, err := packet.Listen(netInterface(p.index), packet.Raw, 0, nil)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	p.watcher.stations.change(p.index, func(s *station) { s.frames = conn })
	return conn, nil
}

// promoteSecondaries sets the interface's setting; putBack undoes it, if the interface
// is still there.
func promoteSecondaries(name string) (putBack func(), err error) {
	path := "/proc/sys/net/ipv4/conf/" + name + "/promote_secondaries"
	before, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte("1"), 0o644)
	}
	return func() {
		if err == nil {
			_ = os.WriteFile(path, before, 0o644)
		}
	}, err
}
