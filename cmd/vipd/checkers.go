// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"vipd/config"
	"vipd/daemon"
	"vipd/host"
)

// checkers runs the checks of a configuration.
type checkers struct {
	ctx     context.Context
	daemon  *daemon.Daemon
	running []*checker
}

// checker is one check that runs.
type checker struct {
	config config.Check
	cancel context.CancelFunc
	ended  chan struct{}
}

// start starts the checks that do not run yet.
func (k *checkers) start(c *config.Config) {
	for i := range c.Checks {
		if !k.runs(&c.Checks[i]) {
			k.running = append(k.running, k.run(c.Checks[i]))
		}
	}
}

func (k *checkers) runs(c *config.Check) bool {
	for _, r := range k.running {
		if r.config.SameProbe(c) {
			return true
		}
	}
	return false
}

func (k *checkers) run(c config.Check) *checker {
	ctx, cancel := context.WithCancel(k.ctx)
	r := &checker{config: c, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		check := c.Check
		check.Processes, check.Runner = host.Processes{}, scriptRunner()
		check.Run(ctx, k.daemon.PostResult)
	}()
	return r
}

// stopOthers stops the checks that a configuration does not have, or not so. When it
// returns they have said their last word.
func (k *checkers) stopOthers(c *config.Config) {
	var stay []*checker
	for _, r := range k.running {
		if now := c.Check(r.config.Name); now != nil && now.SameProbe(&r.config) {
			stay = append(stay, r)
			continue
		}
		r.cancel()
		<-r.ended
	}
	k.running = stay
}

// wait waits until all have ended, with the context.
func (k *checkers) wait() {
	for _, r := range k.running {
		<-r.ended
	}
}
