// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"vipd/api"
	"vipd/config"
	"vipd/daemon"
	"vipd/host"
)

// stateDir is what outlives a restart: the unit's StateDirectory.
const stateDir = "/var/lib/vipd"

// stateFlag adds --state to a command.
func stateFlag(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "state", stateDir, "the folder of what outlives a restart")
}

// maintenanceFile is where the maintenance is remembered.
func maintenanceFile(dir string) host.StateFile {
	return host.StateFile{Path: filepath.Join(dir, "maintenance")}
}

// target is which daemon a command is for.
type target struct{ config, socket string }

// flags adds --config and --socket to a command.
func (t *target) flags(c *cobra.Command) {
	configFlag(c, &t.config)
	c.Flags().StringVar(&t.socket, "socket", "", "the daemon's socket (default: the one in the configuration file)")
}

// path is the daemon's socket. A file that is not valid is no reason not to find the
// daemon, which runs by what it read before.
func (t *target) path(c *cobra.Command) (string, error) {
	if t.socket != "" {
		return t.socket, nil
	}
	file, problems := config.Load(t.config)
	if file != nil {
		if own, err := onThisHost(file); err == nil {
			return own.API, nil
		}
	}
	socket, err := config.SocketIn(t.config)
	if err != nil {
		return "", err
	}
	printProblems(c.ErrOrStderr(), problems)
	return socket, nil
}

// longestDrain bounds how long a command waits for connections to end: what `drain` may be
// at most, and a minute.
const longestDrain = 24*time.Hour + time.Minute

// drainFlag adds --drain to a command.
func drainFlag(c *cobra.Command, drain *bool) {
	c.Flags().BoolVar(drain, "drain", false, "wait until no connection is left here, or the time of `drain:` is over")
}

// order has the daemon do something, and prints what it says.
func (t *target) order(c *cobra.Command, verb string, request any, drain bool) error {
	path, err := t.path(c)
	if err != nil {
		return err
	}
	ctx := c.Context()
	if drain {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, longestDrain)
		defer cancel()
	}
	text, err := api.Control(ctx, path, verb, request)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.OutOrStdout(), text)
	return nil
}

func maintenanceCommand() *cobra.Command {
	var t target
	var reason string
	var drain bool
	command := &cobra.Command{
		Use:   "maintenance on|off",
		Short: "Take this node out, or bring it back: all its routers",
		Long: "Take this node out: all its routers hand over, and none of them runs until\n" +
			"`vipd maintenance off`, also after a restart of vipd or of the host. The command\n" +
			"returns when nothing is served here any more, or with --drain when established\n" +
			"connections have ended, too. It exits with 1 when nobody took\n" +
			"over; the node is in maintenance all the same.",
		Args:      arguments(1, 1),
		ValidArgs: []string{"on", "off"},
		RunE: func(c *cobra.Command, args []string) error {
			on := args[0] == "on"
			switch {
			case !on && args[0] != "off":
				return usageError{fmt.Errorf("maintenance %s: it is `on` or `off`", args[0])}
			case !on && reason != "":
				return usageError{fmt.Errorf("maintenance off: it needs no reason")}
			case !on && drain:
				return usageError{fmt.Errorf("maintenance off: it has nothing to drain")}
			}
			return t.order(c, "maintenance", daemon.MaintenanceRequest{On: on, Reason: reason, Drain: drain}, drain)
		},
	}
	t.flags(command)
	drainFlag(command, &drain)
	command.Flags().StringVar(&reason, "reason", "", "what others shall read in the status")
	return command
}

func resignCommand() *cobra.Command {
	var t target
	var undo, drain bool
	command := &cobra.Command{
		Use:   "resign ROUTER",
		Short: "Hand an active router over to another node",
		Long: "Hand an active router over to another node, with all routers of its group. Whoever\n" +
			"takes over is not preempted, until that one gives up or falls silent, vipd is\n" +
			"restarted here, or --undo. With --drain the command waits until established\n" +
			"connections have ended, too: then vipd can be stopped. The command exits with 1 when nobody took over: the\n" +
			"router is active here again.",
		Args: arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if undo && drain {
				return usageError{fmt.Errorf("resign --undo: it has nothing to drain")}
			}
			return t.order(c, "resign", daemon.Resignation{Router: args[0], Undo: undo, Drain: drain}, drain)
		},
	}
	t.flags(command)
	drainFlag(command, &drain)
	command.Flags().BoolVar(&undo, "undo", false, "take it back: the router preempts as it is configured to")
	return command
}

// remember makes a daemon keep its state over a restart.
func remember(d *daemon.Daemon, dir string) error {
	if err := d.RememberMaintenance(maintenanceFile(dir)); err != nil {
		return fmt.Errorf("maintenance: %w", err)
	}
	return nil
}
