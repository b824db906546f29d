// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Why a command is refused, or did not do what it was to. The errors that Daemon's
// commands return wrap one of these, ErrNotRunning, or the context's.
var (
	ErrUnknownRouter  = errors.New("unknown router")
	ErrInvalid        = errors.New("not valid")
	ErrNotNow         = errors.New("not possible now")
	ErrNobodyTookOver = errors.New("nobody took over")
)

// commandMargin is added to the longest advert interval for which a command may last.
const commandMargin = time.Second

// command is something that a person asked the loop for.
type command struct {
	ctx    context.Context // when it ends, nobody waits for the answer
	begin  func() (progress, error)
	drains bool // it waits for connections to end, which a drain bounds
	answer chan outcome

	// What follows belongs to the loop.
	progress progress
	deadline time.Time
}

// progress tells whether a command has done its work, and what came of it. It runs in
// the loop, after each turn.
type progress func() (done bool, result outcome)

// outcome is the answer to a command: a sentence for people, or an error.
type outcome struct {
	text string
	err  error
}

// done is the progress of a command that has done its work already.
func done(text string) progress {
	return func() (bool, outcome) { return true, outcome{text: text} }
}

// order posts a command. Its begin runs in the loop; an error of it is the answer.
func (d *Daemon) order(ctx context.Context, drains bool, begin func() (progress, error)) (*command, error) {
	c := &command{ctx: ctx, begin: begin, drains: drains, answer: make(chan outcome, 1)}
	select {
	case d.events <- event{command: c}:
		return c, nil
	case <-d.done:
		return nil, ErrNotRunning
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// wait waits for a command's answer.
func (d *Daemon) wait(c *command) (string, error) {
	select {
	case o := <-c.answer:
		return o.text, o.err
	case <-d.done:
		return "", ErrNotRunning
	case <-c.ctx.Done():
		return "", c.ctx.Err()
	}
}

// beginCommand runs in the loop.
func (d *Daemon) beginCommand(c *command) {
	if d.stopping {
		c.answer <- outcome{err: ErrNotRunning}
		return
	}
	var err error
	if c.progress, err = c.begin(); err != nil {
		c.answer <- outcome{err: err}
		return
	}
	if !c.drains {
		c.deadline = d.now.Add(d.longestInterval() + commandMargin)
	}
	d.commands = append(d.commands, c)
}

func (d *Daemon) longestInterval() (longest time.Duration) {
	for _, r := range d.routers {
		longest = max(longest, r.config.Interval)
	}
	return longest
}

// errUnfinished can only be when the loop is starved.
var errUnfinished = errors.New("it is still under way: see `vipd status`")

// answerCommands answers the commands that have done their work, or had their time.
func (d *Daemon) answerCommands() {
	d.commands = slices.DeleteFunc(d.commands, func(c *command) bool {
		finished, result := c.progress()
		if !finished && due(c.deadline, d.now) {
			finished, result = true, outcome{err: errUnfinished}
		}
		if finished {
			c.answer <- result // it has room for one, and this is the only one
		}
		return finished || c.ctx.Err() != nil
	})
}
