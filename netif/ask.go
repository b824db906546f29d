// SPDX-License-Identifier: Apache-2.0

package netif

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	// askingTime is how long the socket for answers stays open after the last question.
	askingTime = 2 * time.Minute
	// maxAsked bounds the hosts on one link and of one family that are kept in mind. When
	// there are more all are forgotten, and asked by broadcast again.
	maxAsked = 1024
	// packetHost is PACKET_HOST of linux/if_packet.h: the frame is for this host alone.
	packetHost = 0
)

// errNotListening: nobody would hear the answer.
var errNotListening = errors.New("the socket for answers is not open")

// Question asks a host whether it is there: its kernel answers, whatever its programs do.
type Question struct {
	Link int // index of a followed interface; of a virtual link it is the parent's
	// Source is our own address, Target the host's: of one family. Over IPv6 both are
	// link-local, or of one prefix.
	Source, Target netip.Addr
	// Broadcast asks everybody, as if nothing were known of the host. Else the question
	// goes to where its last answer came from, if there was one.
	Broadcast bool
}

// Ask asks a host by an ARP request (RFC 826) or an NS (RFC 4861 §7.2.2). Its answer goes
// to [Events].Answered, which must be there; a host that has not answered may be gone, or
// may never answer. Ask returns at once, and never waits for room in a queue. An error
// says that the question did not leave, or that the answer would not be heard: silence
// means nothing then. The first question of all on a link only opens a socket.
func (h *Host) Ask(q Question) error {
	s := h.stations.get(q.Link)
	i := slices.IndexFunc(s.askers, func(a *asker) bool { return a.ipv4 == q.Target.Is4() })
	var err error
	switch {
	case s.hardware == nil:
		err = errors.New("it speaks neither ARP nor ND")
	case i < 0:
		err = errNotListening
	case q.Source.Is4() != q.Target.Is4():
		err = fmt.Errorf("%v is not of its family", q.Source)
	default:
		err = s.askers[i].ask(q, s.hardware)
	}
	if err != nil {
		return fmt.Errorf("ask for %v on %s: %w", q.Target, h.stations.nameOf(q.Link), err)
	}
	return nil
}

// asker asks hosts on one link, in one family.
type asker struct {
	link     int
	ipv4     bool
	stations *stations
	answered func(link int, target netip.Addr)
	log      *slog.Logger
	wake     chan struct{} // somebody asks, and the socket is not open

	mu    sync.Mutex   // guards what follows
	conn  *packet.Conn // nil: not open
	hosts map[netip.Addr]*asked
}

// asked is a host that was asked.
type asked struct {
	source   netip.Addr       // who has asked last
	open     bool             // and was not answered yet
	hardware net.HardwareAddr // that its last answer came from; nil: there was none
}

// newAskers makes the askers of a link.
func newAskers(link int, w *watcher) (all []*asker) {
	for _, ipv4 := range []bool{true, false} {
		all = append(all, &asker{
			link: link, ipv4: ipv4, stations: w.stations, answered: w.events.Answered, log: w.log,
			wake: make(chan struct{}, 1), hosts: make(map[netip.Addr]*asked),
		})
	}
	return all
}

// ask sends a question. Nobody else writes to the socket, so that there is no wait.
func (a *asker) ask(q Question, own net.HardwareAddr) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn == nil {
		wakeUp(a.wake)
		return errNotListening
	}
	host := a.host(q.Target)
	asks := question{target: q.Target, source: q.Source, hardware: host.hardware}
	if q.Broadcast {
		asks.hardware = nil
	}
	to, frame, err := asks.frame(own)
	if err != nil {
		return err
	}
	if err := a.conn.SetReadDeadline(time.Now().Add(askingTime)); err != nil {
		return err
	}
	host.source, host.open = q.Source, true
	return sendAtOnce(a.conn, a.link, to, frame)
}

// host is what is known of a host. It is called with mu held.
func (a *asker) host(target netip.Addr) *asked {
	host := a.hosts[target]
	if host == nil {
		if len(a.hosts) >= maxAsked {
			clear(a.hosts)
		}
		host = &asked{}
		a.hosts[target] = host
	}
	return host
}

// run listens for answers while there are questions, until ctx ends.
func (a *asker) run(ctx context.Context) {
	pause := newPause()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		}
		err := a.listen(ctx)
		if err == nil || ctx.Err() != nil || errors.Is(err, unix.ENODEV) { // that it has gone is told elsewhere
			continue
		}
		a.log.Warn("no answers of other hosts are heard", "interface", a.stations.nameOf(a.link), "error", err)
		if !pause.Wait(ctx) {
			return
		}
	}
}

// listen hears answers until the socket fails, nobody has asked for some time, or ctx
// ends.
func (a *asker) listen(ctx context.Context) error {
	filter, err := a.filter()
	if err != nil {
		return err
	}
	kind := etherType(netip.IPv6Unspecified())
	if a.ipv4 {
		kind = etherType(netip.IPv4Unspecified())
	}
	conn, err := packet.Listen(netInterface(a.link), packet.Raw, int(kind), &packet.Config{Filter: filter})
	if err != nil {
		return fmt.Errorf("open packet socket: %w", err)
	}
	defer conn.Close()
	defer a.use(nil)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := conn.SetReadDeadline(time.Now().Add(askingTime)); err != nil {
		return err
	}
	a.use(conn)
	frame := make([]byte, maxFrame)
	for {
		n, _, err := conn.ReadFrom(frame)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, unix.ENETDOWN): // the Link tells of that
			return nil
		case err != nil:
			return fmt.Errorf("listen: %w", err)
		}
		a.hear(frame[:n])
	}
}

// filter lets through what may be an answer, and is for this host alone. What others say
// to one another wakes nobody.
func (a *asker) filter() ([]bpf.RawInstruction, error) {
	forUs := condition{bpf.LoadExtension{Num: bpf.ExtType}, packetHost}
	if a.ipv4 {
		return passing(forUs, condition{bpf.LoadAbsolute{Off: operationARP, Size: 2}, replyARP})
	}
	return passing(append([]condition{forUs}, isNA()...)...)
}

// use says which socket there is.
func (a *asker) use(conn *packet.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conn = conn
}

// hear takes a frame that may be an answer. It counts once for each question, so that
// nobody can make us hear more than we ask for.
func (a *asker) hear(frame []byte) {
	c, ok := parseClaim(frame)
	if ok && c.reply && !a.stations.own(c.by) && a.conclude(c) {
		a.answered(a.link, c.address)
	}
}

// conclude tells whether a claim answers a question that is open.
func (a *asker) conclude(c claim) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	host := a.hosts[c.address]
	if host == nil || !host.open || host.source != c.to {
		return false
	}
	host.open = false
	if isStation(c.by) {
		host.hardware = slices.Clone(c.by)
	}
	return true
}

// isStation tells whether a hardware address is one host's: the lowest bit of the first
// byte makes it a group's.
func isStation(hardware net.HardwareAddr) bool { return hardware[0]&1 == 0 }
