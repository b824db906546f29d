// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
)

// Whoever closes such a socket makes all transactions wait, in the worst case for seconds:
// segments were reset because the rules for them were not there in time.
func TestCountersCloseNothing(t *testing.T) {
	p := newPassage(t, families[0])
	p.start(t)
	others := netfilterSockets(t)
	p.counters(t)
	before := netfilterSockets(t)
	p.counters(t)
	if after := netfilterSockets(t); !slices.Equal(before, after) || len(after) != len(others)+1 {
		t.Errorf("sockets %q, before %q, and before the first count %q", after, before, others)
	}
}

// netfilterSockets are the inodes of this host's netlink sockets for netfilter.
func netfilterSockets(t *testing.T) (inodes []string) {
	t.Helper()
	list, err := os.ReadFile("/proc/thread-self/net/netlink")
	labtest.Must(t, err)
	for line := range strings.Lines(string(list)) {
		if fields := strings.Fields(line); fields[1] == fmt.Sprint(unix.NETLINK_NETFILTER) {
			inodes = append(inodes, fields[len(fields)-1])
		}
	}
	slices.Sort(inodes)
	return inodes
}
