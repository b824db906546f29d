// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vipd/daemon"
	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	fifty = 50 // checks: what a router may have
	// lateBound is the bucket of the histogram that decides, and lateShare how much less
	// of all wake-ups may be within it, in percent.
	lateBound = 5 * time.Millisecond
	lateShare = 5
)

// TestFifty compares how late the loop of an Active wakes up without checks and with fifty
// of all kinds.
func TestFifty(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.serve(t, startHAProxy, "haproxyf")
	n := b.lb1
	n.equip(t)
	startNameServer(t, n)
	span := times(4, 120)
	without := n.lateness(t, nil, span)
	with := n.lateness(t, []*kind{haproxy, haproxyMaster, web, tcp, tls, process, killall, dns, file, script}, span)
	shown := shown(without, with)
	with.Buckets, without.Buckets = with.Buckets[:shown], without.Buckets[:shown]
	lines := head(append([]string{"checks", "wake-ups"}, bounds(with)...)...) + latenessLine("none", without) + latenessLine(fmt.Sprint(fifty), with)
	t.Log("\n" + lines)
	if a, b := within(without), within(with); b < a-lateShare {
		t.Errorf("within %v: %.1f %% of the wake-ups, without checks %.1f %%", lateBound, b, a)
	}
	put(t, "fifty", lines)
}

// lateness runs vipd with fifty checks of some kinds, or none, and returns what it says of
// some seconds.
func (n *node) lateness(t *testing.T, kinds []*kind, seconds int) daemon.LatenessStatus {
	t.Helper()
	n.configure(t, n.manyChecks(kinds))
	n.start(t)
	labtest.Await(t, func() error { return n.look("active") })
	before := n.loop(t)
	<-time.After(time.Duration(seconds) * time.Second)
	after := n.loop(t)
	labtest.Must(t, n.Stop())
	for i := range after.Buckets {
		after.Buckets[i].Count -= before.Buckets[i].Count
	}
	after.Count -= before.Count
	return after
}

func (n *node) loop(t *testing.T) daemon.LatenessStatus {
	t.Helper()
	status, err := n.status()
	labtest.Must(t, err)
	return status.Loop.Lateness
}

// manyChecks has one router, and fifty checks for it of some kinds, or none.
func (n *node) manyChecks(kinds []*kind) string {
	config := fmt.Sprintf(`node: %s
api: %q
routers:
- name: r
  interface: %s
  vrid: %d
  advert_interval: 100ms
  addresses: [%v/24]
`, n.Host.Name(), n.socket(), lab.Interface, firstVRID, address(0))
	if len(kinds) == 0 {
		return config
	}
	var names []string
	var checks strings.Builder
	for i := range fifty {
		names = append(names, checkName(i))
		checks.WriteString(n.check(i, kinds[i%len(kinds)], interval))
	}
	return fmt.Sprintf("%s  checks: [%s]\nchecks:\n%s", config, strings.Join(names, ", "), &checks)
}

// shown is how many buckets there are until the first that has all wake-ups of both.
func shown(a, b daemon.LatenessStatus) int {
	for i := range a.Buckets {
		if a.Buckets[i].Count == a.Count && b.Buckets[i].Count == b.Count {
			return i + 1
		}
	}
	return len(a.Buckets)
}

// bounds are the buckets of the histogram.
func bounds(l daemon.LatenessStatus) (names []string) {
	for _, b := range l.Buckets {
		names = append(names, "≤ "+bound(b).String())
	}
	return names
}

func bound(b daemon.LatenessBucket) time.Duration {
	return time.Duration(b.LE * float64(time.Second)).Round(time.Microsecond)
}

// latenessLine is the share of all wake-ups that each bucket has.
func latenessLine(name string, l daemon.LatenessStatus) string {
	cells := []string{name, fmt.Sprint(l.Count)}
	for _, b := range l.Buckets {
		cells = append(cells, fmt.Sprintf("%.2f %%", share(b, l)))
	}
	return line(cells...)
}

func share(b daemon.LatenessBucket, l daemon.LatenessStatus) float64 {
	return 100 * float64(b.Count) / float64(max(1, l.Count))
}

// within is the share of the wake-ups that were late by lateBound at most.
func within(l daemon.LatenessStatus) float64 {
	for _, b := range l.Buckets {
		if bound(b) == lateBound {
			return share(b, l)
		}
	}
	return 0
}
