// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// systemd tells the service manager how we are. All of it is nothing when
// something else started us.
type systemd struct {
	log   *slog.Logger
	beats atomic.Uint64
}

// startSystemd says READY, and feeds the watchdog for as long as the loop beats.
func startSystemd(log *slog.Logger) *systemd {
	s := &systemd{log: log}
	s.notify(daemon.SdNotifyReady)
	if interval, err := daemon.SdWatchdogEnabled(false); err == nil && interval > 0 {
		go s.feed(interval / 3)
	}
	return s
}

// beat is called by the loop, in each turn.
func (s *systemd) beat() { s.beats.Add(1) }

// feed keeps the watchdog quiet, unless the loop has stood still.
func (s *systemd) feed(every time.Duration) {
	for last := uint64(0); ; {
		time.Sleep(every)
		if now := s.beats.Load(); now != last {
			s.notify(daemon.SdNotifyWatchdog)
			last = now
		}
	}
}

// reloading says that the next READY ends a reload, and by CLOCK_MONOTONIC when it
// began (sd_notify(3)).
func (s *systemd) reloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		s.log.Warn("clock", "error", err)
	}
	s.notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000))
}

func (s *systemd) ready() { s.notify(daemon.SdNotifyReady) }

func (s *systemd) stopping() { s.notify(daemon.SdNotifyStopping) }

func (s *systemd) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd was not told", "state", state, "error", err)
	}
}
