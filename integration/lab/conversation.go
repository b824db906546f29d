// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Conversations are clients that keep their connections, in a process of their own: each
// sends a few bytes at every period, and waits for them to come back from a [Backend].
type Conversations struct {
	*helper
	servers map[string]int

	mu     sync.Mutex // guards what follows
	spells []Spell    // in their order
	breaks []Break    // in their order
}

// Spell is what all conversations did in a tenth of a second.
type Spell struct {
	End      time.Time     `json:"end"`
	Answered int           `json:"answered"`
	Worst    time.Duration `json:"worst"` // of the answered ones, and of those that still wait at the end
}

// Break is the end of a connection that should have gone on.
type Break struct {
	At     time.Time     `json:"at"`
	Server string        `json:"server"` // the host that had the connection
	Waited time.Duration `json:"waited"` // for the answer; 0: none was due
	Reason string        `json:"reason"` // the errno's text; "EOF": it was closed
}

// conversationLine is what the process says: one of its fields.
type conversationLine struct {
	Servers map[string]int `json:"servers,omitempty"` // first, when all have begun
	Spell   *Spell         `json:"spell,omitempty"`
	Break   *Break         `json:"break,omitempty"`
}

// StartConversations begins conversations with the server, from inside n, and waits until
// each has had its first answer. In each period, of at least [ConversationTick], each of
// them sends once; the clients of one tick send at once. One that has no answer after ten
// seconds is broken. None is begun again.
func StartConversations(n *Namespace, server netip.AddrPort, count int, period time.Duration) (*Conversations, error) {
	var first conversationLine
	h, err := startReporter(n, "conversations", fmt.Sprint(server, " ", count, " ", period), &first)
	if err != nil {
		return nil, fmt.Errorf("with %v: %w", server, err)
	}
	c := &Conversations{helper: h, servers: first.Servers}
	go follow(h, c.add)
	return c, nil
}

func (c *Conversations) add(line conversationLine) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.spells) == maxSamples {
		return errFull
	}
	if line.Spell != nil {
		c.spells = append(c.spells, *line.Spell)
	}
	if line.Break != nil {
		c.breaks = append(c.breaks, *line.Break)
	}
	return nil
}

// Servers is how many conversations began with each host.
func (c *Conversations) Servers() map[string]int { return maps.Clone(c.servers) }

// Spells are those that ended after a moment.
func (c *Conversations) Spells(after time.Time) []Spell {
	c.mu.Lock()
	defer c.mu.Unlock()
	first, _ := slices.BinarySearchFunc(c.spells, after, func(s Spell, t time.Time) int {
		if s.End.After(t) {
			return 1
		}
		return -1
	})
	return slices.Clone(c.spells[first:])
}

// Broken are the conversations that ended until now.
func (c *Conversations) Broken() []Break {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.breaks)
}

// Worst is the longest exchange of spells.
func Worst(spells []Spell) time.Duration {
	var worst time.Duration
	for _, s := range spells {
		worst = max(worst, s.Worst)
	}
	return worst
}
