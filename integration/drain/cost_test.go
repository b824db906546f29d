// SPDX-License-Identifier: Apache-2.0

package drain_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

// TestCost compares, in turn, a download of the new node's own while it passes segments on
// with one while it passes nothing on. What it passes is a single conversation.
func TestCost(t *testing.T) {
	rounds := times(1, 7)
	s := run(t, 2, long)
	var with, without []float64
	for range rounds {
		c, err := lab.StartConversations(s.Client.Namespace, netip.AddrPortFrom(vips[0].Addr(), webPort), 1, exchangePeriod)
		labtest.Must(t, err)
		s.move(t, true)
		with = append(with, s.ownRate(t))
		labtest.Must(t, c.Stop())
		labtest.Await(t, func() error { return s.settled(s.nodes[1]) })
		without = append(without, s.ownRate(t))
		s.move(t, false)
		labtest.Await(t, func() error { return s.settled(s.nodes[0]) })
	}
	fill(t, "cost", fmt.Sprintf("| rounds | passing, median Mbit/s | not passing | ratio |\n|---|---|---|---|\n| %d | %.0f | %.0f | %.2f |\n",
		rounds, median(with), median(without), median(with)/median(without)))
}

// ownRate is what a download from the Active comes with, in Mbit/s.
func (s *site) ownRate(t *testing.T) float64 {
	t.Helper()
	d := s.download(t)
	labtest.Await(t, func() error {
		if n := len(d.Progress()); n < 20 {
			return fmt.Errorf("%d reports", n)
		}
		return nil
	})
	before, _, _ := rates(d.Progress(), time.Now())
	labtest.Must(t, d.Stop())
	return before
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
