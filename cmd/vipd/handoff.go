// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"vipd/api"
	"vipd/daemon"
	"vipd/host"
	"vipd/netif"
)

const (
	// handOffSignal ends the daemon without giving anything up.
	handOffSignal = syscall.SIGUSR2
	// handOffTime bounds the wait for its end.
	handOffTime = 5 * time.Second
)

func handOffCommand() *cobra.Command {
	var path string
	command := &cobra.Command{
		Use:   "handoff",
		Short: "End the daemon with its addresses in place, for the supervisor to start the next one",
		Long: `End the daemon with its addresses in place: the next one goes on with them, and the other nodes
notice nothing. It must be started at once, as systemd does (Restart=always); else the
other nodes take over. The configuration is checked first: the next daemon must start.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			own, err := load(c.ErrOrStderr(), path)
			if err != nil {
				return err
			}
			return handOff(c.Context(), own.API)
		},
	}
	configFlag(command, &path)
	return command
}

// handOff tells the daemon on that socket to hand off, and waits until it has ended.
func handOff(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, handOffTime)
	defer cancel()
	pid, err := api.PID(ctx, socket)
	if err != nil {
		return err
	}
	ended, stop, err := host.Processes{}.Watch(pid)
	if err != nil {
		return err
	}
	defer stop()
	if err := syscall.Kill(pid, handOffSignal); err != nil {
		return fmt.Errorf("tell vipd, process %d, to hand off: %w", pid, err)
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("vipd, process %d, has not ended within %v", pid, handOffTime)
	}
}

// onHandOff hands off when told to, once.
func onHandOff(d *daemon.Daemon, network *netif.Host, log *slog.Logger) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, handOffSignal)
	go func() {
		<-signals
		log.Info("handing off: everything stays as it is")
		network.Keep()
		d.HandOff()
	}()
}
