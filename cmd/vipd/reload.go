// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"vipd/api"
	"vipd/config"
	"vipd/daemon"
)

// maxReasons bounds how many problems of a file are told in one line.
const maxReasons = 5

// reloader reads the file again, and has the running parts follow it.
type reloader struct {
	path   string
	daemon *daemon.Daemon
	level  *slog.LevelVar

	mu      sync.Mutex // one reload at a time; guards what follows
	systemd *systemd   // nil: the parts do not run yet
	checks  checkers
	config  *config.Config
}

// begin starts the checks, until ctx ends.
func (r *reloader) begin(ctx context.Context, s *systemd) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.systemd = s
	r.checks = checkers{ctx: ctx, daemon: r.daemon}
	r.checks.start(r.config)
}

// Reload takes over the file as it is now. It says what has changed, a line each. An
// error leaves everything as it was.
func (r *reloader) Reload(ctx context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.systemd == nil {
		return "", daemon.ErrNotRunning // yet
	}
	r.systemd.reloading()
	defer r.systemd.ready()
	c, err := fromFile(config.Load(r.path))
	if err != nil {
		r.daemon.ReloadFailed(ctx, err)
		return "", err
	}
	c.Forget()
	r.checks.stopOthers(c)
	plan, err := r.daemon.Reload(ctx, c)
	if err != nil {
		r.checks.start(r.config)
		return "", err
	}
	r.config = c
	r.level.Set(c.Log.Level)
	r.checks.start(c)
	return lines(plan), nil
}

// Plan says what a reload of a file with that text would do.
func (r *reloader) Plan(ctx context.Context, text []byte) (string, error) {
	c, err := fromFile(config.Parse("the file", text))
	if err != nil {
		return "", err
	}
	plan, err := r.daemon.Plan(ctx, c)
	if err != nil {
		return "", err
	}
	return lines(plan), nil
}

// fromFile picks this host's part of a file that has been read. The error is one line.
func fromFile(file *config.File, problems config.Problems) (*config.Config, error) {
	if file != nil {
		return onThisHost(file)
	}
	var reasons []string
	for _, p := range problems {
		if !p.Warning && len(reasons) < maxReasons {
			reasons = append(reasons, p.String())
		}
	}
	return nil, errors.New(strings.Join(reasons, "; "))
}

// lines is a plan for people.
func lines(plan config.Plan) string {
	if len(plan.Steps) == 0 {
		return "nothing changes"
	}
	var b strings.Builder
	for i, step := range plan.Steps {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(step.String())
	}
	return b.String()
}

// hangups are the SIGHUPs from now on, which don't end the process any more.
func hangups() <-chan os.Signal {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	return hangup
}

// reloadAt reloads at each signal until ctx ends. The log says how it went.
func (r *reloader) reloadAt(ctx context.Context, hangup <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			_, _ = r.Reload(ctx) // the log and the status say how it went
		}
	}
}

func reloadCommand() *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:   "reload",
		Short: "Make the running daemon read its configuration file again",
		Long: "Make the running daemon read its configuration file again. It is checked whole,\n" +
			"first: a file that is not valid leaves everything as it was, and the exit code is 1.",
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			at, err := t.path(c)
			if err != nil {
				return err
			}
			text, err := api.Reload(c.Context(), at)
			if err == nil {
				fmt.Fprintln(c.OutOrStdout(), text)
			}
			return err
		},
	}
	t.flags(command)
	return command
}

func planCommand() *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:   "plan FILE",
		Short: "Say what a reload with this file would do",
		Long: "Say what a reload with this file would do: one line for each difference to what the\n" +
			"running daemon has, with the most that it costs. Nothing is changed. What the file\n" +
			"wants of this host and does not find is a warning: a reload that would make a\n" +
			"running router wait for an interface is refused.",
		Args: arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			own, err := load(c.ErrOrStderr(), args[0])
			if err != nil {
				return err
			}
			printProblems(c.ErrOrStderr(), own.AgainstHost(args[0]))
			at, err := t.path(c)
			if err != nil {
				return err
			}
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			answer, err := api.Plan(c.Context(), at, text)
			if err == nil {
				fmt.Fprintln(c.OutOrStdout(), answer)
			}
			return err
		},
	}
	t.flags(command)
	return command
}
