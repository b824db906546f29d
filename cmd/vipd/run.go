// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"vipd/api"
	"vipd/config"
	"vipd/daemon"
	"vipd/host"
	"vipd/netif"
)

func runCommand() *cobra.Command {
	var path, state string
	command := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon; SIGTERM hands the addresses over and stops it",
		Args:  arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			own, err := load(c.ErrOrStderr(), path)
			if err != nil {
				return err
			}
			return run(own, state)
		},
	}
	configFlag(command, &path)
	stateFlag(command, &state)
	return command
}

// run wires the parts together, and takes them apart in the opposite order: the
// loop ends when nothing is owned any more, the network when all is removed.
func run(c *config.Config, state string) error {
	writer := host.NewLogWriter(os.Stderr)
	defer writer.Close()
	log := newLogger(writer, c.Log)

	timer, err := host.NewTimer()
	if err != nil {
		return fmt.Errorf("timer: %w", err)
	}
	defer timer.Close()
	port := &networkPort{}
	d := daemon.New(c, version, port, &timerPort{timer}, log)
	if err := remember(d, state); err != nil {
		log.Error("what was to outlive the restart can't be read", "error", err)
	}
	// Before the network: a second daemon must not touch what the first one holds.
	server, err := api.Listen(c.API, d, log)
	if err != nil {
		return err
	}
	if port.host, err = openNetwork(c, d, log); err != nil {
		return errors.Join(err, server.Close())
	}
	log.Info("vipd is running", "version", version, "node", c.Node, "routers", len(c.Routers), "checks", len(c.Checks))
	return serve(c, d, port.host, server, log)
}

// serve runs the parts until the process is told to stop.
func serve(c *config.Config, d *daemon.Daemon, network *netif.Host, server *api.Server, log *slog.Logger) error {
	stop, cancel := context.WithCancel(context.Background())
	defer cancel()
	onSignals(cancel)
	onHandOff(d, network, log)
	ignoreReload(log)

	networkContext, endNetwork := context.WithCancel(context.Background())
	checkContext, endChecks := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	var networkErr error
	parts.Go(func() {
		networkErr = network.Run(networkContext)
		cancel() // without the network nothing is left to do
	})
	for i := range c.Checks {
		check := c.Checks[i].Check
		check.Processes = host.Processes{}
		parts.Go(func() { check.Run(checkContext, d.PostResult) })
	}
	parts.Go(func() {
		if err := server.Serve(); err != nil {
			log.Error("the API ended", "error", err)
		}
	})
	systemd := startSystemd(log)
	d.Run(stop, systemd.beat)
	systemd.stopping()
	endChecks()
	endNetwork()
	err := server.Close()
	parts.Wait()
	log.Info("vipd has ended")
	return errors.Join(networkErr, err)
}

// onSignals calls stop at the first SIGTERM or SIGINT. A second one ends the process
// at once, however soon it comes; the kernel then removes the addresses when their
// leases end.
func onSignals(stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		stop()
		second := <-signals
		signal.Reset(second)
		_ = syscall.Kill(os.Getpid(), second.(syscall.Signal)) // of ourselves: it can't fail
	}()
}

// ignoreReload keeps SIGHUP from ending the process.
func ignoreReload(log *slog.Logger) {
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	go func() {
		for range reload {
			log.Warn("SIGHUP: reload is not in this version; the running configuration stays")
		}
	}()
}

func newLogger(w *host.LogWriter, c config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.JSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	options.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey && os.Getenv("JOURNAL_STREAM") != "" {
			return slog.Attr{} // the journal has its own
		}
		return a
	}
	return slog.New(slog.NewTextHandler(w, options))
}
