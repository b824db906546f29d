// SPDX-License-Identifier: Apache-2.0

package backoff

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestPausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Backoff{First: 10 * time.Millisecond, Longest: 50 * time.Millisecond}
		var got []time.Duration
		for i := range 8 {
			if i == 6 {
				time.Sleep(101 * time.Millisecond) // quiet for long enough
			}
			start := time.Now()
			if !b.Wait(t.Context()) {
				t.Fatal("not waited to the end")
			}
			got = append(got, time.Since(start)/time.Millisecond)
		}
		if want := []time.Duration{10, 20, 40, 50, 50, 50, 10, 20}; !slices.Equal(got, want) {
			t.Errorf("%v ms, want %v", got, want)
		}
	})
}

func TestEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := Backoff{First: time.Hour, Longest: time.Hour}
	if b.Wait(ctx) {
		t.Error("waited for an ended context")
	}
}
