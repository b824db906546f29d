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
	var realtime bool
	command := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon; SIGHUP reloads, SIGTERM hands the addresses over and stops it",
		Args:  arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			own, err := load(c.ErrOrStderr(), path)
			if err != nil {
				return err
			}
			return run(own, path, state, realtime)
		},
	}
	configFlag(command, &path)
	stateFlag(command, &state)
	realtimeFlag(command, &realtime)
	return command
}

// run wires the parts together, and takes them apart in the opposite order: the
// loop ends when nothing is owned any more, the network when all is removed.
func run(c *config.Config, path, state string, realtime bool) error {
	c.Forget()
	saveMemory()
	writer := host.NewLogWriter(os.Stderr)
	defer writer.Close()
	level := new(slog.LevelVar)
	level.Set(c.Log.Level)
	log := newLogger(writer, c.Log, level)
	problem := steady(realtime, log)
	warnHurried(c, host.Scheduling(), log)

	timer, err := host.NewTimer()
	if err != nil {
		return fmt.Errorf("timer: %w", err)
	}
	defer timer.Close()
	port := &networkPort{}
	d := daemon.New(c, version, port, &timerPort{timer}, log)
	port.managers = d.PostManagers
	r := &reloader{path: path, daemon: d, level: level, config: c}
	if err := remember(d, state); err != nil {
		log.Error("what was to outlive the restart can't be read", "error", err)
	}
	// Before the network: a second daemon must not touch what the first one holds.
	server, err := api.Listen(c.API, described{d, problem}, r, log)
	if err != nil {
		return err
	}
	if port.host, err = openNetwork(c, d, log); err != nil {
		return errors.Join(err, server.Close())
	}
	log.Info("vipd is running", "version", version, "node", c.Node, "routers", len(c.Routers), "checks", len(c.Checks))
	return serve(r, port.host, server, log)
}

// serve runs the parts until the process is told to stop.
func serve(r *reloader, network *netif.Host, server *api.Server, log *slog.Logger) error {
	stop, cancel := context.WithCancel(context.Background())
	defer cancel()
	onSignals(cancel)
	onHandOff(r.daemon, network, log)
	hangup := hangups()

	networkContext, endNetwork := context.WithCancel(context.Background())
	checkContext, endChecks := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	var networkErr error
	parts.Go(func() {
		networkErr = network.Run(networkContext)
		cancel() // without the network nothing is left to do
	})
	r.begin(checkContext, startSystemd(log))
	parts.Go(func() { r.reloadAt(checkContext, hangup) })
	parts.Go(func() {
		if err := server.Serve(); err != nil {
			log.Error("the API ended", "error", err)
		}
	})
	r.daemon.Run(stop, r.systemd.beat)
	r.systemd.stopping()
	endChecks()
	endNetwork()
	err := server.Close()
	parts.Wait()
	r.checks.wait()
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

func newLogger(w *host.LogWriter, c config.Log, level *slog.LevelVar) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
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
