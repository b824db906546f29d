// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"vipd/config"
	"vipd/vrrp"
)

func TestWarnHurried(t *testing.T) {
	for name, row := range map[string]struct {
		interval   time.Duration
		scheduling string
		warns      bool
	}{
		"as fast as others can":     {100 * time.Millisecond, "other", false},
		"faster":                    {90 * time.Millisecond, "other", true},
		"faster, and real-time":     {10 * time.Millisecond, "rr 50", false},
		"real-time by another name": {10 * time.Millisecond, "fifo 20", false},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			c := &config.Config{Routers: []config.Router{{Name: "web", Params: vrrp.Params{Interval: row.interval}}}}
			warnHurried(c, row.scheduling, slog.New(slog.NewTextHandler(&log, nil)))
			if got := strings.Contains(log.String(), "router=web"); got != row.warns {
				t.Errorf("warns: %v, want %v; log %q", got, row.warns, &log)
			}
		})
	}
}
