// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/integration/lab/labtest"
)

// BenchmarkSilence measures from the call until the kernel has told that both tables
// are changed.
func BenchmarkSilence(b *testing.B) {
	r := run(b)
	r.transactions(b, 2) // Open's
	silent := addresses("192.0.2.100", "2001:db8::100")
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		r.Silence("a", silent)
		r.transactions(b, 2)
		took = append(took, time.Since(start))
		r.Silence("a", nil)
		r.transactions(b, 2)
	}
	report(b, took)
}

// BenchmarkHeal measures from the flush of the ruleset until both tables are there
// again. The pause is one that keeps the filter from thinking that it is fought.
func BenchmarkHeal(b *testing.B) {
	r := run(b, "192.0.2.100", "2001:db8::100")
	r.transactions(b, 2) // Open's
	var took []time.Duration
	for b.Loop() {
		labtest.Must(b, exec.Command("nft", "flush ruleset").Run())
		r.transactions(b, 1)
		start := time.Now()
		r.transactions(b, 2)
		took = append(took, time.Since(start))
		time.Sleep(3 * time.Second)
	}
	report(b, took)
}

// transactions waits for so many of them.
func (r *running) transactions(b *testing.B, n int) {
	b.Helper()
	for n > 0 {
		messages, _, err := r.changes.Receive()
		labtest.Must(b, err)
		for _, m := range messages {
			if m.Header.Type == unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWGEN {
				n--
			}
		}
	}
}

func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "µs-max")
}
