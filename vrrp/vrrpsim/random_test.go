// SPDX-License-Identifier: Apache-2.0

package vrrpsim

import (
	"flag"
	"testing"
)

var (
	worlds = flag.Int("worlds", 4000, "how many random worlds TestRandom runs")
	seed   = flag.Uint64("seed", 1, "the seed of TestRandom's first world; the others follow")
)

func TestRandom(t *testing.T) {
	steps := 0
	for i := range uint64(*worlds) {
		r := Random(*seed + i)
		steps += r.Steps
		if r.Err != nil {
			t.Fatalf("%v\n\ngo test ./vrrp/vrrpsim -run TestRandom -worlds=1 -seed=%d\n\n%s", r.Err, *seed+i, r.Tail)
		}
	}
	t.Logf("%d worlds from seed %d, %d router-steps", *worlds, *seed, steps)
}

// The same seed is the same world, and another one is not.
func TestSameSeedSameTrace(t *testing.T) {
	seen := map[uint64]uint64{}
	for s := *seed; s < *seed+100; s++ {
		first, second := Random(s), Random(s)
		if first.Hash != second.Hash || first.Steps != second.Steps {
			t.Errorf("seed %d: traces %x and %x", s, first.Hash, second.Hash)
		}
		if other, twice := seen[first.Hash]; twice {
			t.Errorf("seeds %d and %d have one trace", s, other)
		}
		seen[first.Hash] = s
	}
}
