// SPDX-License-Identifier: Apache-2.0

package scale

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vipd/bench/figure"
	"vipd/bench/pair"
	"vipd/integration/lab"
)

// hopeless is how often a daemon may fail to settle until it is no more asked to.
const hopeless = 2

// cycle is one repetition with one daemon.
type cycle struct {
	*pair.Pair
	trial
	daemon figure.Daemon
	rows   *rows
}

// run is the repetition. The nodes are looked at while all is quiet, if it is wanted.
func (c *cycle) run(ctx context.Context, look bool) (err error) {
	defer func() { err = errors.Join(err, c.Reset()) }()
	if err := c.begin(ctx); err != nil {
		return err
	}
	if err := c.stop(ctx); err != nil {
		return err
	}
	settled, err := c.comeBack(ctx, look)
	if err == nil && !settled {
		err = c.again(ctx, look)
	}
	if err == nil && look {
		err = c.look(ctx)
	}
	if err != nil {
		return err
	}
	return c.kill(ctx)
}

// begin begins with nothing.
func (c *cycle) begin(ctx context.Context) error {
	took, err := c.Begin(ctx, c.daemon)
	if err != nil {
		return err
	}
	c.rows.start.Add(c.daemon, figure.Millis(took))
	return nil
}

// again begins once more, so that the better node has all.
func (c *cycle) again(ctx context.Context, look bool) error {
	if err := c.Reset(); err != nil {
		return err
	}
	if _, err := c.Begin(ctx, c.daemon); err != nil {
		return err
	}
	return pair.Wait(ctx, c.quiet(look))
}

// add adds a sample, unless the run was interrupted: then it is none.
func (c *cycle) add(ctx context.Context, f *figure.Figure, s figure.Sample) {
	if ctx.Err() == nil {
		f.Add(c.daemon, s)
	}
}

// moved waits until a node has all addresses, and nothing has changed for so long, and
// adds after how long that was. It is false when it was not in time.
func (c *cycle) moved(ctx context.Context, f *figure.Figure, to int, since time.Time, quiet, limit time.Duration) bool {
	took, ok := c.Moved(ctx, to, since, quiet, limit+pair.Patience)
	if ok {
		c.add(ctx, f, figure.Millis(took))
	} else {
		c.add(ctx, f, figure.Beyond(limit+pair.Patience))
	}
	return ok
}

// look looks at both nodes while nothing happens.
func (c *cycle) look(ctx context.Context) error {
	var before, after [2]lab.Usage
	var err error
	began := time.Now()
	for i, n := range c.Nodes {
		if before[i], err = n.Usage(); err != nil {
			return err
		}
	}
	adverts, err := c.Adverts(ctx, c.span)
	if err != nil {
		return err
	}
	for i, n := range c.Nodes {
		if after[i], err = n.Usage(); err != nil {
			return err
		}
	}
	span := time.Since(began)
	for i := range c.Nodes {
		c.rows.cpu[i].Add(c.daemon, figure.Is(100*(after[i].CPU-before[i].CPU).Seconds()/span.Seconds()))
		c.rows.memory[i].Add(c.daemon, figure.Is(float64(after[i].Memory)/1e6))
	}
	for i, value := range adverts.Jitter {
		c.rows.jitter[i].Add(c.daemon, figure.Millis(value))
	}
	return nil
}

// stop stops the better node, and waits until it has ended.
func (c *cycle) stop(ctx context.Context) error {
	c.Count()
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- c.Nodes[pair.Better].Stop() }()
	ok := c.moved(ctx, &c.rows.stop, pair.Worse, began, 0, c.Skew())
	c.add(ctx, &c.rows.announced, figure.Is(float64(c.Count().Announcements)))
	err := errors.Join(<-ended, ctx.Err())
	if err == nil && !ok {
		err = fmt.Errorf("not all addresses have moved after the stop; the log ends with:\n%s", c.Nodes[pair.Worse].LogTail())
	}
	return err
}

// comeBack starts the better node again, until it has all addresses for good. It is false
// when that has not come.
func (c *cycle) comeBack(ctx context.Context, look bool) (settled bool, err error) {
	if censored(*c.rows.back.Of(c.daemon)) >= hopeless {
		return false, nil
	}
	c.Count()
	began := time.Now()
	if err := c.Nodes[pair.Better].Start(c.daemon); err != nil {
		return false, err
	}
	settled = c.moved(ctx, &c.rows.back, pair.Better, began, c.quiet(look), c.Silence(pair.Better))
	c.add(ctx, &c.rows.flaps, figure.Sample{Value: float64(c.Count().Flaps), Censored: !settled})
	return settled, ctx.Err()
}

func censored(samples figure.Samples) (n int) {
	for _, s := range samples {
		if s.Censored {
			n++
		}
	}
	return n
}

// kill kills the better node, when it has just sent an advert: then it lasts longest.
func (c *cycle) kill(ctx context.Context) error {
	if err := c.AwaitAdvert(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := c.Nodes[pair.Better].Kill(); err != nil {
		return err
	}
	c.moved(ctx, &c.rows.kill, pair.Worse, began, 0, c.Silence(pair.Worse))
	return ctx.Err()
}
