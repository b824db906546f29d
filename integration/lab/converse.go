// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// ConversationTick is what the period of conversations is a multiple of.
	ConversationTick = time.Millisecond

	spell = 100 * time.Millisecond
	// answerPatience is longer than a retransmission waits that comes after who was passed
	// to has been given up: TCP doubles its pauses.
	answerPatience = 10 * time.Second
	// dialing is how many conversations begin at once.
	dialing = 32
)

// conversation is one client.
type conversation struct {
	conn   net.Conn
	server string
	asked  atomic.Int64 // nanoseconds since the epoch of the clients; 0: no answer is due
	over   atomic.Bool  // it has ended
}

// clients are all conversations of a process.
type clients struct {
	server string
	period time.Duration
	all    []*conversation
	epoch  time.Time

	mu    sync.Mutex // guards what follows
	lines *json.Encoder
	spell Spell // the current one
}

// converse is the process of conversations. Its argument is the server, their number and
// the period.
func converse(arg string, out io.Writer, stop <-chan struct{}) error {
	c := &clients{lines: json.NewEncoder(out), epoch: time.Now()}
	if err := c.parse(arg); err != nil {
		return err
	}
	if err := c.begin(); err != nil {
		return err
	}
	servers := make(map[string]int)
	for _, one := range c.all {
		servers[one.server]++
	}
	c.lines.Encode(conversationLine{Servers: servers})
	for _, one := range c.all {
		go c.listen(one)
	}
	go pace(spell, stop, c.report)
	tick := 0
	return pace(ConversationTick, stop, func() {
		c.talk(tick)
		tick++
	})
}

func (c *clients) parse(arg string) error {
	var period string
	var count int
	if _, err := fmt.Sscan(arg, &c.server, &count, &period); err != nil {
		return fmt.Errorf("%q is not an address, a number and a period: %w", arg, err)
	}
	var err error
	c.period, err = time.ParseDuration(period)
	if err == nil && (count < 1 || c.period < ConversationTick) {
		err = fmt.Errorf("%d conversations each %v: want at least one, and %v", count, c.period, ConversationTick)
	}
	c.all = make([]*conversation, max(0, count))
	return err
}

// begin begins all conversations.
func (c *clients) begin() error {
	var group sync.WaitGroup
	slots, errs := make(chan struct{}, dialing), make([]error, len(c.all))
	for i := range c.all {
		slots <- struct{}{}
		group.Go(func() {
			c.all[i], errs[i] = meet(c.server)
			<-slots
		})
	}
	group.Wait()
	return cmp.Or(errs...)
}

// meet begins a conversation.
func meet(server string) (*conversation, error) {
	header := "Connection: Upgrade\r\nUpgrade: " + echoProtocol + "\r\n"
	conn, early, name, err := ask(server, echoPath, header, http.StatusSwitchingProtocols)
	if err != nil {
		return nil, err
	}
	if early.Buffered() > 0 {
		return nil, errors.Join(fmt.Errorf("%s speaks without being asked", name), conn.Close())
	}
	return &conversation{conn: conn, server: name}, nil
}

// talk has those ask whose turn it is.
func (c *clients) talk(tick int) {
	turns := int(c.period / ConversationTick)
	for i := tick % turns; i < len(c.all); i += turns {
		c.ask(c.all[i])
	}
}

func (c *clients) ask(one *conversation) {
	switch waited := c.waited(one); {
	case one.over.Load():
	case waited > answerPatience:
		c.end(one, os.ErrDeadlineExceeded)
	case waited == 0:
		one.asked.Store(int64(time.Since(c.epoch)))
		_, err := one.conn.Write(make([]byte, numberLen))
		if err != nil && !errors.Is(err, syscall.EPIPE) { // then listen has heard why
			c.end(one, err)
		}
	}
}

// waited is for how long an answer is due. It is 0 when none is.
func (c *clients) waited(one *conversation) time.Duration {
	asked := one.asked.Load()
	if asked == 0 {
		return 0
	}
	return time.Since(c.epoch) - time.Duration(asked)
}

// listen takes the answers.
func (c *clients) listen(one *conversation) {
	message := make([]byte, numberLen)
	for {
		if _, err := io.ReadFull(one.conn, message); err != nil {
			c.end(one, err)
			return
		}
		waited := c.waited(one)
		one.asked.Store(0)
		c.mu.Lock()
		c.spell.Answered++
		c.spell.Worst = max(c.spell.Worst, waited)
		c.mu.Unlock()
	}
}

// end tells of a conversation that is broken, once.
func (c *clients) end(one *conversation, why error) {
	b := Break{At: time.Now(), Server: one.server, Waited: c.waited(one), Reason: reason(why)}
	if !one.over.CompareAndSwap(false, true) {
		return
	}
	one.conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines.Encode(conversationLine{Break: &b})
}

// reason is an error in a word or two.
func reason(err error) string {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "EOF"
	}
	return strings.TrimSpace(err.Error())
}

// report ends a spell.
func (c *clients) report() {
	var waiting time.Duration
	for _, one := range c.all {
		if !one.over.Load() {
			waiting = max(waiting, c.waited(one))
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spell.Worst, c.spell.End = max(c.spell.Worst, waiting), time.Now()
	c.lines.Encode(conversationLine{Spell: &c.spell})
	c.spell = Spell{}
}
