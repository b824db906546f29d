// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vipd/config"
	"vipd/daemon"
	"vipd/host"
)

// realtimeFlag adds --realtime to a command.
func realtimeFlag(c *cobra.Command, realtime *bool) {
	c.Flags().BoolVar(realtime, "realtime", true, "run before ordinary programs (SCHED_RR 50), and keep the memory from being swapped out")
}

// steady makes the process real-time and locks its memory, if that is wanted. What is
// refused is no reason not to run: it is logged, and returned for the status.
func steady(realtime bool, log *slog.Logger) (problem string) {
	if !realtime {
		return ""
	}
	var refused []string
	for _, err := range []error{host.Realtime(), host.LockMemory()} {
		if err != nil {
			log.Warn("the daemon may be late on a busy host", "error", err)
			refused = append(refused, err.Error())
		}
	}
	return strings.Join(refused, "; ")
}

// leastUnhurried is the shortest interval of adverts that a busy host's ordinary programs
// can keep (ADR 11).
const leastUnhurried = 100 * time.Millisecond

// warnHurried warns of adverts that need real-time scheduling when there is none.
func warnHurried(c *config.Config, scheduling string, log *slog.Logger) {
	for i := range c.Routers {
		if r := &c.Routers[i]; scheduling == "other" && r.Interval < leastUnhurried {
			log.Warn("without real-time scheduling the addresses may move on a busy host: want an advert_interval of 100ms or more",
				"router", r.Name, "advert_interval", r.Interval)
		}
	}
}

// saveMemory makes the collector run at half again what lives, and not at twice: the
// steady state makes hardly any garbage, and a start with many routers leaves a lot. GOGC
// is the user's.
func saveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// described is the daemon, with what only its process knows in its status.
type described struct {
	*daemon.Daemon
	problem string // of steady
}

func (d described) Status(ctx context.Context) (daemon.Status, error) {
	status, err := d.Daemon.Status(ctx)
	status.Loop.Scheduling, status.Loop.Problem = host.Scheduling(), d.problem
	return status, err
}
