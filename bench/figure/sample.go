// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Sample is one measured value.
type Sample struct {
	Value float64 `json:"value"`
	// Censored: the value is more than that. It had not settled when the waiting ended.
	Censored bool `json:"censored,omitempty"`
}

// Is is a sample that was measured.
func Is(value float64) Sample { return Sample{Value: value} }

// Millis is a sample of time, in milliseconds.
func Millis(d time.Duration) Sample { return Is(float64(d) / float64(time.Millisecond)) }

// Beyond is a sample of what had not settled after a time, in milliseconds.
func Beyond(d time.Duration) Sample {
	s := Millis(d)
	s.Censored = true
	return s
}

// Samples are those of one daemon, in the order in which they were taken.
type Samples []Sample

// Min is the least; of no samples the zero Sample, as all of the three.
func (s Samples) Min() Sample { return s.rank(0) }

// Max is the greatest. It is censored when any sample is.
func (s Samples) Max() Sample { return s.rank(len(s) - 1) }

// Median is the middle one, or the mean of the two in the middle.
func (s Samples) Median() Sample {
	low, high := s.rank((len(s)-1)/2), s.rank(len(s)/2)
	return Sample{(low.Value + high.Value) / 2, high.Censored}
}

// rank is the sample with k smaller ones. A censored one could be any greater value, so
// that one at or below the rank makes it a lower bound.
func (s Samples) rank(k int) Sample {
	if len(s) == 0 {
		return Sample{}
	}
	sorted := slices.Clone(s)
	slices.SortFunc(sorted, func(a, b Sample) int {
		return cmp.Or(cmp.Compare(a.Value, b.Value), btoi(a.Censored)-btoi(b.Censored))
	})
	censored := slices.ContainsFunc(sorted[:k+1], func(x Sample) bool { return x.Censored })
	return Sample{sorted[k].Value, censored}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Percentile is the smallest of some values that at least p percent of them, of 0 to
// 100, do not exceed: for the spread within one sample. Of no values it is 0.
func Percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(float64(len(sorted)) * p / 100))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
