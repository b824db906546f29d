// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
	"vipd/netif/filter"
)

func TestOpenWithoutPermission(t *testing.T) {
	rows := []struct {
		name   string
		refuse []netip.Addr
		fails  bool
	}{
		{"something to refuse", addresses("192.0.2.100"), true},
		{"nothing to refuse", nil, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			log := &journal{}
			withoutNetAdmin(t, func() {
				f, err := filter.Open(row.refuse, log.logger())
				if errors.Is(err, os.ErrPermission) != row.fails || (f == nil) != row.fails {
					t.Errorf("filter %v, error %v", f, err)
				}
				if f != nil {
					runWithoutTables(t, f)
				}
			})
			if warned := strings.Count(log.String(), "WARN") == 1; warned == row.fails {
				t.Errorf("log: %s", log)
			}
			if got := list("inet vipd") + list("arp vipd"); got != "" {
				t.Errorf("left: %s", got)
			}
		})
	}
}

// A filter that has no tables does nothing, until it is told to end.
func runWithoutTables(t *testing.T, f *filter.Filter) {
	ctx, cancel := context.WithCancel(t.Context())
	f.Silence("a", addresses("192.0.2.100"))
	cancel()
	f.Run(ctx)
}

// withoutNetAdmin calls fn without CAP_NET_ADMIN. The thread is not used again.
func withoutNetAdmin(t *testing.T, fn func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var sets [2]unix.CapUserData
		err := unix.Capget(&header, &sets[0])
		sets[0].Effective &^= 1 << unix.CAP_NET_ADMIN
		if err == nil {
			err = unix.Capset(&header, &sets[0])
		}
		if err == nil {
			fn()
		}
		done <- err
	}()
	labtest.Must(t, <-done)
}
